"""Write shards: each under its own temporary name, hashed while written, then renamed."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.files.whole import replaced_file
from spoonful.packing.plan import Plan
from spoonful.sources.packed.meta import RAW_DATA_START, FileMeta

# Largest size of an Arrow file besides its images: schema and footer; a batch's header, padding
# and entry in the footer. Measured: 594 and 240 bytes.
_ARROW_FILE_BYTES = 2048
_ARROW_BATCH_BYTES = 512
_ARROW_ENTRY_BYTES = 4


class HashedFile:
    """A file that is written from first byte to last, and hashed while it is written.

    Offers the methods of a file that pyarrow needs.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self.num_bytes = 0
        self.closed = False

    def write(self, content: Any) -> int:
        """Write bytes or any object with a buffer of bytes."""
        view = memoryview(content).cast("B")
        self._file.write(view)
        self._digest.update(view)
        self.num_bytes += len(view)
        return len(view)

    def tell(self) -> int:
        """Return the number of bytes written."""
        return self.num_bytes

    def flush(self) -> None:
        """Do nothing: the file is flushed once, when it is complete."""

    def close(self) -> None:
        """Do nothing: the file is closed where it was opened."""

    @property
    def sha256(self) -> str:
        """Hex digest of all that was written."""
        return self._digest.hexdigest()


@contextmanager
def hashed_file(path: Path) -> Iterator[HashedFile]:
    """Yield a file to write; it is on disk at `path` if the block succeeds, else removed.

    Raises:
        SpoonfulError: it cannot be written (a full disk, for example); names it.
    """
    try:
        with replaced_file(path) as beside, beside.open("wb") as file:
            yield HashedFile(file)
    except OSError as error:
        raise SpoonfulError(
            f"{path}: cannot be written ({error.strerror or error}); free some space or mend the "
            "folder, then run the same command again: it continues after the finished shards"
        ) from error


def raw_header(shape: tuple[int, ...]) -> bytes:
    """Return the header of a NumPy file of uint8, one page long, so that pixels start on a page."""
    head = b"\x93NUMPY\x01\x00" + (RAW_DATA_START - 10).to_bytes(2, "little")
    text = f"{{'descr': '|u1', 'fortran_order': False, 'shape': {tuple(shape)}, }}".encode()
    return head + text.ljust(RAW_DATA_START - len(head) - 1) + b"\n"


def write_raw_shard(
    path: Path, plan: Plan, num_examples: int, parts: Iterable[NDArray[np.uint8]]
) -> FileMeta:
    """Write `num_examples` images, which come in parts uint8 [k, h, w, c]."""
    with hashed_file(path) as file:
        file.write(raw_header((num_examples, *plan.image_shape)))
        for images in parts:
            file.write(images)
    return FileMeta(path.name, file.num_bytes, file.sha256, num_examples)


class EncodedImages:
    """JPEG images in the order of the examples; `next` is None at the end."""

    def __init__(self, parts: Iterable[list[bytes]]) -> None:
        self._encoded_images = (encoded for part in parts for encoded in part)
        self.advance()

    def advance(self) -> None:
        """Move to the next JPEG image."""
        self.next = next(self._encoded_images, None)


def write_jpeg_shard(path: Path, plan: Plan, encoded_images: EncodedImages) -> FileMeta:
    """Write as many of the next JPEG images as fit into a shard, as an Arrow IPC file.

    Raises:
        SpoonfulError: not even one JPEG image fits.
    """
    import pyarrow as pa

    schema = pa.schema([pa.field("image", pa.binary(), nullable=False)])
    num_examples, num_bytes = 0, _ARROW_FILE_BYTES
    batch: list[bytes] = []
    with hashed_file(path) as file, pa.ipc.new_file(file, schema) as writer:
        while (encoded := encoded_images.next) is not None:
            num_bytes += len(encoded) + _ARROW_ENTRY_BYTES
            num_bytes += 0 if batch else _ARROW_BATCH_BYTES
            if num_bytes > plan.shard_bytes:
                break
            batch.append(encoded)
            encoded_images.advance()
            num_examples += 1
            if len(batch) == plan.examples_per_batch:
                writer.write_batch(pa.record_batch([pa.array(batch, pa.binary())], schema))
                batch = []
        if batch:
            writer.write_batch(pa.record_batch([pa.array(batch, pa.binary())], schema))
        if not num_examples:
            raise SpoonfulError(
                f"shard_mb={plan.settings['shard_mb']}: holds no JPEG image of "
                f"{len(encoded or b'')} bytes; use larger shards or a lower quality"
            )
    return FileMeta(path.name, file.num_bytes, file.sha256, num_examples)
