"""Pixels of a jpeg store: JPEG images in a few large Arrow files, decoded on request."""

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.sources.packed.files import FileSet, distinct
from spoonful.sources.packed.meta import StoreMeta
from spoonful.sources.packed.reads import Integers, RangeError, read_range, read_ranges
from spoonful.sources.storage_wait import StorageWait
from spoonful.sources.threads import num_processors

if TYPE_CHECKING:
    import pyarrow as pa

# JPEG images are read in groups whose images have this many bytes; the JPEG images have fewer.
_GROUP_BYTES = 4 << 20
_MAX_GROUP = 256
# After the name of the format and its padding.
_FIRST_MESSAGE = 8


class JpegImages:
    """Serve the examples of jpeg shards.

    Args:
        files: its shards.
        meta: the content of its meta.json.
        is_loaded: load and check a shard in memory when it is first read. Otherwise only the
            requested JPEG images are read, which costs 4 % of decoding 224x224 but takes no memory.
    """

    def __init__(self, files: FileSet, meta: StoreMeta, is_loaded: bool) -> None:
        self._shape = meta.image_shape
        self._colorspace = "GRAY" if meta.image_shape[2] == 1 else "RGB"
        self._group = min(_MAX_GROUP, max(1, _GROUP_BYTES // meta.image_bytes))
        self._counts = np.array([shard.num_examples for shard in meta.shards])
        self._firsts = np.cumsum(self._counts) - self._counts
        self._is_loaded = is_loaded
        self._contents: dict[int, memoryview] = {}
        self._lock = threading.Lock()
        self.files = files
        self._encoded_places: list[EncodedPlaces | None] = [None] * len(meta.shards)
        # Decoding keeps every processor busy: 4.9 k images/s of 224x224 on one, 9.8 k on two.
        self.max_useful_threads = num_processors()
        self.storage_wait = None if is_loaded else StorageWait()
        # Held by threads that decode: where many wait for the storage, few compute.
        self._decoding = threading.Semaphore(num_processors())

    def read_into(self, places: Integers, images: NDArray[np.uint8]) -> None:
        """Fill images uint8 [k, h, w, c] with those at checked places in the shards, [k].

        Raises:
            SpoonfulError: a shard that is missing or shortened, or a JPEG image that is not such an
                image; names the shard and the place.
        """
        places = places.astype(np.int64, copy=False)
        for start in range(0, len(places), self._group):
            stop = start + self._group
            self._read_group(places[start:stop], images[start:stop])

    def byte_ranges(self, start: int, stop: int) -> Iterator[tuple[int, int, int]]:
        """List the bytes of the JPEG images at the places start..stop-1: (shard, offset, bytes).

        Raises:
            SpoonfulError: a shard that is missing or damaged; names it.
        """
        first_shard, last_shard = self.shard_of(np.array([start, stop - 1])).tolist()
        for shard in range(first_shard, last_shard + 1):
            first, count = int(self._firsts[shard]), int(self._counts[shard])
            ends = np.array([max(start - first, 0), min(stop - first, count) - 1])
            offsets, lengths = self._places(shard).of(ends)
            begin, end = int(offsets[0]), int(offsets[1] + lengths[1])
            yield shard, begin, end - begin

    def shard_of(self, places: Integers) -> NDArray[np.int64]:
        """Return the shard that each of the places [k] is in, int64 [k]."""
        return np.searchsorted(self._firsts, places, side="right") - 1

    def _read_group(self, places: Integers, images: NDArray[np.uint8]) -> None:
        try:
            found = list(self._encoded_of(places))
            with self._decoding:
                for number, encoded in enumerate(found):
                    self._decode(encoded, number, images[number])
        except RangeError as error:
            raise self._damaged(int(places[error.place]), error.found) from error

    def _decode(self, encoded: memoryview, number: int, image: NDArray[np.uint8]) -> None:
        """Decode a JPEG image into place.

        The transform is the accurate one and colour is interpolated: with the fast ones one of
        224x224 took 0.21 ms instead of 0.23, and pixels were off by up to 92 of 255 (mean 1.3).
        """
        try:
            found = simplejpeg.decode_jpeg(encoded, self._colorspace, buffer=image).shape
        except ValueError as error:
            raise RangeError(number, str(error)) from error
        if found != self._shape:
            raise RangeError(number, f"an image of shape {found}")

    def _encoded_of(self, places: Integers) -> Iterator[memoryview]:
        """Yield the JPEG images at places [k], in their order."""
        shards = self.shard_of(places)
        rows = places - self._firsts[shards]
        offsets, lengths = np.empty_like(places), np.empty_like(places)
        for shard in distinct(shards):
            chosen = shards == shard
            offsets[chosen], lengths[chosen] = self._places(shard).of(rows[chosen])
        if self._is_loaded:
            for shard, begin, length in zip(
                shards.tolist(), offsets.tolist(), lengths.tolist(), strict=True
            ):
                yield self._content(shard)[begin : begin + length]
            return
        encoded_images = np.empty(int(lengths.sum()), dtype=np.uint8)
        with self.files.held(shards) as descriptors:
            read_ranges(descriptors, offsets, lengths, encoded_images, self.storage_wait)
        view, end = encoded_images.data, 0
        for length in lengths.tolist():
            begin, end = end, end + length
            yield view[begin:end]

    def _content(self, shard: int) -> memoryview:
        """Return the bytes of a shard, loaded and checked."""
        with self._lock:
            content = self._contents.get(shard)
            if content is None:
                loaded = np.empty(self.files.shards[shard].num_bytes, np.uint8)
                self.files.load(shard, (loaded,))
                content = self._contents[shard] = loaded.data.toreadonly()
        return content

    def _places(self, shard: int) -> "EncodedPlaces":
        found = self._encoded_places[shard]
        if found is not None:
            return found
        import pyarrow as pa  # 0.2 s, which raw stores do not need

        # Arrow raises OSError for an invalid message.
        errors = (ValueError, TypeError, OSError, MemoryError, RangeError, pa.ArrowException)
        count = int(self._counts[shard])
        path, remedy = self.files.paths[shard], self.files.remedy
        try:
            with self.files.held(np.array([shard])) as descriptors:
                found = EncodedPlaces(*self._readable(shard, int(descriptors[0])), count)
        except SpoonfulError:
            raise
        except errors as error:
            raise SpoonfulError(
                f"{path}: expected an Arrow file of {count} JPEG images, "
                f"found: {(str(error) or type(error).__name__).splitlines()[0]}; {remedy}"
            ) from error
        self._encoded_places[shard] = found  # two threads may look; both find the same
        return found

    def _readable(
        self, shard: int, descriptor: int
    ) -> tuple[NDArray[np.uint8], Callable[[int, int], object]]:
        """Return memory for a shard, and a function that reads a part of it into this memory."""
        if self._is_loaded:
            return np.frombuffer(self._content(shard), np.uint8), lambda start, stop: None
        self.files.check_size(shard, descriptor)
        # Memory that is not written takes no space.
        content = np.empty(self.files.shards[shard].num_bytes, np.uint8)
        return content, lambda start, stop: read_range(descriptor, start, content[start:stop].data)

    def _damaged(self, place: int, found: str) -> SpoonfulError:
        shard = int(self.shard_of(np.array([place]))[0])
        return SpoonfulError(
            f"{self.files.paths[shard]}: expected a JPEG image of shape {self._shape} at its row "
            f"{place - int(self._firsts[shard])}, found: {found}; {self.files.remedy}"
        )


class EncodedPlaces:
    """Where the JPEG images of a shard are in its file.

    Four bytes per JPEG image, so millions of them take little memory.

    Args:
        content: memory as long as an Arrow IPC file with one column of binaries, in batches of one
            size.
        read: called before the bytes between two offsets are used, to fill them in. The images
            themselves are not filled.
        num_examples: number of JPEG images that it must hold.

    Raises:
        ValueError, pyarrow.ArrowException: it is not such a file.
    """

    def __init__(
        self, content: NDArray[np.uint8], read: Callable[[int, int], object], num_examples: int
    ) -> None:
        edges = list(_encoded_edges(content, read))
        rows = [len(batch) - 1 for batch in edges]
        if not edges:
            raise ValueError("no JPEG images")
        if sum(rows) != num_examples or len(set(rows[:-1])) > 1 or rows[-1] > rows[0]:
            raise ValueError(f"{sum(rows)} JPEG images in {len(rows)} batches")
        self._edges = np.zeros((len(edges), rows[0] + 1), dtype=np.uint32)
        for number, batch in enumerate(edges):
            self._edges[number, : len(batch)] = batch

    def of(self, rows: Integers) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return offset and length of the JPEG images of rows [k] in bytes, int64 [k] each."""
        batches, rows = np.divmod(rows, self._edges.shape[1] - 1)
        offsets = self._edges[batches, rows].astype(np.int64)
        return offsets, self._edges[batches, rows + 1] - offsets


def _encoded_edges(
    content: NDArray[np.uint8], read: Callable[[int, int], object]
) -> Iterator[NDArray[np.int64]]:
    """Yield the offsets where the JPEG images of each batch begin and end, [rows + 1] each."""
    import pyarrow as pa

    schema = None
    for start, message in _messages(content, read):
        if schema is None:
            schema = pa.ipc.read_schema(message)
            if [field.type for field in schema] != [pa.binary()]:
                raise ValueError(f"columns {schema.names}")
            continue
        batch = pa.ipc.read_record_batch(message, schema)
        _, *buffers = batch.column(0).buffers()
        begins = [0 if b is None else b.address - content.ctypes.data for b in buffers]
        if min(begins) <= start or buffers[0].size < 4 * (batch.num_rows + 1):
            raise ValueError(f"no JPEG images in the batch at byte {start}")
        read(begins[0], begins[0] + 4 * (batch.num_rows + 1))
        inner = np.frombuffer(buffers[0], np.int32, batch.num_rows + 1).astype(np.int64)
        if inner[0] < 0 or np.diff(inner).min() < 0 or begins[1] + inner[-1] > len(content):
            raise ValueError(f"a JPEG image outside the file, in the batch at byte {start}")
        yield begins[1] + inner


def _messages(
    content: NDArray[np.uint8], read: Callable[[int, int], object]
) -> Iterator[tuple[int, "pa.Message"]]:
    """Yield the messages of an Arrow file, without reading their bodies, and their offsets.

    Each begins with -1 and the length of its header, and ends with its body; the last is followed
    by -1 and 0.
    """
    import pyarrow as pa

    start = _FIRST_MESSAGE
    while True:
        read(start, start + 8)
        mark, length = np.frombuffer(content, "<i4", 2, start).tolist()
        if (mark, length) == (-1, 0):
            return
        if mark != -1 or not 0 < length <= len(content) - start - 8:
            raise ValueError(f"no message at byte {start}")
        read(start, start + 8 + length)
        message = pa.ipc.read_message(pa.py_buffer(content[start:]))
        yield start, message
        start += 8 + length + (0 if message.body is None else message.body.size)
