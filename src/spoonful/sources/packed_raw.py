"""Pixels of a raw store, out of few big NumPy files."""

import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.sources.packed_files import FileSet, distinct
from spoonful.sources.packed_meta import RAW_DATA_START, REMAKE, Keep, StoreMeta
from spoonful.sources.packed_reads import Integers, RangeError, read_ranges
from spoonful.sources.packed_rows import MappedRows, map_rows


class RawImages:
    """Serve the examples of raw shards.

    Args:
        folder: the store.
        meta: what its meta.json says.
        keep: "loaded" into memory when first read, and checked then; "mapped" into memory; or
            "read": what is asked for, which is slower but takes no memory.
    """

    def __init__(self, folder: Path, meta: StoreMeta, keep: Keep) -> None:
        self._image_bytes = meta.image_bytes
        self._per_shard = meta.shards[0].num_examples
        self._counts = [shard.num_examples for shard in meta.shards]
        self.files = FileSet(folder, [shard.name for shard in meta.shards])
        self._shards = meta.shards
        self._keep = keep
        self._rows: MappedRows | None = None
        self._lock = threading.Lock()

    @property
    def max_useful_threads(self) -> int:
        """Two threads gather mapped images as fast as memory goes; reading gains by more.

        Images/s of a generator with 1, 2 and 3 threads on two processors: 28x28 mapped 4.6, 8.7 and
        6.4 M, read 0.80, 1.33 and 1.22 M; 224x224x3 mapped 45, 91 and 77 k.
        """
        return 4 if self._keep == "read" else 2

    def read_into(self, indices: Integers, images: NDArray[np.uint8]) -> None:
        """Fill images uint8 [k, h, w, c] with the examples of checked indices [k].

        Raises:
            SpoonfulError: a shard that is gone, shorter than it was or unreadable; names it.
        """
        indices = indices.astype(np.int64, copy=False)
        if self._keep != "read" and self._rows is None:
            with self._lock:
                self._rows = self._rows or (self._load() if self._keep == "loaded" else self._map())
        if self._rows is not None:
            self._gather(indices, images, self._rows)
        elif len(indices):
            self._read(indices, images)

    def byte_ranges(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """List where the examples start..stop-1 lie: (shard, offset, bytes)."""
        for shard in range(start // self._per_shard, -(-stop // self._per_shard)):
            first = shard * self._per_shard
            begin, end = max(start, first) - first, min(stop - first, self._counts[shard])
            offset = RAW_DATA_START + begin * self._image_bytes
            yield shard, offset, (end - begin) * self._image_bytes

    def _gather(self, indices: Integers, images: NDArray[np.uint8], mapped: MappedRows) -> None:
        if self._keep == "mapped":
            shards, places = np.divmod(indices, self._per_shard)
            # 1 us a shard. Cut short after this and before the gather has passed the cut, the
            # process ends by SIGBUS.
            for shard in distinct(shards):
                self.files.check_size(shard, self._shards[shard])
            if len(self._counts) > 1:
                indices = mapped.first_rows[shards] + places
        rows = images.reshape(len(images), self._image_bytes)
        # mode: "raise" would gather into a buffer of its own first.
        np.take(mapped.rows, indices, axis=0, out=rows, mode="clip")

    def _load(self) -> MappedRows:
        """Read all shards into one array; SHA-256 of the 45 MiB of MNIST takes 50 ms."""
        rows = np.empty((sum(self._counts), self._image_bytes), np.uint8)
        header = np.empty(RAW_DATA_START, np.uint8)
        first = 0
        for number, shard in enumerate(self._shards):
            stop = first + shard.num_examples
            self.files.load(number, shard, (header, rows[first:stop]))
            first = stop
        return MappedRows(rows, np.arange(len(self._shards)) * self._per_shard)

    def _map(self) -> MappedRows | None:
        """Map all shards; None where the system cannot: they are read then."""
        descriptors = self.files.descriptors(np.arange(len(self._counts))).tolist()
        for number, shard in enumerate(self._shards):
            self.files.check_size(number, shard)
        try:
            return map_rows(descriptors, RAW_DATA_START, self._image_bytes)
        except OSError:
            self._keep = "read"
            return None

    def _read(self, indices: Integers, images: NDArray[np.uint8]) -> None:
        shards, places = np.divmod(indices, self._per_shard)
        # Neighbours that follow each other are one range: an epoch in order is a few big reads.
        begins = np.ones(len(indices), dtype=bool)
        begins[1:] = (np.diff(indices) != 1) | (places[1:] == 0)
        first = np.flatnonzero(begins)
        counts = np.diff(first, append=len(indices))
        try:
            read_ranges(
                self.files.descriptors(shards[first]),
                RAW_DATA_START + places[first] * self._image_bytes,
                counts * self._image_bytes,
                images.reshape(-1),
            )
        except RangeError as error:
            shard, place = int(shards[first[error.place]]), int(places[first[error.place]])
            raise SpoonfulError(
                f"{self.files.paths[shard]}: expected {counts[error.place] * self._image_bytes} "
                f"bytes of image {place} on, found: {error.found}; {REMAKE}"
            ) from error
