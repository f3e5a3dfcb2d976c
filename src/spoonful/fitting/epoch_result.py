"""The result of training for an epoch."""

from dataclasses import dataclass

from spoonful.record.ledger import as_metric
from spoonful.record.metrics import (
    DIGEST_METRICS,
    EPOCH_TRAIN_S,
    EPOCH_VAL_S,
    IMAGES_PER_S,
    IMAGES_SEEN,
    INPUT_WAIT_FRACTION,
    INPUT_WAIT_S,
    LOSS,
    PEAK_RSS_MB,
    READING_THREADS,
    TRAIN_TIME_S,
    VAL_METRICS,
)


@dataclass(frozen=True)
class EpochResult:
    """One finished epoch.

    Attributes:
        epoch: counted from 1.
        num_epochs: requested number of epochs.
        metrics: loss and the metrics of the task, each also with val_ before it, and
            learning_rate; the same in every run of the same config on the same kind of machine.
        train_s: seconds of its training part.
        val_s: seconds of its validation.
        images_per_s: speed of the training part.
        input_wait_s: seconds of the training part spent waiting for batches.
        reading_threads: largest number of threads that read at the same time.
        peak_rss_mb: largest resident memory of the process during this training so far, in MiB.
        digests: digests of the batches of "train" and "val", hex, as in the ledger.
        shuffle: how well training's batches were mixed, by the metrics of `ShuffleQuality`.
        images_seen: images used since the training began, including this epoch.
        train_time_s: seconds of the training parts so far, including this epoch. Work of a killed
            process after its last checkpoint is repeated, and counts once.
    """

    epoch: int
    num_epochs: int
    metrics: dict[str, float]
    train_s: float
    val_s: float
    images_per_s: float
    input_wait_s: float
    reading_threads: int
    peak_rss_mb: float
    digests: dict[str, str]
    shuffle: dict[str, float]
    images_seen: int
    train_time_s: float

    def tracked_metrics(self) -> dict[str, float]:
        """Return all recorded metrics of an epoch."""
        return {
            **self.metrics,
            # The values that differ from run to run, with units in their names.
            IMAGES_PER_S: self.images_per_s,
            EPOCH_TRAIN_S: self.train_s,
            EPOCH_VAL_S: self.val_s,
            TRAIN_TIME_S: self.train_time_s,
            INPUT_WAIT_S: self.input_wait_s,
            INPUT_WAIT_FRACTION: self.input_wait_s / self.train_s if self.train_s else 0.0,
            READING_THREADS: float(self.reading_threads),
            PEAK_RSS_MB: self.peak_rss_mb,
            # The digests' first 48 bits: equal for equal batches.
            **{f"{DIGEST_METRICS}{name}": as_metric(value) for name, value in self.digests.items()},
            **self.shuffle,
            IMAGES_SEEN: float(self.images_seen),
        }


def epoch_line(result: EpochResult, score: str) -> str:
    """Write an epoch as one line for a terminal, with its loss and the task's score."""
    values = result.metrics
    left_s = (result.num_epochs - result.epoch) * (result.train_s + result.val_s)
    minutes, seconds = divmod(round(left_s), 60)
    width = len(str(result.num_epochs))
    names = [name for name in (LOSS, score) if name in values]
    shown = [*names, *(f"{VAL_METRICS}{name}" for name in names)]
    return (
        f"epoch {result.epoch:>{width}}/{result.num_epochs}"
        + "".join(f"  {name} {values[name]:.4f}" for name in shown)
        + f"  {result.images_per_s:,.0f} images/s  left {minutes}:{seconds:02d}"
    )
