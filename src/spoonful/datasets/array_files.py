"""Read arrays of images and labels from IDX and NPZ files, a part at a time."""

import gzip
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from spoonful.datasets.split_names import split_named
from spoonful.errors import SpoonfulError
from spoonful.files.documents import shown

_CHUNK_BYTES = 1 << 22
# The third byte of an IDX file: the type of its numbers.
_IDX_TYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_IDX_NAME = re.compile(
    r"(?P<prefix>.*?)[-_.]?(?P<role>images|labels)[-_.]idx\d[-_.]ubyte(\.gz)?", re.IGNORECASE
)
_IMAGE_WORDS = ("x", "images", "image", "imgs", "data", "pixels")
_LABEL_WORDS = ("y", "labels", "label", "targets", "target")
_REMEDY = "copy or download it again"


@dataclass(frozen=True)
class ArrayFile:
    """An array in a file.

    Attributes:
        path: the file.
        entry: its name in an NPZ file; "" for an IDX file.
        role: "images" or "labels".
        split: "train", "val" or "test"; None: its name tells none.
        prefix: what an IDX file's name begins with.
    """

    path: Path
    entry: str
    role: str
    split: str | None
    prefix: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.entry}" if self.entry else str(self.path)


@dataclass(frozen=True)
class ArrayHeader:
    """Shape and type of an array, known before its content is read."""

    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @property
    def num_bytes(self) -> int:
        """Size of the content."""
        count = self.dtype.itemsize
        for side in self.shape:
            count *= side
        return count


def find_arrays(path: Path) -> list[ArrayFile]:
    """Return the arrays of images and of labels in an NPZ file, or in a folder of IDX files.

    Raises:
        SpoonfulError: no such file, or no arrays with such names.
    """
    if path.is_dir():
        return _in_folder(path)
    if not path.is_file():
        raise SpoonfulError(f"dataset.path={path}: no such file or folder")
    if not zipfile.is_zipfile(path) and not _is_cut(path):
        raise SpoonfulError(
            f"dataset.path={path}: is not an .npz file: expected one, as "
            "numpy.savez(FILE, x=images, y=labels) writes it, or a folder of IDX files"
        )
    with _reading(path), zipfile.ZipFile(path) as archive:
        names = [n.removesuffix(".npy") for n in archive.namelist() if n.endswith(".npy")]
    found = [one for name in names if (one := _named(path, name)) is not None]
    if not found:
        raise SpoonfulError(
            f"dataset.path={path}: holds the arrays {', '.join(map(shown, names)) or 'none'}: "
            "expected x_train and y_train, or images and labels, and the like for val and test"
        )
    return found


@contextmanager
def opened(array: ArrayFile) -> Iterator[tuple[ArrayHeader, Iterator[bytes]]]:
    """Yield an array's shape and type, and its content in parts, in C order.

    Raises:
        SpoonfulError: not such a file, or it has more or less content than its header says.
    """
    with _reading(array.path):
        if array.entry:
            with zipfile.ZipFile(array.path) as archive:
                size = archive.getinfo(f"{array.entry}.npy").file_size
                with archive.open(f"{array.entry}.npy") as file:
                    header = _npy_header(file, array)
                    _check_size(array, header, size - file.tell())
                    yield header, _parts(file, header, array)
        else:
            is_packed = array.path.suffix.lower() == ".gz"
            with gzip.open(array.path) if is_packed else array.path.open("rb") as file:
                header = _idx_header(file, array)
                yield header, _parts(file, header, array)


def _is_cut(path: Path) -> bool:
    """Return whether a file begins as an archive: then it was one, and is damaged."""
    with _reading(path), path.open("rb") as file:
        return file.read(4) == b"PK\3\4"


def _in_folder(folder: Path) -> list[ArrayFile]:
    found = []
    for path in sorted(folder.iterdir()):
        match = _IDX_NAME.fullmatch(path.name)
        if match is None or not path.is_file():
            continue
        words = [word for word in re.split(r"[-_. ]+", match["prefix"]) if word]
        splits = {"test" if w.lower() == "t10k" else split_named(w) for w in words} - {None}
        if len(splits) > 1:
            raise SpoonfulError(f"{path}: its name means several splits; rename it")
        prefix = "-".join(w for w in words if not (w.lower() == "t10k" or split_named(w)))
        split = splits.pop() if splits else None
        found.append(ArrayFile(path, "", match["role"].lower(), split, prefix))
    if not found:
        raise SpoonfulError(
            f"dataset.path={folder}: holds no IDX files: expected names such as "
            "train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz; or give an .npz file"
        )
    return found


def _named(path: Path, name: str) -> ArrayFile | None:
    words = [word.lower() for word in re.split(r"[-_. ]+", name) if word]
    splits = {split_named(word) for word in words} - {None}
    rest = [word for word in words if split_named(word) is None]
    if len(rest) != 1 or len(splits) > 1:
        return None
    split = splits.pop() if splits else None
    if rest[0] in _IMAGE_WORDS:
        return ArrayFile(path, name, "images", split)
    return ArrayFile(path, name, "labels", split) if rest[0] in _LABEL_WORDS else None


def _npy_header(file: Any, array: ArrayFile) -> ArrayHeader:
    try:
        version = np.lib.format.read_magic(file)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, is_fortran, dtype = read(file)
    except ValueError as error:
        raise SpoonfulError(
            f"{array}: no NumPy array ({str(error).splitlines()[0]}); {_REMEDY}"
        ) from error
    if dtype.hasobject:
        raise SpoonfulError(
            f"{array}: holds Python objects, which are not read; save it as an array of numbers"
        )
    if is_fortran and len(shape) > 1:
        raise SpoonfulError(f"{array}: is in Fortran's order; save numpy.ascontiguousarray of it")
    return ArrayHeader(tuple(shape), dtype)


def _idx_header(file: BinaryIO | gzip.GzipFile, array: ArrayFile) -> ArrayHeader:
    start = file.read(4)
    if len(start) < 4 or start[:2] != b"\0\0" or start[2] not in _IDX_TYPES or not start[3]:
        raise SpoonfulError(
            f"{array}: expected an IDX file, found the first bytes {start!r}; {_REMEDY}"
        )
    sizes = file.read(4 * start[3])
    if len(sizes) < 4 * start[3]:
        raise SpoonfulError(f"{array}: is cut off in its header; {_REMEDY}")
    return ArrayHeader(struct.unpack(f">{start[3]}I", sizes), np.dtype(_IDX_TYPES[start[2]]))


def _check_size(array: ArrayFile, header: ArrayHeader, found: int) -> None:
    if found != header.num_bytes:
        raise SpoonfulError(
            f"{array}: its header says {list(header.shape)} of {header.dtype}, "
            f"{header.num_bytes:,} bytes, but it has {found:,}; {_REMEDY}"
        )


def _parts(file: Any, header: ArrayHeader, array: ArrayFile) -> Iterator[bytes]:
    left = header.num_bytes
    while left:
        part = file.read(min(_CHUNK_BYTES, left))
        if not part:
            _check_size(array, header, header.num_bytes - left)
        left -= len(part)
        yield part
    if file.read(1):
        raise SpoonfulError(f"{array}: has more bytes than its header says; {_REMEDY}")


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Let an error of a decoder name the file."""
    try:
        yield
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RuntimeError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SpoonfulError(f"{path}: cannot be read ({reason}); {_REMEDY}") from error
