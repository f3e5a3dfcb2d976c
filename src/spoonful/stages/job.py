"""What Hydra knows of the job that is running."""

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
    """

    overrides: list[str]
    experiment: str | None
    sweep_dir: Path | None


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
