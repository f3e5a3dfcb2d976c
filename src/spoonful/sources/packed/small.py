"""The small files of a store, labels.npy and ids.arrow: checked before they are used."""

import hashlib
import io
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.files.documents import read_bytes, unexpected
from spoonful.sources.labels import LabelKind, check_labels
from spoonful.sources.packed.meta import REMAKE, FileMeta, StoreMeta

if TYPE_CHECKING:
    import pyarrow as pa

# Larger files of ids are read in parts, when an id is requested.
_IN_MEMORY_BYTES = 16 << 20
# Up to this size (2 ms) ids are checked when a store is opened; larger ones on first request.
_CHECKED_AT_ONCE_BYTES = 4 << 20


def load_labels(path: Path, meta: StoreMeta) -> NDArray[Any]:
    """Read labels.npy; 8 million one-byte labels take 8 ms.

    Returns:
        Read-only: classes as uint8, uint16 or uint32 [n], other labels as they were packed.

    Raises:
        SpoonfulError: it has changed since packing; names it.
    """
    expected = f"{meta.num_examples} labels"
    content = checked_bytes(path, meta.labels)
    try:
        labels = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise unexpected(path, expected, error, REMAKE) from error
    try:
        kind = check_labels(labels, meta.num_examples, meta.class_names, lambda i: f"example {i}")
    except SpoonfulError as error:
        raise unexpected(path, expected, error, REMAKE) from error
    is_other = kind is LabelKind.CLASSIFICATION and labels.dtype.kind != "u"
    if kind is not meta.label_kind or is_other:
        found = f"{labels.dtype} of shape {labels.shape}, not those of {meta.label_kind}"
        raise unexpected(path, expected, found, REMAKE)
    labels.flags.writeable = False
    return np.asarray(labels)


def check_ids_if_small(path: Path, meta: StoreMeta) -> None:
    """Check ids.arrow if it is small; else it is checked when an id is requested.

    Raises:
        SpoonfulError: it has changed since packing.
    """
    if meta.ids.num_bytes <= _CHECKED_AT_ONCE_BYTES:
        checked_bytes(path, meta.ids)


class ExampleNames:
    """The ids of a store; if larger than 16 MiB, they are read in parts on request.

    The file is checked against its SHA-256 before Arrow sees it, and then by Arrow: an offset
    outside its buffer would crash the process.

    Args:
        path: the file.
        meta: the content of its meta.json.

    Raises:
        SpoonfulError: the file is missing or damaged; names it.
    """

    def __init__(self, path: Path, meta: StoreMeta) -> None:
        import pyarrow as pa  # 0.2 s, needed only for messages

        self._path = path
        self._errors = (OSError, ValueError, IndexError, pa.ArrowException)
        self._lock = threading.Lock()
        self._number, self._part = -1, pa.array([], pa.string())  # the current part
        try:
            if meta.ids.num_bytes <= _IN_MEMORY_BYTES:
                file = pa.BufferReader(checked_bytes(self._path, meta.ids))
            else:  # not mapped: truncating it would crash the process
                meta.ids.check_digest(self._path, content_hash(self._path))
                file = pa.OSFile(str(self._path))
            self._reader = pa.ipc.open_file(file)
            if [field.type for field in self._reader.schema] != [pa.string()]:
                raise ValueError(f"columns {self._reader.schema.names}")
            self._rows = len(self._read(0))  # all parts except the last have the same number
            last = self._reader.num_record_batches - 1
            found = last * self._rows + len(self._read(last))
            if not self._rows or found != meta.num_examples:
                raise ValueError(f"{found} ids")
        except SpoonfulError:
            raise
        except self._errors as error:
            raise unexpected(self._path, f"{meta.num_examples} ids", error, REMAKE) from error

    def __getitem__(self, index: int) -> str:
        try:
            number, place = divmod(int(index), self._rows)
            with self._lock:
                return str(self._read(number)[place].as_py())
        except self._errors as error:
            expected = f"the id of example {index}"
            raise unexpected(self._path, expected, error, REMAKE) from error

    def _read(self, number: int) -> "pa.Array":
        """Return a part of the ids, kept until another one is requested."""
        if number != self._number:
            batch = self._reader.get_batch(number)
            batch.validate(full=True)
            self._number, self._part = number, batch.column(0)
        return self._part


def checked_bytes(path: Path, file: FileMeta) -> bytes:
    """Return a file's bytes after checking their SHA-256.

    Raises:
        SpoonfulError: it has changed since packing; names it.
    """
    content = read_bytes(path, REMAKE, file.num_bytes)
    file.check_digest(path, hashlib.sha256(content).hexdigest())
    return content
