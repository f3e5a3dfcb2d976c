"""Examples as image files in class folders."""

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.sources.decode import decode_image, is_image_name
from spoonful.sources.indices import checked_indices

_HASH_CHUNK_BYTES = 1 << 20
_HASH_FILES_A_TASK = 64


class FolderSource:
    """Serve the image files of class folders, read from disk when asked for.

    A class is a folder directly under `root`; its images may lie in folders of their own. Classes
    and files are sorted by name, whatever order the file system lists them in.

    Args:
        root: the folder that holds one folder a class.
        image_size: (height, width) in pixels that every image is stretched to.
        num_channels: 1 (grey) or 3 (RGB).

    Raises:
        SpoonfulError: no such folder, no classes, or a class without images; names the folder.
    """

    def __init__(
        self,
        root: str | os.PathLike[str],
        image_size: tuple[int, int],
        num_channels: int = 3,
    ) -> None:
        self.root = Path(root)
        self.image_shape = _checked_shape(image_size, num_channels)
        self.class_names = tuple(_class_folders(self.root))
        self.ids: list[str] = []  # one an example: its path below root, with "/" on every system
        counts = []
        for name in self.class_names:
            files = image_files(self.root / name)
            if not files:
                raise SpoonfulError(
                    f"{self.root / name}: holds no image; a class needs at least one "
                    "png, jpg, bmp, webp or tiff file"
                )
            self.ids += [f"{name}/{file}" for file in files]
            counts.append(len(files))
        self.labels: NDArray[np.int64] = np.repeat(np.arange(len(counts), dtype=np.int64), counts)

    def __len__(self) -> int:
        return len(self.ids)

    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Read and decode examples, uint8 [k, h, w, c].

        Raises:
            SpoonfulError: an index out of range, or a file that is no readable image (named).
        """
        checked = checked_indices(indices, len(self))
        images = np.empty((len(checked), *self.image_shape), dtype=np.uint8)
        for image, index in zip(images, checked.tolist(), strict=True):
            decode_image(self.root / self.ids[index], image)
        return images

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of the class names, image shape, and each file's id, label and content.

        Reads every file once, on the first use.
        """
        digest = hashlib.sha256(repr(("folder", self.image_shape, self.class_names)).encode())
        chunks = [
            self.ids[first : first + _HASH_FILES_A_TASK]
            for first in range(0, len(self.ids), _HASH_FILES_A_TASK)
        ]
        with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
            contents = (sha for shas in pool.map(self._content_hashes, chunks) for sha in shas)
            for file_id, label, content in zip(
                self.ids, self.labels.tolist(), contents, strict=True
            ):
                digest.update(repr((file_id, label, content)).encode())
        return digest.hexdigest()

    def _content_hashes(self, ids: list[str]) -> list[str]:
        return [content_hash(self.root / file_id) for file_id in ids]


def content_hash(path: Path) -> str:
    """Return the hex SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(_HASH_CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise SpoonfulError(f"{path}: cannot be read ({error.strerror or error})") from error
    return digest.hexdigest()


def _checked_shape(image_size: tuple[int, int], num_channels: int) -> tuple[int, int, int]:
    size = tuple(image_size)
    if len(size) != 2 or any(not isinstance(side, (int, np.integer)) or side < 1 for side in size):
        raise SpoonfulError(
            f"image_size={image_size!r}: expected (height, width), whole pixels from 1 on"
        )
    if num_channels not in (1, 3):
        raise SpoonfulError(f"num_channels={num_channels!r}: expected 1 (grey) or 3 (RGB)")
    return int(size[0]), int(size[1]), int(num_channels)


def _class_folders(root: Path) -> list[str]:
    if not root.is_dir():
        raise SpoonfulError(f"{root}: no such folder; expected a folder with one folder a class")
    with os.scandir(root) as entries:
        names = [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
    if not names:
        raise SpoonfulError(f"{root}: holds no class folders; expected one folder a class")
    return sorted(names)


def image_files(folder: Path) -> list[str]:
    """List the images below a folder as sorted relative paths, "/" between their parts.

    Links are followed, except back to a folder above. Hidden files and folders are passed over.

    Raises:
        SpoonfulError: a folder that cannot be listed; names it.
    """
    found = []
    for directory, subfolders, files in os.walk(folder, followlinks=True, onerror=_cannot_list):
        here = Path(directory)
        subfolders[:] = [
            name for name in subfolders if not name.startswith(".") and not _leads_up(here / name)
        ]
        below = here.relative_to(folder)
        found += [(below / name).as_posix() for name in files if is_image_name(name)]
    return sorted(found)


def _leads_up(path: Path) -> bool:
    """Tell whether a folder is a link to one on the way to it: following it would never end."""
    if not path.is_symlink():
        return False
    target = path.resolve()
    return any(parent.resolve().is_relative_to(target) for parent in path.parents)


def _cannot_list(error: OSError) -> None:
    raise SpoonfulError(f"{error.filename}: cannot be listed ({error.strerror})") from error
