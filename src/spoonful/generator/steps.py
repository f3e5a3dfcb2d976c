"""Which positions of which epoch a global step takes."""

from dataclasses import dataclass

import numpy as np

from spoonful.errors import SpoonfulError

LARGEST = (1 << 63) - 1  # largest value that NumPy can hold


@dataclass(frozen=True)
class Steps:
    """Divide endless epochs into steps, and each step among processes.

    Args:
        num_examples: the length of an epoch, >= 1.
        batch_size: examples per step, over all processes.
        drop_remainder: leave out the last step of an epoch where it is smaller.
        process_index: the slice of every step to use, 0..process_count - 1.
        process_count: number of processes that share each step.
        max_per_epoch: an epoch ends after so many steps, and the next one has its own order; None:
            when all examples were used.

    Raises:
        SpoonfulError: an argument outside its range; names it, the allowed values and the fix.
    """

    num_examples: int
    batch_size: int
    drop_remainder: bool
    process_index: int
    process_count: int
    max_per_epoch: int | None = None

    def __post_init__(self) -> None:
        checked_whole("batch_size", self.batch_size, 1)
        checked_whole("process_count", self.process_count, 1)
        if self.max_per_epoch is not None:
            checked_whole("max_steps_per_epoch", self.max_per_epoch, 1)
        if not 0 <= self.process_index < self.process_count:
            raise SpoonfulError(
                f"process_index={self.process_index}: expected 0 to {self.process_count - 1}"
            )
        if self.per_epoch == 0:
            raise SpoonfulError(
                f"batch_size={self.batch_size} with drop_remainder leaves no batch of "
                f"{self.num_examples} examples: use a smaller batch_size or keep the remainder"
            )
        smallest = self._size(self.per_epoch - 1)
        if smallest < self.process_count:
            raise SpoonfulError(
                f"the smallest batch has {smallest} examples for {self.process_count} processes: "
                "choose a batch_size of at least process_count, or drop_remainder=True"
            )

    @property
    def per_epoch(self) -> int:
        """Number of steps per epoch."""
        whole = self.num_examples // self.batch_size
        if not self.drop_remainder and self.num_examples % self.batch_size:
            whole += 1
        return whole if self.max_per_epoch is None else min(whole, self.max_per_epoch)

    @property
    def examples_per_epoch(self) -> int:
        """Number of examples that the steps of an epoch take, over all processes."""
        return self.positions(self.per_epoch - 1)[1]

    def epoch_of(self, step: int) -> tuple[int, int]:
        """Return the epoch of a global step and its number in that epoch, both from 0."""
        return divmod(step, self.per_epoch)

    def positions(self, step: int) -> tuple[int, int]:
        """Return the positions start, stop in the epoch that a step takes, over all processes."""
        start = (step % self.per_epoch) * self.batch_size
        return start, start + self._size(step % self.per_epoch)

    def share(self, step: int) -> slice:
        """Return which part of a step's examples this process serves."""
        size = self._size(step % self.per_epoch)
        return slice(
            size * self.process_index // self.process_count,
            size * (self.process_index + 1) // self.process_count,
        )

    def equal_run(self, step: int, at_most: int) -> int:
        """Return how many steps from this one on, in its epoch, have the same size; >= 1."""
        number = step % self.per_epoch
        num_whole = min(self.num_examples // self.batch_size, self.per_epoch)
        return max(1, min(at_most, num_whole - number))

    def _size(self, number: int) -> int:
        return min(self.batch_size, self.num_examples - number * self.batch_size)


def checked_whole(name: str, value: int, minimum: int) -> int:
    """Return an argument as int; raise SpoonfulError if it is not such a whole number."""
    is_whole = isinstance(value, (int, np.integer)) and not isinstance(value, bool)
    if not is_whole or value < minimum:
        raise SpoonfulError(f"{name}={value!r}: expected a whole number from {minimum} on")
    if value > LARGEST:
        raise SpoonfulError(f"{name}={value!r}: expected a whole number up to {LARGEST}")
    return int(value)
