"""Examples in a packed split: a few large files, made by `spoonful pack`."""

import os
import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.sources.memory_room import memory_room
from spoonful.sources.packed.check import ShardCheck
from spoonful.sources.packed.jpeg import JpegImages
from spoonful.sources.packed.raw import RawImages
from spoonful.sources.packed.remote_shards import RemoteShards
from spoonful.sources.packed.small import ExampleNames, check_ids_if_small, load_labels
from spoonful.sources.packed.stores import LocalStore, RemoteStore
from spoonful.sources.packed.verify import verify
from spoonful.sources.remote.address import is_address
from spoonful.sources.remote.ahead import FilesAhead
from spoonful.sources.remote.cache import Cache, checked_cache
from spoonful.sources.source import Source, checked_request

# A store of up to this many MiB is loaded. MNIST (45 MiB of pixels) is, and is as fast as an array
# in RAM (8.4 M images/s, experiments/throughput); a larger one of such images is read at 0.3 M
# images/s, above the rate of any training. Reading photographs of 224x224x3 takes 1.0-1.1 times the
# processor time of mapping them, pictures of 112x112x3 1.2-1.8 times.
LOADED_MB = 64.0


class PackedSource(Source):
    """Serve the examples of a packed split.

    Opening reads meta.json and the sizes of the files, and checks the labels, and the ids if they
    are small. A store of at most 64 MiB is loaded and checked when first read. From a larger one,
    only requested examples are read, so memory use does not grow with the store's size. Nothing is
    mapped into memory: a shard that is truncated while it is read raises an error instead of ending
    the process by SIGBUS.

    A store at an address is read through a cache on the local disk. Opening downloads meta.json,
    the labels and the ids; a shard is downloaded when a batch needs it, or soon will, and checked
    against meta.json before any of it is served.

    Attributes:
        path: the store's folder, or its address.
        meta: the content of its meta.json.
        class_names: one name per class, in label order.
        image_shape: (height, width, channels) in pixels.
        encoding: "raw" or "jpeg".
        placement: where in the shards each example is; None: in the source's order.
        fingerprint: hex digest of what the store serves, computed at packing.
        max_useful_threads: largest number of reading threads that is useful.
        stored_bytes: size of the shards; None: they are loaded.
        labels: classes as uint8, uint16 or uint32 [n], other labels as they were packed; read-only.

    Args:
        path: a folder such as data/packed/train, or an address that fsspec opens, such as
            s3://bucket/train.
        loaded_mb: size of the largest store that is loaded into memory, in MiB; 0: none.
        cache: where shards of an address are kept; None: `Cache()`. Without effect on a folder.

    Raises:
        SpoonfulError: no store, one of a newer version, files that are missing or of another size,
            or labels that have changed since packing; names the path, what was expected, what was
            found and what to do. An address that cannot be read.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        loaded_mb: float = LOADED_MB,
        cache: Cache | None = None,
    ) -> None:
        self._cache = checked_cache(cache)
        # A Path, or the text of an address: who made the source knows which.
        self.path: Any = str(path) if is_address(path) else Path(path)
        store: LocalStore | RemoteStore
        if isinstance(self.path, str):
            store = RemoteStore(self.path, self._cache)
        else:
            store = LocalStore(self.path)
        self.meta = store.meta
        self.class_names = self.meta.class_names
        self.image_shape = self.meta.image_shape
        self.encoding = self.meta.encoding
        self.placement = self.meta.placement
        self.fingerprint = self.meta.fingerprint
        self._num_examples = self.meta.num_examples
        self.labels = load_labels(store.path_of(self.meta.labels), self.meta)
        self._ids_path = store.path_of(self.meta.ids)
        check_ids_if_small(self._ids_path, self.meta)
        self._loaded_mb = loaded_mb
        self._is_loaded = self.meta.num_bytes <= loaded_mb * (1 << 20)
        self.stored_bytes = None if self._is_loaded else self.meta.num_bytes
        images = RawImages if self.encoding == "raw" else JpegImages
        shards = store.shards()
        self._images: RawImages | JpegImages = images(shards, self.meta, self._is_loaded)
        self._store = store  # keeps what it opened
        self.max_useful_threads = self._images.max_useful_threads
        # A derived class with its own way to read may not allow reads that overlap; downloads have
        # threads of their own.
        if type(self).read_into is PackedSource.read_into and isinstance(self.path, Path):
            self.storage_wait = self._images.storage_wait
        self._names: ExampleNames | None = None
        self._lock = threading.Lock()

    def __len__(self) -> int:
        return self._num_examples

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(PackedSource, self.path, loaded_mb=self._loaded_mb, cache=self._cache), ()

    def read_into(self, indices: Sequence[int] | NDArray[Any], images: NDArray[np.uint8]) -> None:
        """Read examples into place, uint8 [k, h, w, c] and contiguous.

        Raises:
            SpoonfulError: an index out of range, a shard that is missing, short or damaged, or
                `images` of the wrong shape.
        """
        checked = checked_request(self, indices, images)
        self._images.read_into(self._places_of(checked), images)

    def _places_of(self, examples: NDArray[np.integer[Any]]) -> NDArray[np.integer[Any]]:
        return examples if self.placement is None else self.placement.places(examples)

    def _shards_of(self, examples: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        return self._images.shard_of(self._places_of(examples))

    def prefetch(self, start: int, stop: int) -> None:
        """Ask the system to read the examples at start..stop-1 soon; a hint that never fails.

        Args:
            start, stop: places in the shards.
        """
        for place in self._byte_ranges(start, stop):
            self._images.files.will_need(*place)

    def release(self, start: int, stop: int) -> None:
        """Tell the system that the examples at start..stop-1 are done; a hint that never fails.

        The system then drops them before examples that were fetched and not yet read. A store that
        fits into memory stays there for the next epoch.
        """
        if self._is_beyond_memory:
            for place in self._byte_ranges(start, stop):
                self._images.files.will_not_need(*place)

    @cached_property
    def _is_beyond_memory(self) -> bool:
        room = memory_room()
        return room is not None and self.meta.num_bytes > room

    def _byte_ranges(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        start, stop = max(start, 0), min(stop, len(self))
        if start < stop:
            with suppress(SpoonfulError):  # reading reports it
                yield from self._images.byte_ranges(start, stop)

    def example_id(self, index: int) -> str:
        """Return an example's path below the split that was packed.

        Raises:
            SpoonfulError: the file of ids is missing or damaged; names it.
        """
        with self._lock:
            if self._names is None:
                self._names = ExampleNames(self._ids_path, self.meta)
        return self._names[index]

    def shard_check(self) -> ShardCheck | None:
        """Return the check that runs while shards are read; None: loading checks them."""
        if self._is_loaded:
            return None
        return ShardCheck(self._images.files, not self._is_beyond_memory)

    @cached_property
    def files_ahead(self) -> FilesAhead | None:
        """Downloads shards before they are needed; None: they are on the disk, or loaded once."""
        shards = self._images.files
        if self._is_loaded or not isinstance(shards, RemoteShards):
            return None
        return FilesAhead(
            shards.remote.sizes,
            shards.remote.folder.max_bytes,
            self._shards_of,
            shards.remote.ahead,
            shards.remote,
        )

    def verify(self) -> None:
        """Check every byte of the store against meta.json; of an address, all is downloaded.

        Raises:
            SpoonfulError: the first file that differs; names its path, what was expected and found.
        """
        if isinstance(self._store, RemoteStore):
            self._store.verify()
        else:
            verify(self._store.path)
