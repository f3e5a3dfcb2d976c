"""The small files of a store, labels.npy and ids.arrow: checked before they are used."""

import hashlib
import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.documents import read_bytes, unexpected
from spoonful.errors import SpoonfulError
from spoonful.sources.content_hash import content_hash
from spoonful.sources.labels import check_labels
from spoonful.sources.packed_meta import IDS_NAME, LABELS_NAME, REMAKE, FileMeta, StoreMeta

# Larger ones are mapped, not read: of more than 16 million images.
_IN_MEMORY_BYTES = 16 << 20
# Ids are checked when a store is opened up to this size, 2 ms; larger ones when one is asked for.
_CHECKED_AT_ONCE_BYTES = 4 << 20


def load_labels(folder: Path, meta: StoreMeta) -> NDArray[np.integer[Any]]:
    """Read labels.npy; 8 million labels of a byte take 8 ms.

    Returns:
        uint8, uint16 or uint32 [n], read-only, each an index into the class names.

    Raises:
        SpoonfulError: it is not the file that was packed; names it.
    """
    path = folder / LABELS_NAME
    expected = f"{meta.num_examples} labels"
    content = checked_bytes(path, meta.labels)
    try:
        if content is None:
            labels = np.load(path, mmap_mode="r", allow_pickle=False)
        else:
            labels = np.load(io.BytesIO(content), allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise unexpected(path, expected, str(error).splitlines()[0], REMAKE) from error
    if labels.shape != (meta.num_examples,) or labels.dtype.kind != "u":
        found = f"{labels.dtype} of shape {labels.shape}"
        raise unexpected(path, expected, found, REMAKE)
    try:
        check_labels(labels, len(labels), len(meta.class_names), lambda i: f"example {i}")
    except SpoonfulError as error:
        raise unexpected(path, expected, str(error), REMAKE) from error
    labels.flags.writeable = False
    return np.asarray(labels)


def check_ids_if_small(folder: Path, meta: StoreMeta) -> None:
    """Check ids.arrow where that takes no time; else it is checked when an id is asked for.

    Raises:
        SpoonfulError: it is not the file that was packed.
    """
    if meta.ids.num_bytes <= _CHECKED_AT_ONCE_BYTES:
        checked_bytes(folder / IDS_NAME, meta.ids)


class ExampleNames:
    """The ids of a store; those of more than 16 MiB are mapped, and asking for one reads one.

    The file is checked against its SHA-256 before Arrow sees it, and then by Arrow: an offset that
    leads out of its buffer would end the process.

    Args:
        folder: the store.
        meta: what its meta.json says.

    Raises:
        SpoonfulError: the file is gone or damaged; names it.
    """

    def __init__(self, folder: Path, meta: StoreMeta) -> None:
        import pyarrow as pa  # 0.2 s, for what only messages need

        self._path = folder / IDS_NAME
        self._errors = (OSError, ValueError, IndexError, pa.ArrowException)
        content = checked_bytes(self._path, meta.ids)
        try:
            file = pa.memory_map(str(self._path)) if content is None else pa.py_buffer(content)
            table = pa.ipc.open_file(file).read_all()
            table.validate(full=True)
            if [field.type for field in table.schema] != [pa.string()]:
                raise ValueError(f"columns {table.schema.names}")
            self._column = table.column(0)
            if len(self._column) != meta.num_examples:
                raise ValueError(f"{len(self._column)} ids")
        except self._errors as error:
            raise self._damaged(f"{meta.num_examples} ids", error) from error

    def __getitem__(self, index: int) -> str:
        try:
            return str(self._column[int(index)].as_py())
        except self._errors as error:
            raise self._damaged(f"the id of example {index}", error) from error

    def _damaged(self, expected: str, error: Exception) -> SpoonfulError:
        found = (str(error) or type(error).__name__).splitlines()[0]
        return unexpected(self._path, expected, found, REMAKE)


def checked_bytes(path: Path, file: FileMeta) -> bytes | None:
    """Check a file's SHA-256; return its bytes, None where it is too large to be kept in memory.

    Raises:
        SpoonfulError: it is not the file that was packed; names it.
    """
    content = None
    if file.num_bytes <= _IN_MEMORY_BYTES:
        content = read_bytes(path, REMAKE)
        found = hashlib.sha256(content).hexdigest()
    else:
        found = content_hash(path)
    if found != file.sha256:
        raise unexpected(path, f"sha256 {file.sha256}", found, REMAKE)
    return content
