"""Find the images that are there several times: the same bytes, or the same picture.

The picture is the same if its perceptual hash differs in at most 4 of 64 bits and its colour
thumbnail of 16x16 pixels is the same but for its brightness. Measured on 150 of the clothing
photographs: saved again at JPEG quality 20, at half the size or at 224x224, all are found, and no
pixel of the thumbnail is further away than 0.24 deviations; 15 % brighter: 98 %; cut by 1 %: 0.7 of
them, by 2 %: 0.05. Of 7.1 million pairs of distinct photographs, 5 are 4 bits away, correlated by
at most 0.87. Of 4.5 million pairs of handwritten digits at 112x112, 1,353 are at most 4 bits away
and correlated by up to 0.992, but each with a pixel 0.84 deviations away; of 0.5 million pairs of
digits of 8x8 that were enlarged, 15, and 0.68; of 4,005 pairs of icons, 81, and 0.82.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from spoonful.inspection.pairs import Pairs, near_pairs

_MIN_CORRELATION = 0.98
_MAX_DEVIATIONS = 0.65
_MAX_BRIGHTER = 40.0  # difference of the mean of a colour in levels, 0..255
# Thumbnails of nearly one colour, whose correlation is that of noise.
_FLAT_STD = 4.0
_MAX_FLAT_DIFFERENCE = 6.0  # levels
_PAIRS_A_CHUNK = 4096  # of 12 MB of thumbnails each
_MAX_EDGES = 1 << 20


class Components:
    """Sets of connected items, from pairs that are added many at a time.

    Args:
        num_items: how many there are.
    """

    def __init__(self, num_items: int) -> None:
        self.labels: NDArray[np.int32] = np.arange(num_items, dtype=np.int32)
        self._edges: list[tuple[Pairs, Pairs]] = []
        self._num_edges = 0

    def add(self, a: Pairs, b: Pairs) -> None:
        """Connect the items a[k] and b[k]; `labels` may tell only after `merge`."""
        self._edges.append((a, b))
        self._num_edges += len(a)
        if self._num_edges > _MAX_EDGES:
            self.merge()

    def merge(self) -> None:
        """Give connected items one label."""
        if not self._edges:
            return
        a, b = (np.concatenate(side) for side in zip(*self._edges, strict=True))
        size = len(self.labels)
        graph = coo_array(
            (np.ones(len(a), np.bool_), (self.labels[a], self.labels[b])), (size, size)
        )
        _, joined = connected_components(graph, directed=False)
        self.labels = joined[self.labels]
        self._edges.clear()
        self._num_edges = 0


def clusters_of(
    contents: Sequence[str | None],
    hashes: NDArray[np.uint64],
    has_hash: NDArray[np.bool_],
    thumbnails: NDArray[np.uint8],
) -> NDArray[np.int32]:
    """Return for each image the number of its cluster of copies, from 0; -1: it has no copy.

    Args:
        contents: SHA-256 of each file; None: unknown.
        hashes: perceptual hash of each, uint64 [n].
        has_hash: whether it has one, bool [n].
        thumbnails: uint8 [n, 768], colour thumbnails; may be a memory map.
    """
    first = first_of_content(contents)
    components = Components(len(contents))
    copies = np.flatnonzero(first != np.arange(len(contents)))
    components.add(copies, first[copies])
    hashed = np.flatnonzero(has_hash & (first == np.arange(len(contents))))
    ranks = np.concatenate(
        [thumbnails[part].mean(axis=1).astype(np.uint8) for part in _parts(hashed)]
        or [np.empty(0, np.uint8)]
    )
    for a, b in near_pairs(hashes[hashed], ranks) if len(hashed) > 1 else ():
        for part in _parts(np.arange(len(a))):
            one, other = hashed[a[part]], hashed[b[part]]
            apart = components.labels[one] != components.labels[other]
            one, other = one[apart], other[apart]
            same = same_pictures(thumbnails[one], thumbnails[other])
            components.add(one[same], other[same])
    components.merge()
    return _numbered(components.labels)


def exact_clusters(contents: Sequence[str | None]) -> NDArray[np.int32]:
    """Return for each image the number of its cluster of files with the same bytes; -1: none."""
    return _numbered(first_of_content(contents).astype(np.int32))


def first_of_content(contents: Sequence[str | None]) -> NDArray[np.int64]:
    """Return for each image the position of the first one with the same bytes, int64 [n]."""
    if not len(contents):
        return np.empty(0, np.int64)
    digests = np.array([content or "" for content in contents], "S64")
    _, first, inverse = np.unique(digests, return_index=True, return_inverse=True)
    found: NDArray[np.int64] = first[inverse]
    unknown = digests == b""
    found[unknown] = np.flatnonzero(unknown)
    return found


def same_pictures(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return for each two thumbnails, uint8 [k, 768], whether they are of the same picture."""
    one, other = (side.astype(np.float32).reshape(len(side), -1, 3) for side in (a, b))
    largest = np.abs(one - other).max(axis=(1, 2))
    # Without the mean of each colour, a picture of one colour has no pattern.
    colours = one.mean(axis=1, keepdims=True), other.mean(axis=1, keepdims=True)
    is_near = np.abs(colours[0] - colours[1]).max(axis=(1, 2)) <= _MAX_BRIGHTER
    one -= colours[0]
    other -= colours[1]
    deviations = one.std(axis=(1, 2)), other.std(axis=(1, 2))
    is_flat = np.minimum(*deviations) < _FLAT_STD
    one /= np.maximum(deviations[0], 1e-6)[:, None, None]
    other /= np.maximum(deviations[1], 1e-6)[:, None, None]
    correlation = (one * other).mean(axis=(1, 2))
    furthest = np.abs(one - other).max(axis=(1, 2))
    alike = is_near & (correlation >= _MIN_CORRELATION) & (furthest <= _MAX_DEVIATIONS)
    found: NDArray[np.bool_] = np.where(is_flat, largest <= _MAX_FLAT_DIFFERENCE, alike)
    return found


def members(labels: NDArray[np.int32]) -> list[list[int]]:
    """Return the positions of each cluster, in order."""
    inside = np.flatnonzero(labels >= 0)
    order = inside[np.argsort(labels[inside], kind="stable")]
    ends = np.flatnonzero(np.diff(labels[order])) + 1
    return [part.tolist() for part in np.split(order, ends)] if len(order) else []


def _parts(positions: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    for start in range(0, len(positions), _PAIRS_A_CHUNK):
        yield positions[start : start + _PAIRS_A_CHUNK]


def _numbered(labels: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number the sets of two and more from 0, in the order of their first member; others: -1."""
    if not len(labels):
        return labels
    _, first, inverse, counts = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    is_set = counts > 1
    numbers = np.full(len(first), -1, np.int32)
    in_order = np.argsort(np.where(is_set, first, len(labels)), kind="stable")
    numbers[in_order[: is_set.sum()]] = np.arange(is_set.sum(), dtype=np.int32)
    found: NDArray[np.int32] = numbers[inverse]
    return found
