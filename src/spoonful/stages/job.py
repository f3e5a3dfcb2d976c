"""What Hydra knows of the job that is running."""

import math
import shlex
from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode

from spoonful.secrets import redacted

_OF_A_SWEEP = ("hydra.sweep", "hydra.launcher", "hydra.job.num")


@dataclass(frozen=True)
class SweepPoint:
    """What a training is a point of.

    Attributes:
        parent_id: the sweep's run in MLflow.
        label: values of the axes, without the seed's.
    """

    parent_id: str
    label: str


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        overrides: as given on the command line; in a sweep, of this point. Without trainer.resume,
            which says nothing of what is trained.
        experiment: the overlay chosen, or None.
        sweep_dir: where this point of a sweep leaves its model, or None outside a sweep.
        reproduces: the run that is trained again, or None.
        point: of which sweep it is which point, or None.
        name: of the run; None: by its config.
    """

    overrides: list[str]
    experiment: str | None
    sweep_dir: Path | None
    reproduces: str | None = None
    point: SweepPoint | None = None
    name: str | None = None

    def command_to_go_on(self, run_id: str) -> str | None:
        """Return what to type to go on with the job when it was interrupted; None: a sweep says."""
        if self.reproduces is not None:
            return shlex.join(["spoonful", "reproduce", self.reproduces])
        if self.sweep_dir is not None:
            return None
        return shlex.join(["spoonful", "train", *self.overrides, f"trainer.resume={run_id}"])


def current_job() -> Job:
    """Return the job that Hydra is running."""
    hydra = HydraConfig.get()
    is_sweep = hydra.mode == RunMode.MULTIRUN
    of_hydra = [str(text) for text in hydra.overrides.hydra if not _is_set_by_us(text, is_sweep)]
    given = [redacted(str(text)) for text in (*of_hydra, *hydra.overrides.task)]
    return Job(
        overrides=[text for text in given if not text.lstrip("+").startswith("trainer.resume=")],
        experiment=hydra.runtime.choices.get("experiment"),
        sweep_dir=Path(hydra.runtime.output_dir) if hydra.mode == RunMode.MULTIRUN else None,
    )


def _is_set_by_us(override: str, is_sweep: bool) -> bool:
    """Say whether an override of Hydra's own keys comes of how a job is run, not of what it is.

    A point of a sweep is the same point with another launcher.
    """
    name = override.lstrip("+~").partition("=")[0].replace("/", ".")
    return name.startswith(("hydra.mode", *(_OF_A_SWEEP if is_sweep else ())))


def worst_value() -> float:
    """Return what the sweeper that runs takes for the worst outcome."""
    direction = HydraConfig.get().sweeper.get("direction") or "minimize"
    return -math.inf if str(direction) == "maximize" else math.inf
