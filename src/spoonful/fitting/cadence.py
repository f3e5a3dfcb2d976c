"""When a checkpoint is due."""

import time
from collections.abc import Callable

from spoonful.errors import SpoonfulError
from spoonful.generator.steps import checked_whole

# Epochs may be shorter than writing a checkpoint: at their ends, one is written if this many times
# the duration of the last write has passed since then, so writing takes at most half a percent of
# the time, besides the first and the last one, which are always written.
_WRITE_SHARE = 200


class Cadence:
    """Decide when a checkpoint is due.

    Args:
        every_steps: write after this many steps; None: not by steps.
        every_minutes: write after this many minutes; None: not by time.
        clock: returns increasing seconds.

    Raises:
        SpoonfulError: an argument outside its range.
    """

    def __init__(
        self,
        every_steps: int | None,
        every_minutes: float | None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        if every_steps is not None:
            checked_whole("checkpoint_every_steps", every_steps, 1)
        if every_minutes is not None and not every_minutes > 0:
            raise SpoonfulError(
                f"checkpoint_every_minutes={every_minutes!r}: expected a number above 0, or None"
            )
        self._every_steps = every_steps
        self._every_minutes = every_minutes
        self._clock = clock
        self._last_step = 0
        self._last_end: float | None = None
        self._last_write_s = 0.0
        self._begin = 0.0

    def start(self, step: int) -> None:
        """Start counting at a step."""
        self._last_step = step
        self._begin = self._clock()

    def is_due(self, step: int) -> bool:
        """Return whether to write after a step inside an epoch."""
        every = self._every_steps
        if every is not None and step // every > self._last_step // every:
            return True
        if self._every_minutes is None:
            return False
        since = self._begin if self._last_end is None else self._last_end
        return self._clock() - since >= 60 * self._every_minutes

    def is_due_at_epoch_end(self) -> bool:
        """Return whether to write at an epoch's end."""
        if self._last_end is None:
            return True
        return self._clock() - self._last_end >= _WRITE_SHARE * self._last_write_s

    def begin_write(self) -> None:
        """Record that writing begins."""
        self._write_begin = self._clock()

    def end_write(self, step: int) -> None:
        """Record that a checkpoint of a step is written."""
        self._last_end = self._clock()
        self._last_write_s = self._last_end - self._write_begin
        self._last_step = step
