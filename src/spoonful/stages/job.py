"""What Hydra knows of the job that is running."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode


@dataclass(frozen=True)
class Job:
    """One job.

    Attributes:
        overrides: as given on the command line; in a sweep, of this point. Without trainer.resume,
            which says nothing of what is trained.
        experiment: the overlay chosen, or None.
        sweep_dir: the folder of this point of a sweep, or None outside a sweep.
        reproduces: the run that is trained again, or None.
    """

    overrides: list[str]
    experiment: str | None
    sweep_dir: Path | None
    reproduces: str | None = None

    def command_to_go_on(self, run_id: str) -> str:
        """Return what to type to go on with the job when it was interrupted."""
        if self.reproduces is not None:
            return shlex.join(["spoonful", "reproduce", self.reproduces])
        return shlex.join(["spoonful", "train", *self.overrides, f"trainer.resume={run_id}"])


def current_job() -> Job:
    """Return the job that Hydra is running."""
    hydra = HydraConfig.get()
    return Job(
        overrides=[
            str(text) for text in hydra.overrides.task if not text.startswith("trainer.resume=")
        ],
        experiment=hydra.runtime.choices.get("experiment"),
        sweep_dir=Path(hydra.runtime.output_dir) if hydra.mode == RunMode.MULTIRUN else None,
    )
