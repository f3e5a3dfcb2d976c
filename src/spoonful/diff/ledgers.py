"""Where two ledgers first differ."""

from collections.abc import Sequence
from dataclasses import dataclass

from spoonful.record.ledger import VAL, Row


@dataclass(frozen=True)
class StepRange:
    """The steps among which two ledgers of a stream first differ.

    Attributes:
        row_a: the first row of A that is not B's.
        row_b: the row of B in its place.
        start: the first step that may differ; all earlier ones are the same.
        stop: the step after the last one that may be the first to differ.
    """

    row_a: Row
    row_b: Row
    start: int
    stop: int

    @property
    def epoch(self) -> int:
        """The epoch that the steps are in, from 1."""
        return min(self.row_a.epoch, self.row_b.epoch)

    @property
    def words(self) -> str:
        """The steps and their epoch."""
        if self.stop - self.start == 1:
            return f"step {self.start:,} (epoch {self.epoch})"
        return f"steps {self.start:,} to {self.stop - 1:,} (epoch {self.epoch})"


def first_difference(rows_a: Sequence[Row], rows_b: Sequence[Row]) -> StepRange | None:
    """Return where the rows of one stream first differ, up to the shorter end; None: nowhere."""
    epoch, step = 0, 0  # of the last row that is the same
    for row_a, row_b in zip(rows_a, rows_b, strict=False):
        if row_a != row_b:
            # The steps of "val" are counted within their epoch.
            is_new_epoch = row_a.stream == VAL and epoch < min(row_a.epoch, row_b.epoch)
            start = 0 if is_new_epoch else step
            return StepRange(row_a, row_b, start, max(row_a.step, row_b.step))
        epoch, step = row_a.epoch, row_a.step
    return None
