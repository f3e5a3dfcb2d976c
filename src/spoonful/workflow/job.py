"""What Hydra knows about the running job."""

from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig

from spoonful.config.folders import typed_flags
from spoonful.secrets import redacted, to_type
from spoonful.workflow.shuffle_choice import ShuffleChoice

_HOW_IT_GOES_ON = ("trainer.resume=", "trainer.accept_changed_data=")


@dataclass(frozen=True)
class SweepPoint:
    """The place of a training in a sweep.

    Attributes:
        parent_id: the sweep's run in MLflow.
        label: values of the axes, without the seed's.
        number: number of the point, from 0; None: it is known by its name.
    """

    parent_id: str
    label: str
    number: int | None = None


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        overrides: as given on the command line; for a point of a sweep, its own. Without
            trainer.resume and trainer.accept_changed_data, which do not affect what is trained.
        experiment: the overlay chosen, or None.
        sweep_dir: where this point of a sweep writes its model, or None outside a sweep.
        reproduces: the run that is trained again, or None.
        typed: the arguments after it on the command line.
        point: its place in a sweep, or None.
        name: name of the run; None: derived from its config.
        choice: what its sweep has chosen for generator.shuffle=auto; None: that is not asked for,
            or there is none.
    """

    overrides: list[str]
    experiment: str | None
    sweep_dir: Path | None
    reproduces: str | None = None
    typed: tuple[str, ...] = ()
    point: SweepPoint | None = None
    name: str | None = None
    choice: ShuffleChoice | None = None

    def command_to_go_on(self, run_id: str) -> str | None:
        """Return the command to resume the interrupted job; None: the sweep gives it."""
        folders = typed_flags()
        if self.reproduces is not None:
            words = ["spoonful", "reproduce", *folders, self.reproduces, *self.typed]
            return to_type(words, "\n  ")
        if self.sweep_dir is not None:
            return None
        words = ["spoonful", "train", *folders, *self.overrides, f"trainer.resume={run_id}"]
        return to_type(words, "\n  ")


def current_job() -> Job:
    """Return the job that Hydra is running."""
    hydra = HydraConfig.get()
    of_hydra = [str(text) for text in hydra.overrides.hydra if not _is_set_by_us(str(text))]
    # As typed: `config.overrides.rewritten` adds the "++".
    typed = [str(text).removeprefix("++") for text in hydra.overrides.task]
    given = [redacted(text) for text in (*of_hydra, *typed)]
    return Job(
        overrides=[text for text in given if not text.lstrip("+").startswith(_HOW_IT_GOES_ON)],
        experiment=hydra.runtime.choices.get("experiment"),
        sweep_dir=None,
    )


def _is_set_by_us(override: str) -> bool:
    """Return whether an override of Hydra's keys concerns how a job runs, not what it is."""
    return override.lstrip("+~").startswith(("hydra.mode", "hydra.searchpath"))
