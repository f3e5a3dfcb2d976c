"""Examples as image files in class folders."""

import heapq
import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.sources.image_files import ImageFileSource
from spoonful.sources.images.background import WHITE
from spoonful.sources.images.limits import MAX_PIXELS
from spoonful.sources.images.names import READABLE, is_image_name, is_junk_folder
from spoonful.sources.remote.cache import Cache, checked_cache
from spoonful.sources.remote_folder import FolderListing


class FolderSource(ImageFileSource):
    """Serve the image files of class folders, read from disk on request.

    A class is a folder directly under `root`; its images may be in subfolders. Classes and files
    are sorted by name, regardless of the order in the file system.

    Files at an address are listed once, when the source is made, and read through a cache on the
    local disk.

    Args:
        root: the folder that holds one folder per class, or its address, such as s3://bucket/train.
        image_size: (height, width) in pixels to which every image is resized.
        num_channels: 1 (grey) or 3 (RGB).
        resize: "stretch" to the size; "fit" the whole image, its aspect kept, centred on black; or
            "crop", the aspect kept, the centre that fills the size.
        background: (red, green, blue), 0..255 each, behind what is transparent.
        max_pixels: an image file with more pixels is refused before memory is allocated for it;
            with the default no file takes 1 GiB.
        message: makes the error text for an image file from its path below root and what is wrong
            with it (": ..."), for a root of links to the user's files; None: path and fault.
        class_names: the classes in label order, of which some may have no folder; None: those that
            have one, and each then needs an image.
        cache: where files of an address are kept; None: `Cache()`. Without effect on a folder.

    Raises:
        SpoonfulError: no such folder, no classes, a class without images, or a folder that is none
            of the classes; names the folder. An invalid policy, colour or limit.
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
        class_names: Sequence[str] | None = None,
        *,
        cache: Cache | None = None,
    ) -> None:
        super().__init__(root, image_size, num_channels, resize, background, max_pixels, message)
        if isinstance(self.root, str):
            listing = FolderListing(self.root)
            found = listing.images_of_classes()
        else:
            path = self.root
            found = {name: partial(image_files, path / name) for name in class_folders(path)}
        self.class_names = _checked_classes(self.root, list(found), class_names)
        counts = []
        for name in self.class_names:
            files = found[name]() if name in found else []
            if not files and class_names is None:
                raise SpoonfulError(
                    f"{self.root}/{name}: holds no image; a class needs at least one "
                    f"{READABLE} file"
                )
            self.ids += [f"{name}/{file}" for file in files]
            counts.append(len(files))
        self.labels: NDArray[np.int64] = np.repeat(np.arange(len(counts), dtype=np.int64), counts)
        if isinstance(self.root, str):
            self._remote = listing.images(self.ids, checked_cache(cache))


def _checked_classes(
    root: Path | str, folders: list[str], class_names: Sequence[str] | None
) -> tuple[str, ...]:
    if class_names is None:
        return tuple(folders)
    if others := [name for name in folders if name not in set(class_names)]:
        raise SpoonfulError(
            f"{root}/{others[0]}: a folder that is none of the {len(class_names)} class_names; "
            "give its class, or move it away"
        )
    return tuple(class_names)


def class_folders(root: Path) -> list[str]:
    """Return the names of the class folders in a folder, sorted.

    Raises:
        SpoonfulError: there is no such folder, or none in it.
    """
    if not root.is_dir():
        raise SpoonfulError(f"{root}: no such folder; expected a folder with one folder a class")
    with os.scandir(root) as entries:
        names = [e.name for e in entries if e.is_dir() and not is_junk_folder(e.name)]
    if not names:
        raise SpoonfulError(f"{root}: holds no class folders; expected one folder a class")
    return sorted(names)


def image_files(
    folder: Path,
    others: list[str] | None = None,
    junk: list[str] | None = None,
    skipped: Collection[Path] = (),
) -> list[str]:
    """List the images below a folder as sorted relative paths, "/" between their parts.

    Hidden files are skipped, and the folders that systems make: hidden ones, trash, thumbnails.

    Links to folders are followed, except back to a folder above. Two links to one folder give its
    images twice, once below each. But below one link, which may lead to further links, each folder
    on the disk is listed once: first those without another link on their way, then those of the
    other links, the shallowest first, then in the order of their paths. Without this rule,
    folders that link to each other have as many paths as there are ways through them: 108 million
    for 11 folders.

    Args:
        folder: where to look.
        others: receives the paths of the files that are skipped.
        junk: receives the paths of the folders that are skipped.
        skipped: further folders that are skipped, as absolute paths without links.

    Raises:
        SpoonfulError: a folder that cannot be listed; names it.
    """
    listing = _Listing(folder, skipped)
    for link in listing.add("", None):
        entered: set[tuple[int, int]] = set()
        waiting = [(0, link)]
        while waiting:
            _, first = heapq.heappop(waiting)
            if not _leads_up(folder / first):
                for further in listing.add(f"{first}/", entered):
                    heapq.heappush(waiting, (further.count("/"), further))
    if others is not None:
        others += listing.others
    if junk is not None:
        junk += listing.junk
    return sorted(listing.images)


@dataclass
class _Listing:
    """What is below a folder, as paths relative to it.

    Attributes:
        folder: the folder.
        skipped: folders that are skipped, as absolute paths without links.
        images: files that are images by their names.
        others: other files.
        junk: folders that were skipped.
    """

    folder: Path
    skipped: Collection[Path] = ()
    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    junk: list[str] = field(default_factory=list)

    def add(self, start: str, entered: set[tuple[int, int]] | None) -> list[str]:
        """Add what is below one of the folders, and return the links to further folders.

        Args:
            start: path of the folder, with "/" behind it.
            entered: devices and inodes of folders, which are not listed again; receives those that
                are listed. None: each folder is listed.

        Raises:
            SpoonfulError: a folder that cannot be listed; names it.
        """
        links: list[str] = []
        below = [start]
        while below:
            prefix = below.pop()
            try:
                if entered is None or _is_new(self.folder / prefix, entered):
                    with os.scandir(self.folder / prefix) as entries:
                        self._add_entries(prefix, entries, below, links)
            except OSError as error:
                name = error.filename
                raise SpoonfulError(f"{name}: cannot be listed ({error.strerror})") from error
        return links

    def _add_entries(
        self, prefix: str, entries: "Iterable[os.DirEntry[str]]", below: list[str], links: list[str]
    ) -> None:
        for entry in entries:
            path = prefix + entry.name
            # No system call per file: the listing itself tells what it is.
            if not _is_folder(entry):
                (self.images if is_image_name(entry.name) else self.others).append(path)
            elif is_junk_folder(entry.name) or _is_one_of(entry, self.skipped):
                self.junk.append(path)
            elif entry.is_symlink():
                links.append(path)
            else:
                below.append(f"{path}/")


def _is_new(folder: Path, entered: set[tuple[int, int]]) -> bool:
    """Return whether a folder on the disk is none of those entered, and add it to them."""
    found = folder.stat()
    identity = found.st_dev, found.st_ino
    is_new = identity not in entered
    entered.add(identity)
    return is_new


def _is_one_of(entry: "os.DirEntry[str]", folders: Collection[Path]) -> bool:
    return bool(folders) and Path(entry.path).resolve() in folders


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circular link
        return False


def _leads_up(path: Path) -> bool:
    """Return whether a link leads to one of its parents: following it would never end."""
    target = path.resolve()
    return any(parent.resolve().is_relative_to(target) for parent in path.parents)
