"""Quantities read from a run: the metric of interest, speed, time and memory."""

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass

from spoonful.compare.runs import PointRun, Score
from spoonful.record.metrics import (
    BEST_METRICS,
    EPOCH_TRAIN_S,
    IMAGES_PER_S,
    IMAGES_SEEN,
    INPUT_WAIT_FRACTION,
    LOSS,
    PEAK_RSS_MB,
    SHUFFLE_METRICS,
    TEST_METRICS,
    TRAIN_TIME_S,
    VAL_METRICS,
)

LAST = "last_"
_SHARES = "accuracy"  # metrics that end so are shown in percent
# Quantities that are read for every epoch, besides the metric of interest.
EPOCH_METRICS = (
    LOSS,
    f"{VAL_METRICS}{LOSS}",
    IMAGES_SEEN,
    EPOCH_TRAIN_S,
    TRAIN_TIME_S,
    IMAGES_PER_S,
    PEAK_RSS_MB,
    INPUT_WAIT_FRACTION,
    *SHUFFLE_METRICS,
)


@dataclass(frozen=True)
class Quantity:
    """One number of a run.

    Attributes:
        name: in tables for programs, with its unit.
        title: for people, with its unit.
        digits: decimal places for display.
        scale: factor for display.
        read: reads it from a run; None if missing.
        has_smaller_better: whether less is better.
    """

    name: str
    title: str
    digits: int
    read: Callable[[PointRun], float | None]
    scale: float = 1.0
    has_smaller_better: bool = False

    @property
    def unit(self) -> str:
        """Unit after a value; empty if the name contains it."""
        return " %" if self.scale == 100 else ""

    @property
    def unit_of_difference(self) -> str:
        """Unit after a difference of two values, such as percentage points."""
        return " pp" if self.scale == 100 else ""

    def of(self, run: PointRun) -> float | None:
        """Return the number of a run; None if missing or not finite."""
        value = self.read(run)
        return value if value is not None and math.isfinite(value) else None

    def shown(self, value: float, signed: bool = False) -> str:
        """Write a value for people, without its unit."""
        sign = "+" if signed else ""
        text = f"{value * self.scale:{sign},.{self.digits}f}"
        is_zero = not any(figure in text for figure in "123456789")
        return text.lstrip("+-") if is_zero else text.replace("-", "\N{MINUS SIGN}")


def quantities(score: Score) -> tuple[Quantity, ...]:
    """Return the quantities read from each run.

    Args:
        score: the metric of interest, which comes first: at the epoch whose weights the run kept,
            then at the last epoch; then the same metric of the test images.
    """
    metric, is_less = score.metric, not score.is_more_better
    unit, digits, scale = (", %", 2, 100.0) if metric.endswith(_SHARES) else ("", 4, 1.0)
    test = f"{TEST_METRICS}{metric.removeprefix(VAL_METRICS)}"
    last = f"at the last epoch{unit}"
    waits = _of_epochs(INPUT_WAIT_FRACTION, _steady)
    shuffles = [_of_epochs(name, statistics.fmean) for name in SHUFFLE_METRICS]
    return (
        Quantity(
            metric, f"{metric}{unit}", digits, _once(f"{BEST_METRICS}{metric}"), scale, is_less
        ),
        Quantity(f"{LAST}{metric}", last, digits, _of_epochs(metric, _last), scale, is_less),
        Quantity(test, f"{test}{unit}", digits, _once(test), scale, is_less),
        Quantity(TRAIN_TIME_S, "training time, s", 2, _train_time),
        Quantity(IMAGES_PER_S, "images/s", 0, _of_epochs(IMAGES_PER_S, _steady)),
        Quantity(PEAK_RSS_MB, "peak memory, MiB", 0, _of_epochs(PEAK_RSS_MB, max)),
        Quantity(INPUT_WAIT_FRACTION, "waiting for input, %", 1, waits, 100.0),
        Quantity(SHUFFLE_METRICS[0], "shuffle displacement", 3, shuffles[0]),
        Quantity(SHUFFLE_METRICS[1], "shuffle class chi²", 2, shuffles[1]),
        Quantity(SHUFFLE_METRICS[2], "shuffle repeats, %", 3, shuffles[2], 100.0),
    )


def _once(name: str) -> Callable[[PointRun], float | None]:
    return lambda run: run.scalars.get(name)


def _of_epochs(
    name: str, summary: Callable[[list[float]], float]
) -> Callable[[PointRun], float | None]:
    return lambda run: summary(values) if (values := run.epochs(name)) else None


def _last(values: list[float]) -> float:
    return values[-1]


def _steady(values: list[float]) -> float:
    """The median over the epochs, without the first one, in which TensorFlow builds its graph."""
    return statistics.median(values[1:] or values)


def _train_time(run: PointRun) -> float | None:
    """Seconds of the training parts of all epochs."""
    total = run.epochs(TRAIN_TIME_S)
    if total:
        return total[-1]
    each = run.epochs(EPOCH_TRAIN_S)
    return math.fsum(each) if each else None
