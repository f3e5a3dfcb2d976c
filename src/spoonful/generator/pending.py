"""The chunks that the reading threads have yet to read."""

import time
from collections import deque
from dataclasses import dataclass, field

from spoonful.errors import SpoonfulError
from spoonful.generator.chunks import Chunk


@dataclass(eq=False)
class PendingChunk:
    """A chunk in progress: first planned, then read in units of images."""

    first_step: int
    num_steps: int
    chunk: Chunk | None = None
    begin: float = 0.0
    is_begun: bool = False
    is_start: bool = False  # nothing before it was read
    units: deque[tuple[int, int]] = field(default_factory=deque)
    num_open: int = 0  # units not yet read
    error: SpoonfulError | None = None

    @property
    def is_done(self) -> bool:
        return self.error is not None or (self.chunk is not None and self.num_open == 0)

    @property
    def num_waiting(self) -> int:
        """Number of units that a thread could begin now."""
        if self.error is not None:
            return 0
        return len(self.units) if self.is_begun else 1

    def begin_unit(self) -> tuple[int, int]:
        """Return the range of images to read next; (0, 0): the chunk is to be planned."""
        if self.is_begun:
            return self.units.popleft()
        self.is_begun = True
        self.begin = time.monotonic()
        return 0, 0
