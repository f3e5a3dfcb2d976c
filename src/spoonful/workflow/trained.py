"""How a training ended: with a model, or early because it was not worth its time."""

from collections.abc import Callable
from dataclasses import dataclass

from spoonful.workflow.interrupted import remove_run_folder


@dataclass(frozen=True)
class Trained:
    """A training that has finished.

    Attributes:
        run_id: its run in MLflow.
        metrics: of the epoch whose weights were kept; of the last one, where it was pruned.
        best_epoch: that epoch, from 1.
        pruned_after: the epoch, from 1, after which it was ended as hopeless, without a model.
        unsent: why the tracking server has not all of it; None: it has.
    """

    run_id: str
    metrics: dict[str, float]
    best_epoch: int
    pruned_after: int | None = None
    unsent: str | None = None

    def put_away(self) -> None:
        """Remove what the training could be gone on with: what came of it is kept."""
        remove_run_folder(self.run_id)


class PrunedError(Exception):
    """Ends a training that is not worth its time."""

    def __init__(self, epoch: int, metrics: dict[str, float]) -> None:
        super().__init__(f"pruned after epoch {epoch}")
        self.epoch, self.metrics = epoch, metrics


# Told an epoch, from 1, and its metrics, says whether to end the training.
IsHopeless = Callable[[int, dict[str, float]], bool]
