"""Find all pairs of nearly equal hashes among many, without comparing all with all."""

from collections.abc import Iterator
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Pairs = NDArray[np.int64]

MAX_DISTANCE = 4  # bits
# Two hashes that differ in 4 bits or fewer are equal in at least two of six bands: only hashes with
# two equal bands (20 to 22 bits) are compared. One of five bands (13 bits) would be enough, but of
# a million hashes 120 share one, and many more where the pictures are of one kind.
_WIDTHS = (11, 11, 11, 11, 10, 10)
# Hashes with the same two bands are sorted, and each is compared with this many behind it: of a
# million pictures that all share two bands, pairs may be missed, but the search still ends.
_MAX_NEIGHBOURS = 1_000


def near_pairs(
    hashes: NDArray[np.uint64], ranks: NDArray[np.uint8]
) -> Iterator[tuple[Pairs, Pairs]]:
    """Yield all pairs of hashes that differ in 4 bits or fewer, each pair once.

    Memory is that of a few arrays of the same length; see `_MAX_NEIGHBOURS` for the exception.

    Args:
        hashes: uint64 [n]; may hold equal ones.
        ranks: uint8 [n]; of equal hashes, those of near ranks are compared first.

    Yields:
        Positions a and b, int64 [k] each, many at a time.
    """
    masks = _masks()
    for number, mask in enumerate(masks):
        masked = hashes & mask
        order = np.lexsort((ranks, hashes, masked))
        masked = masked[order]
        # For each place, the first place behind its run of equal values.
        last = np.append(np.flatnonzero(masked[1:] != masked[:-1]) + 1, len(masked))
        lengths = np.diff(last, prepend=0)
        ends = np.repeat(last, lengths)
        active = np.flatnonzero(ends > np.arange(len(masked)) + 1)
        for step in range(1, _MAX_NEIGHBOURS + 1):
            active = active[ends[active] > active + step]
            if not len(active):
                break
            a, b = order[active], order[active + step]
            differing = hashes[a] ^ hashes[b]
            near = np.bitwise_count(differing) <= MAX_DISTANCE
            a, b, differing = a[near], b[near], differing[near]
            for earlier in masks[:number]:  # then the pair has been found by its bands
                new = differing & earlier != 0
                a, b, differing = a[new], b[new], differing[new]
            if len(a):
                yield a, b


def _masks() -> list[np.uint64]:
    """Return the bits of every two of the bands."""
    bands, start = [], 0
    for width in _WIDTHS:
        bands.append(((1 << width) - 1) << start)
        start += width
    return [np.uint64(one | other) for one, other in combinations(bands, 2)]
