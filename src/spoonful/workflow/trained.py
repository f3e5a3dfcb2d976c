"""How a training ended: with a model, or early because it was not worth the time."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Trained:
    """A training that has finished.

    Attributes:
        run_id: its run in MLflow.
        metrics: metrics of the epoch whose weights were kept; if pruned, of the last one.
        best_epoch: that epoch, from 1.
        pruned_after: the epoch, from 1, after which it was stopped as hopeless, without a model.
        unsent: why the tracking server does not have everything; None: it has.
    """

    run_id: str
    metrics: dict[str, float]
    best_epoch: int
    pruned_after: int | None = None
    unsent: str | None = None


class PrunedError(Exception):
    """Ends a training that is not worth the time."""

    def __init__(self, epoch: int, metrics: dict[str, float]) -> None:
        super().__init__(f"pruned after epoch {epoch}")
        self.epoch, self.metrics = epoch, metrics


# Called with an epoch, from 1, and its metrics; returns whether to end the training.
IsHopeless = Callable[[int, dict[str, float]], bool]
