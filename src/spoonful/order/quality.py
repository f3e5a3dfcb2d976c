"""How well an order mixes: three numbers per epoch, as a pure function of the order."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from spoonful.order.slices import Indices, Order

DISPLACEMENT = "shuffle_displacement"
CLASS_CHI2 = "shuffle_class_chi2"
REPEATED_NEIGHBOURS = "shuffle_repeated_neighbours"

_SLICE_LENGTH = 65_536  # positions examined at a time
# Number of examples whose followers are kept, 2 MiB per epoch. For longer epochs it is a sample, in
# which a share has a standard error of at most 0.001.
_MAX_FOLLOWED = 262_144


@dataclass(frozen=True)
class _Seen:
    """The result of one pass over an epoch, in whole numbers.

    Attributes:
        epoch: its number.
        distance: the sum of |position - index|.
        squares: for each batch size, the sum over its batches of each class' squared count, [c].
        followers: the example after each followed example, -1 where there is none, int64 [k].
    """

    epoch: int
    distance: int
    squares: dict[int, NDArray[np.int64]]
    followers: Indices


class ShuffleQuality:
    """Measure how well each epoch of an order is mixed.

    It examines the positions served to training, over all processes, in slices of about 65,536 and
    in bounded memory. Epochs may be requested in any sequence; when requested in order, each is
    examined once.

    `shuffle_displacement` is the mean of |position - index| divided by that of uniformly random
    indices, (n^2 - 1) / (3n) over a whole epoch: 0 in the source's own order, about 1 in a perfect
    shuffle.

    `shuffle_class_chi2` is the mean over the batches of
    sum_c (k_c - E_c)^2 / E_c * (n - 1) / (n - b) / (classes - 1), for k_c examples of class c in a
    batch of b and E_c = b * n_c / n: 1 on average over random draws without replacement (the
    multivariate hypergeometric distribution), 0 where every batch has each class' share, about b
    where every batch has one class only. A batch tells as much as b / chi2 random draws.

    `shuffle_repeated_neighbours` is the share of neighbours (a then b) that were also neighbours in
    the previous epoch, in this order: 1 where nothing changes, about 1/n at random.

    For an order that repeats examples within an epoch ("balanced"), the first two count each
    repetition, so with uneven classes neither is 1 at its best. Of its neighbours, those after the
    last place of an example in each epoch are compared.

    The last two are about classes: with labels of another kind, only the displacement is measured.

    Args:
        order: the order; if it keeps state ("buffer"), not shared: looking far back would slow its
            other readers.
        labels: the examples' classes, whole numbers from 0, [n]; or labels of another kind.
        batch_size: examples per step, over all processes.
        num_served: positions of an epoch that training is served, the first ones; None: all.
    """

    def __init__(
        self,
        order: Order,
        labels: ArrayLike,
        batch_size: int,
        num_served: int | None = None,
    ) -> None:
        self._order = order
        self._labels = labels = np.asarray(labels)
        self._batch_size = batch_size
        num_examples = len(labels)
        self._num_served = num_examples if num_served is None else num_served
        self._has_classes = labels.ndim == 1 and labels.dtype.kind in "iu"
        self._num_classes = int(labels.max()) + 1 if self._has_classes else 0
        self._class_sizes = np.zeros(self._num_classes, dtype=np.int64)
        num_counted = num_examples if self._has_classes else 0
        for start in range(0, num_counted, _SLICE_LENGTH):  # counting converts its input
            part = labels[start : start + _SLICE_LENGTH]
            self._class_sizes += np.bincount(part, minlength=self._num_classes)
        self._stride = -(-num_examples // _MAX_FOLLOWED)  # followed ids are multiples of it
        self._latest: _Seen | None = None

    def __call__(self, epoch: int) -> dict[str, float]:
        """Return an epoch's metrics by name.

        Undefined metrics are left out: the displacement of a single example, the chi-square of a
        single class or of batches of all examples, and the neighbours of epoch 0 or of a single
        position.

        Args:
            epoch: counted from 0.
        """
        seen = self._look(epoch)
        values = {DISPLACEMENT: self._displacement(seen)}
        if self._has_classes:
            values[CLASS_CHI2] = self._class_chi2(seen)
            values[REPEATED_NEIGHBOURS] = self._repeated_neighbours(seen)
        self._latest = seen
        return {name: value for name, value in values.items() if value is not None}

    def _look(self, epoch: int) -> _Seen:
        """Pass over an epoch once."""
        num_examples, size = len(self._labels), self._batch_size
        distance = 0
        squares: dict[int, NDArray[np.int64]] = {}
        followers = np.full(-(-num_examples // self._stride), -1, dtype=np.int64)
        before = np.empty(0, dtype=np.int64)  # the last example of the previous slice
        for start, indices in self._slices(epoch):
            stop = start + len(indices)
            distance += int(np.abs(indices - np.arange(start, stop)).sum())
            if not self._has_classes:
                continue
            self._follow(np.concatenate((before, indices)), followers)
            before = indices[-1:]
            classes = self._labels[indices]
            num_whole = len(classes) - len(classes) % size
            for part in (classes[:num_whole], classes[num_whole:]):
                if len(part):
                    b = min(size, len(part))
                    squares[b] = squares.get(b, 0) + self._squares(part)
        return _Seen(epoch, distance, squares, followers)

    def _slices(self, epoch: int) -> Iterator[tuple[int, Indices]]:
        """Yield the positions served as (start, indices), whole batches at a time."""
        # A batch larger than a slice is in memory anyway, with its images.
        length = max(_SLICE_LENGTH // self._batch_size, 1) * self._batch_size
        for start in range(0, self._num_served, length):
            yield start, self._order(epoch, start, min(start + length, self._num_served))

    def _follow(self, indices: Indices, followers: Indices) -> None:
        """Record which example comes after each; for a repeated one, the last place is kept."""
        examples, after = indices[:-1], indices[1:]
        if self._stride > 1:
            chosen = examples % self._stride == 0
            examples, after = examples[chosen] // self._stride, after[chosen]
        followers[examples] = after

    def _squares(self, classes: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        """Return the sums over batches of each class' squared count, int64 [c]."""
        cells = np.arange(len(classes)) // self._batch_size
        cells *= self._num_classes
        cells += classes
        # Not a table of batches x classes: that would be mostly empty with many classes.
        filled, counts = np.unique(cells, return_counts=True)
        # Floats are exact here: whole numbers far below 2**53.
        sums = np.bincount(filled % self._num_classes, counts**2, self._num_classes)
        return sums.astype(np.int64)

    def _displacement(self, seen: _Seen) -> float | None:
        n, m = len(self._labels), self._num_served
        # n * m times the value of uniformly random indices at the positions below m.
        expected = math.comb(m + 1, 3) + math.comb(n + 1, 3) - math.comb(n - m + 1, 3)
        return seen.distance * n / expected if expected else None

    def _class_chi2(self, seen: _Seen) -> float | None:
        n = len(self._labels)
        sizes = {c: n_c for c, n_c in enumerate(self._class_sizes.tolist()) if n_c}
        total, num_batches = 0.0, 0
        for b, squares in seen.squares.items():
            if b >= n or len(sizes) == 1:
                continue  # no draw: there is only one possible result
            count = self._num_served // b if b == self._batch_size else 1
            # The sum of k^2 / E, from which the batch sizes are still to be subtracted.
            ratios = math.fsum(int(squares[c]) * n / (n_c * b) for c, n_c in sizes.items())
            total += (ratios - count * b) * (n - 1) / (n - b)
            num_batches += count
        return total / (num_batches * (len(sizes) - 1)) if num_batches else None

    def _repeated_neighbours(self, seen: _Seen) -> float | None:
        is_followed = seen.followers >= 0
        num_followed = int(np.count_nonzero(is_followed))
        if seen.epoch == 0 or num_followed == 0:
            return None
        before = self._latest
        if before is None or before.epoch != seen.epoch - 1:
            before = self._look(seen.epoch - 1)
        is_repeated = is_followed & (seen.followers == before.followers)
        return int(np.count_nonzero(is_repeated)) / num_followed
