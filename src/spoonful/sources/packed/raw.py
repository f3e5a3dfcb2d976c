"""Pixels of a raw store, from a few large NumPy files."""

import threading
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.sources.packed.files import FileSet
from spoonful.sources.packed.meta import RAW_DATA_START, StoreMeta
from spoonful.sources.packed.reads import Integers, RangeError, read_ranges
from spoonful.sources.storage_wait import StorageWait


class RawImages:
    """Serve the examples of raw shards.

    Args:
        files: its shards.
        meta: the content of its meta.json.
        is_loaded: load and check all shards in memory when one is first read. Otherwise only the
            requested examples are read, which is slower but takes no memory.
    """

    def __init__(self, files: FileSet, meta: StoreMeta, is_loaded: bool) -> None:
        self._image_bytes = meta.image_bytes
        self._num_examples = meta.num_examples
        self._per_shard = meta.shards[0].num_examples
        self.files = files
        self._is_loaded = is_loaded
        self._rows: NDArray[np.uint8] | None = None
        self._lock = threading.Lock()
        # Two threads gather loaded images at memory speed; reading benefits from more. Images/s of
        # a generator with 1, 2 and 3 threads on two processors: 28x28 gathered from memory (then
        # mapped) 4.6, 8.7 and 6.4 M, read 0.80, 1.33 and 1.22 M.
        self.max_useful_threads = 2 if is_loaded else 4
        self.storage_wait = None if is_loaded else StorageWait()

    def read_into(self, places: Integers, images: NDArray[np.uint8]) -> None:
        """Fill images uint8 [k, h, w, c] with those at checked places in the shards, [k].

        Raises:
            SpoonfulError: a shard that is missing, shortened or unreadable; names it.
        """
        places = places.astype(np.int64, copy=False)
        if self._is_loaded:
            rows = images.reshape(len(images), self._image_bytes)
            # mode: "raise" would first gather into its own buffer.
            np.take(self._loaded(), places, axis=0, out=rows, mode="clip")
        elif len(places):
            self._read(places, images)

    def shard_of(self, places: Integers) -> NDArray[np.int64]:
        """Return the shard that each of the places [k] is in, int64 [k]."""
        return places.astype(np.int64, copy=False) // self._per_shard

    def byte_ranges(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """List the bytes of the images at the places start..stop-1: (shard, offset, bytes)."""
        for shard in range(start // self._per_shard, -(-stop // self._per_shard)):
            first = shard * self._per_shard
            begin, end = max(start - first, 0), min(stop - first, self._per_shard)
            offset = RAW_DATA_START + begin * self._image_bytes
            yield shard, offset, (end - begin) * self._image_bytes

    def _loaded(self) -> NDArray[np.uint8]:
        """Return all images in one array, read and checked: MNIST's 45 MiB take 50 ms."""
        with self._lock:
            if self._rows is None:
                rows = np.empty((self._num_examples, self._image_bytes), np.uint8)
                header = np.empty(RAW_DATA_START, np.uint8)
                first = 0
                for number, shard in enumerate(self.files.shards):
                    stop = first + shard.num_examples
                    self.files.load(number, (header, rows[first:stop]))
                    first = stop
                self._rows = rows
        return self._rows

    def _read(self, places: Integers, images: NDArray[np.uint8]) -> None:
        shards, rows = np.divmod(places, self._per_shard)
        # Consecutive examples are one range: an epoch in order is a few large reads.
        begins = np.ones(len(places), dtype=bool)
        begins[1:] = (np.diff(places) != 1) | (rows[1:] == 0)
        first = np.flatnonzero(begins)
        counts = np.diff(first, append=len(places))
        try:
            with self.files.held(shards[first]) as descriptors:
                read_ranges(
                    descriptors,
                    RAW_DATA_START + rows[first] * self._image_bytes,
                    counts * self._image_bytes,
                    images.reshape(-1),
                    self.storage_wait,
                )
        except RangeError as error:
            shard, row = int(shards[first[error.place]]), int(rows[first[error.place]])
            raise SpoonfulError(
                f"{self.files.paths[shard]}: expected {counts[error.place] * self._image_bytes} "
                f"bytes of image {row} on, found: {error.found}; {self.files.remedy}"
            ) from error
