"""Find the images of a folder, and what in it is passed over."""

import os
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from spoonful.datasets.folder_layout import EXPECTED, Layout, read_layout
from spoonful.datasets.split_names import split_named
from spoonful.errors import SpoonfulError
from spoonful.files.text import printable
from spoonful.project import own_folders
from spoonful.sources.folder import image_files
from spoonful.sources.images.names import (
    READABLE,
    endings_of,
    is_junk_folder,
    is_known_image_name,
    passed_over,
)

_NUM_NAMED = 5


@dataclass(frozen=True)
class Found:
    """The images of a folder, by their paths below it, sorted.

    Attributes:
        paths: those in class folders.
        unlabelled: test images without classes.
        layout: where the splits and the classes are.
        notes: what a user should know, a line each.
        passed_over: number of the files that are not read, by their ending.
    """

    paths: list[str]
    unlabelled: list[str]
    layout: Layout
    notes: list[str]
    passed_over: dict[str, int]


def find_images(root: Path) -> Found:
    """List the images of a folder and find out how it is meant.

    Raises:
        SpoonfulError: it holds no images, or no two classes, or cannot be read in one way only.
    """
    others: list[str] = []
    junk: list[str] = []
    images = image_files(root, others, junk, own_folders(root))
    _check_names(root, [*images, *others])
    return _understood(root, images, others, junk)


def find_any_images(root: Path) -> Found:
    """List the images of a folder that need not be a data set yet: also one without classes.

    Where `find_images` refuses, each of the folders in it is a class, and its own images are the
    class "."; the first of the notes says why it cannot be trained on so.

    Raises:
        SpoonfulError: it holds no images.
    """
    others: list[str] = []
    junk: list[str] = []
    everything = image_files(root, others, junk, own_folders(root))
    images = [path for path in everything if _is_utf_8(path)]
    try:
        _check_names(root, everything)
        found = _understood(root, images, others, junk)
    except SpoonfulError as error:
        if not images:
            raise
        notes = [f"to train on these images as dataset=folder, change this first: {error}"]
        notes += _passed_over([], junk, 0)
        return Found(images, [], Layout({"": ""}, is_loose=True), notes, endings_of(others))
    num_beside = len(images) - len(found.paths) - len(found.unlabelled)
    notes = [*found.layout.notes, *_passed_over([], junk, num_beside)]
    return replace(found, notes=notes)  # what is not read is said with the rest of the report


def _understood(root: Path, images: list[str], others: list[str], junk: list[str]) -> Found:
    if not any("/" in path for path in images):
        beside = f" (found {passed_over(others)})" if others else ""
        raise SpoonfulError(
            f"dataset.path={root}: no {READABLE} files in class folders{beside}; {EXPECTED}"
        )
    try:
        layout = read_layout((path for path in images if "/" in path), str(root))
    except SpoonfulError as error:
        if not any(map(is_known_image_name, others)):
            raise
        raise SpoonfulError(f"{error} (not read: {passed_over(others)})") from error
    paths = [path for path in images if layout.placed(path) is not None]
    flat = f"{layout.unlabelled}/"
    unlabelled = [p for p in images if layout.unlabelled is not None and p.startswith(flat)]
    _check_nothing_is_lost(root, paths, others, layout)
    num_beside = len(images) - len(paths) - len(unlabelled)
    in_classes = [path for path in others if layout.placed(path) is not None]
    layout = replace(layout, notes=(*layout.notes, *_without_images(root, paths, layout)))
    passed = _passed_over(in_classes, junk, num_beside)
    return Found(paths, unlabelled, layout, [*layout.notes, *passed], endings_of(others))


def _check_names(root: Path, paths: list[str]) -> None:
    """Refuse names that no list in UTF-8 can hold: all of them at once."""
    bad = [path for path in paths if not _is_utf_8(path)]
    if bad:
        named = ", ".join(ascii(path)[1:-1] for path in bad[:_NUM_NAMED])
        more = f" and {len(bad) - _NUM_NAMED:,} more" if len(bad) > _NUM_NAMED else ""
        raise SpoonfulError(
            f"dataset.path={root}: names that are not valid UTF-8 cannot be listed: {named}{more}; "
            "rename these files or their folders"
        )


def _is_utf_8(path: str) -> bool:
    try:
        path.encode()
    except UnicodeEncodeError:
        return False
    return True


def _without_images(root: Path, paths: list[str], layout: Layout) -> list[str]:
    """Name the folders beside the class folders that hold no image, a line in all."""
    classes = {_class_of(path, layout) for path in paths}
    empty = []
    for base in layout.bases.values():
        with os.scandir(root / base) as entries:
            names = [e.name for e in entries if e.is_dir() and not is_junk_folder(e.name)]
        beside = {base, *layout.bases.values(), layout.unlabelled}
        below = [f"{base}/{name}" if base else name for name in names]
        empty += [name for name in below if name not in classes and name not in beside]
    own = {str(folder.relative_to(root)) for folder in own_folders(root)}
    named = sorted(printable(name) for name in empty if name not in own)
    if not named:
        return []
    more = f" and {len(named) - _NUM_NAMED:,} more" if len(named) > _NUM_NAMED else ""
    return [f"no class, because no image is in it: {', '.join(named[:_NUM_NAMED])}{more}"]


def _check_nothing_is_lost(root: Path, paths: list[str], others: list[str], layout: Layout) -> None:
    """Refuse a class or a split whose images are all of unsupported kinds."""
    classes = {_class_of(path, layout) for path in paths}
    lost: dict[str, list[str]] = {}
    for path in sorted(filter(is_known_image_name, others)):
        folder = _class_of(path, layout) or _lost_split(path, layout)
        if folder is not None and folder not in classes:
            lost.setdefault(folder, []).append(path)
    if lost:
        listed = list(lost.items())
        named = ", ".join(
            f"{folder} ({passed_over(files)})" for folder, files in listed[:_NUM_NAMED]
        )
        more = f" and {len(listed) - _NUM_NAMED:,} more" if len(listed) > _NUM_NAMED else ""
        raise SpoonfulError(
            f"dataset.path={root}: no image that can be read is in {named}{more}; convert them, or "
            "move these folders out of dataset.path"
        )


def _class_of(path: str, layout: Layout) -> str | None:
    """Return the class folder of a path, below the user's folder; None: it is in none."""
    placed = layout.placed(path)
    if placed is None:
        return None
    split, (class_name, *_) = placed
    base = layout.bases[split]
    return f"{base}/{class_name}" if base else class_name


def _lost_split(path: str, layout: Layout) -> str | None:
    """Return the folder of a path that is called like a split which no readable image has."""
    parts = path.split("/")[:-1]
    for place, name in enumerate(parts, start=1):
        split, folder = split_named(name), "/".join(parts[:place])
        is_new = split is not None and split not in layout.bases and folder != layout.unlabelled
        if "train" in layout.bases and is_new:
            return folder
    return None


def _passed_over(others: Iterable[str], junk: list[str], num_beside: int) -> list[str]:
    """Say in at most one line what is not read."""
    parts = [passed_over(others)]
    if junk:
        named = Counter(path.rpartition("/")[2] for path in junk).most_common()
        shown = ", ".join(
            printable(name) if count == 1 else f"{printable(name)} ({count:,})"
            for name, count in named[:_NUM_NAMED]
        )
        num_more = len(named) - _NUM_NAMED
        more = f" and {num_more:,} more name{'s' * (num_more > 1)}" if num_more > 0 else ""
        parts.append(f"folders {shown}{more}")
    if num_beside:
        parts.append(f"{num_beside:,} image{'s' * (num_beside > 1)} beside the class folders")
    said = "; ".join(filter(None, parts))
    return [printable(f"passed over: {said}")] if said else []
