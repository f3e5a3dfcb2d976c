"""Examples as image files in class folders."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.sources.image_files import ImageFileSource
from spoonful.sources.images.background import WHITE
from spoonful.sources.images.limits import MAX_PIXELS
from spoonful.sources.images.names import READABLE, is_image_name


class FolderSource(ImageFileSource):
    """Serve the image files of class folders, read from disk on request.

    A class is a folder directly under `root`; its images may be in subfolders. Classes and files
    are sorted by name, regardless of the order in the file system.

    Args:
        root: the folder that holds one folder per class.
        image_size: (height, width) in pixels to which every image is resized.
        num_channels: 1 (grey) or 3 (RGB).
        resize: "stretch" to the size; "fit" the whole image, its aspect kept, centred on black; or
            "crop", the aspect kept, the centre that fills the size.
        background: (red, green, blue), 0..255 each, behind what is transparent.
        max_pixels: an image file with more pixels is refused before memory is allocated for it;
            with the default no file takes 1 GiB.
        message: makes the error text for an image file from its path below root and what is wrong
            with it (": ..."), for a root of links to the user's files; None: path and fault.

    Raises:
        SpoonfulError: no such folder, no classes, or a class without images; names the folder. An
            invalid policy, colour or limit.
    """

    kind: ClassVar[str] = "folder"

    def __init__(
        self,
        root: str | os.PathLike[str],
        image_size: tuple[int, int],
        num_channels: int = 3,
        resize: str = "stretch",
        background: Sequence[int] = WHITE,
        max_pixels: int = MAX_PIXELS,
        message: Callable[[str, str], str] | None = None,
    ) -> None:
        super().__init__(root, image_size, num_channels, resize, background, max_pixels, message)
        self.class_names = tuple(_class_folders(self.root))
        counts = []
        for name in self.class_names:
            files = image_files(self.root / name)
            if not files:
                raise SpoonfulError(
                    f"{self.root / name}: holds no image; a class needs at least one "
                    f"{READABLE} file"
                )
            self.ids += [f"{name}/{file}" for file in files]
            counts.append(len(files))
        self.labels: NDArray[np.int64] = np.repeat(np.arange(len(counts), dtype=np.int64), counts)


def _class_folders(root: Path) -> list[str]:
    if not root.is_dir():
        raise SpoonfulError(f"{root}: no such folder; expected a folder with one folder a class")
    with os.scandir(root) as entries:
        names = [e.name for e in entries if e.is_dir() and not e.name.startswith(".")]
    if not names:
        raise SpoonfulError(f"{root}: holds no class folders; expected one folder a class")
    return sorted(names)


def image_files(folder: Path, others: list[str] | None = None) -> list[str]:
    """List the images below a folder as sorted relative paths, "/" between their parts.

    Links are followed, except back to a folder above. Hidden files and folders are skipped.

    Args:
        folder: where to look.
        others: receives the paths of the files that are skipped.

    Raises:
        SpoonfulError: a folder that cannot be listed; names it.
    """
    found: list[str] = []
    below = [""]
    while below:
        prefix = below.pop()
        try:
            with os.scandir(folder / prefix) as entries:
                for entry in entries:
                    # No system call per file: the listing itself tells what it is.
                    if _is_folder(entry):
                        if not entry.name.startswith(".") and not _leads_up(entry):
                            below.append(f"{prefix}{entry.name}/")
                    elif is_image_name(entry.name):
                        found.append(prefix + entry.name)
                    elif others is not None:
                        others.append(prefix + entry.name)
        except OSError as error:
            raise SpoonfulError(f"{error.filename}: cannot be listed ({error.strerror})") from error
    return sorted(found)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circular link
        return False


def _leads_up(entry: "os.DirEntry[str]") -> bool:
    """Return whether a folder is a link to one of its parents: following it would never end."""
    if not entry.is_symlink():
        return False
    path = Path(entry.path)
    target = path.resolve()
    return any(parent.resolve().is_relative_to(target) for parent in path.parents)
