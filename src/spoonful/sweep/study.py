"""The study of a sweep, as the processes of its points see it."""

import functools
import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.refusals import refusal_of_database

_TIMEOUT_S = 60.0  # how long a process waits for another's write to SQLite


@dataclass(frozen=True)
class StudyTrial:
    """Where a point's process reports the result of each epoch.

    Attributes:
        url: the database of the study.
        name: name of the study.
        trial_id: id of the point's trial.
        pruner: how points are stopped early.
        prune_after_epochs: epochs that every point trains.
    """

    url: str
    name: str
    trial_id: int
    pruner: str
    prune_after_epochs: int

    def is_hopeless(self, epoch: int, num_epochs: int, value: float) -> bool:
        """Report the metric of an epoch, from 1; return whether the point should end."""
        import optuna

        if not math.isfinite(value):
            return False  # training itself reports what is wrong
        with refusals_of(self.url):
            pruner = pruner_of(self.pruner, self.prune_after_epochs, num_epochs)
            study = optuna.load_study(
                study_name=self.name, storage=storage_of(self.url), pruner=pruner
            )
            trial = optuna.trial.Trial(study, self.trial_id)
            if epoch not in study.trials[trial.number].intermediate_values:
                trial.report(value, epoch)
            return epoch < num_epochs and trial.should_prune()


@functools.lru_cache(maxsize=1)  # a point asks after each epoch, and opening it takes 0.3 s
def storage_of(url: str) -> Any:
    """Open the database of a study."""
    import optuna

    wait = {"connect_args": {"timeout": _TIMEOUT_S}} if url.startswith("sqlite") else {}
    return optuna.storages.RDBStorage(url, engine_kwargs=wait)


@contextmanager
def refusals_of(url: str) -> Iterator[None]:
    """Turn errors of the study's database into one line without a password."""
    from optuna.exceptions import OptunaError
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError, SQLAlchemyError

    try:
        yield
    except (OptunaError, SQLAlchemyError, ImportError) as error:
        cause = error.__cause__ if isinstance(error.__cause__, SQLAlchemyError) else error
        try:
            shown = make_url(url).render_as_string(hide_password=True)
        except ArgumentError:
            shown = "the address"
        if (refused := refusal_of_database(error)) is not None:
            raise SpoonfulError(f"the sweep's study in {shown}: {refused}") from error
        reason = str(cause).splitlines()[0] if str(cause) else type(cause).__name__
        raise SpoonfulError(
            f"the sweep's study in {shown} cannot be used ({reason}); expected "
            "sweep.storage=sqlite:///FILE, another database URL, or null"
        ) from error


def pruner_of(name: str, after: int, num_epochs: int) -> Any:
    """Return the pruner with a name; it lets every point train `after` epochs."""
    import optuna

    if name == "median":
        return optuna.pruners.MedianPruner(n_warmup_steps=after)
    if name == "hyperband":
        return optuna.pruners.HyperbandPruner(min(after, num_epochs), num_epochs)
    if name == "asha":
        return optuna.pruners.SuccessiveHalvingPruner(after)
    return optuna.pruners.NopPruner()
