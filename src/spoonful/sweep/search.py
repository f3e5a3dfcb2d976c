"""A sweep whose points are chosen by an Optuna sampler, each from the results of the others."""

import hashlib
import importlib
import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from spoonful.config.axes import GRID, Interval, Space, Sweep
from spoonful.config.schema import Config, SweepConfig
from spoonful.config.stopping import stopping_mode
from spoonful.errors import SpoonfulError
from spoonful.sweep.folder import FINISHED, PRUNED, PlannedPoint, PointRecord, SweepFolder
from spoonful.sweep.study import StudyTrial, pruner_of, refusals_of, storage_of
from spoonful.tracking.store import sqlite_uri

if TYPE_CHECKING:
    import optuna

METRIC = "trainer.early_stopping.metric"
DATABASE_NAME = "study.db"
_POINT = "point"  # a trial's attribute: which point of the sweep it is


class Search:
    """The points of a sweep in the order in which a sampler chooses them.

    An interrupted trial resumes; a failed one is tried again with the same values. Each choice has
    its own seed, so that a resumed study makes the same choices as without interruption.

    Args:
        asked: the sweep.
        config: config of its first point.
        folder: folder of the sweep.
    """

    def __init__(self, asked: Sweep, config: Config, folder: SweepFolder) -> None:
        import optuna

        self._asked, self._settings, self._folder = asked, config.sweep, folder
        self._url = config.sweep.storage or sqlite_uri(folder.path / DATABASE_NAME)
        self._next = 0
        is_max = stopping_mode(config) == "max"
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        with refusals_of(self._url):
            self._study = optuna.create_study(
                storage=storage_of(self._url),
                study_name=folder.run_id,
                direction="maximize" if is_max else "minimize",
                pruner=pruner_of(
                    config.sweep.pruner, config.sweep.prune_after_epochs, config.trainer.epochs
                ),
                load_if_exists=True,
            )
            self._trials = self._known_trials()

    def _known_trials(self) -> dict[int, "optuna.trial.FrozenTrial"]:
        """Return the newest trial of each point; first report results missing since a kill."""
        known: dict[int, optuna.trial.FrozenTrial] = {}
        for trial in self._study.trials:
            number = trial.user_attrs.get(_POINT)
            record = None if number is None else self._folder.point(number)
            if not trial.state.is_finished() and (number is None or record is not None):
                self._tell(trial.number, record)
            if number is not None:
                known[number] = self._study.trials[trial.number]
        return known

    def next_point(self) -> PlannedPoint | None:
        """Choose the next point to train; None: all are chosen."""
        from optuna.trial import TrialState

        while self._next < self._asked.num_points:
            number, self._next = self._next, self._next + 1
            trial = self._trials.get(number)
            if trial is not None and trial.state in (TrialState.COMPLETE, TrialState.PRUNED):
                continue
            with refusals_of(self._url):
                return self._begun(number, trial)
        return None

    def told(self, record: PointRecord) -> None:
        """Report the result of a point to the study."""
        with refusals_of(self._url):
            self._tell(self._trials[record.number].number, record)

    def best(self) -> tuple[int, float] | None:
        """Return number and value of the best point; None: none has finished."""
        from optuna.trial import TrialState

        done = self._study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        if not done:
            return None
        best = self._study.best_trial
        return int(best.user_attrs[_POINT]), float(best.value or 0.0)

    def _tell(self, trial_number: int, record: PointRecord | None) -> None:
        from optuna.trial import TrialState

        if record is not None and record.status == PRUNED:
            self._study.tell(trial_number, state=TrialState.PRUNED)
        elif record is not None and record.status == FINISHED and math.isfinite(record.value):
            self._study.tell(trial_number, record.value)
        else:
            self._study.tell(trial_number, state=TrialState.FAIL)

    def _begun(self, number: int, trial: "optuna.trial.FrozenTrial | None") -> PlannedPoint:
        """Begin the trial of a point, resume it, or try it again."""
        import optuna

        self._study.sampler = _sampler(self._settings, number)
        if trial is None:
            live = self._study.ask()
            live.set_user_attr(_POINT, number)
        else:
            if trial.state.is_finished():
                trial = self._again(trial)
            live = optuna.trial.Trial(self._study, trial._trial_id)
        texts = [*self._asked.fixed]
        texts += [_suggested(live, key, space) for key, space in self._asked.spaces.items()]
        self._trials[number] = self._study.trials[live.number]
        settings = self._settings
        place = StudyTrial(
            self._url,
            self._study.study_name,
            live._trial_id,
            settings.pruner,
            settings.prune_after_epochs,
        )
        return PlannedPoint(number, texts, place)

    def _again(self, trial: "optuna.trial.FrozenTrial") -> "optuna.trial.FrozenTrial":
        """Begin another trial with the values, and the epochs, of one that failed."""
        import optuna

        self._study.add_trial(
            optuna.create_trial(
                state=optuna.trial.TrialState.RUNNING,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs=trial.user_attrs,
                intermediate_values=trial.intermediate_values,
            )
        )
        return self._study.trials[-1]


def check_search(asked: Sweep, settings: SweepConfig) -> None:
    """Check what only a sampler needs, and that Optuna and its database are available.

    Raises:
        SpoonfulError: names the key.
    """
    if settings.sampler == GRID:
        for key, value, off in (
            ("num_trials", settings.num_trials, None),
            ("pruner", settings.pruner, "none"),
            ("storage", settings.storage, None),
        ):
            if value != off:
                raise SpoonfulError(
                    f"sweep.{key}={value}: a grid trains every combination; add sweep.sampler=tpe "
                    f"(or random), or leave sweep.{key} out"
                )
        return
    if settings.num_trials is None:
        raise SpoonfulError(
            f"sweep.sampler={settings.sampler}: say how many points it chooses with "
            "sweep.num_trials=20"
        )
    if METRIC in asked.axes:
        raise SpoonfulError(
            f"{METRIC}: a sampler needs one metric for all points; give it one value"
        )
    try:
        for name in ("optuna", "cmaes") if settings.sampler == "cmaes" else ("optuna",):
            importlib.import_module(name)
    except ImportError as error:
        raise SpoonfulError(
            f"sweep.sampler={settings.sampler}: needs {error.name}, which is not installed; "
            "install Spoonful with the extra `optuna`"
        ) from error
    if settings.storage is not None:
        with refusals_of(settings.storage):
            storage_of(settings.storage)


def _suggested(trial: "optuna.trial.Trial", key: str, space: Space) -> str:
    """Return the override of an axis that the sampler chooses, or chose before."""
    if isinstance(space, Interval):
        if space.is_whole:
            low, high = int(space.low), int(space.high)
            return f"{key}={trial.suggest_int(key, low, high, log=space.is_log)}"
        return f"{key}={trial.suggest_float(key, space.low, space.high, log=space.is_log)!r}"
    texts = {text.partition("=")[2]: text for text in space.texts}
    if space.are_whole_range:
        numbers = sorted(map(int, texts))
        step = numbers[1] - numbers[0]
        return f"{key}={trial.suggest_int(key, numbers[0], numbers[-1], step=step)}"
    return texts[trial.suggest_categorical(key, list(texts))]


def _sampler(settings: SweepConfig, number: int) -> Any:
    """Return the sampler of one choice.

    A study does not store the sampler's random state: restarted with the same seed, it would draw
    the same numbers again. So each choice has its own seed.
    """
    import optuna

    digest = hashlib.sha256(f"{settings.sampler_seed}/{number}".encode()).digest()
    seed = int.from_bytes(digest[:4], "little")
    samplers: Mapping[str, Any] = {
        "tpe": optuna.samplers.TPESampler,
        "random": optuna.samplers.RandomSampler,
        "cmaes": optuna.samplers.CmaEsSampler,
    }
    options = {"warn_independent_sampling": False} if settings.sampler == "cmaes" else {}
    return samplers[settings.sampler](seed=seed, **options)
