"""Batches straight from the image files of data/split.

A file that cannot be read ends a training by itself. Another valid image in its place does not: its
pixels are trained on, and the fingerprint says nothing of it. So files are compared meanwhile.
"""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Protocol
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.project import raw_dir, split_dir
from spoonful.sources import Source
from spoonful.sources.folder import FolderSource, class_folders
from spoonful.sources.image_files import ImageFileSource
from spoonful.sources.labels import LabelKind
from spoonful.sources.labels_file import LABELS_NAME, file_column, label_columns
from spoonful.sources.manifest import ManifestSource
from spoonful.sources.packed.check import ShardChangedError
from spoonful.workflow.split_files import (
    check_files,
    check_labels_file,
    check_split,
    image_settings,
    read_summary,
)

# Ends the words for a bad image; a run in progress has other remedies.
REMEDY = "; then run `spoonful fetch` and `spoonful split` again"
# A check takes 3 us for each file: 3 s for a million, which are not spent after each short epoch.
_MIN_TIMES_ITS_COST = 100

# The files of a source at the time when it was opened.
_at_open: "WeakKeyDictionary[Source, NDArray[np.int64]]" = WeakKeyDictionary()


@dataclass
class Folder:
    """Batches read straight from the image files of data/split."""

    def check(self, config: Config) -> None:
        """Check that data/split was made as the config says.

        Raises:
            SpoonfulError: there is no split, or it was made from other data or settings.
        """
        check_split(config)

    def settings(self, config: Config) -> dict[str, Any]:
        """Return the settings that determine the pixels, besides the files."""
        return image_settings(config)

    def open(self, split: str, settings: dict[str, Any], config: Config) -> ImageFileSource:
        """Open one folder of data/split and check its files; see `folder_source`.

        Raises:
            SpoonfulError: its files are not those that `split` put there; names some.
        """
        source = folder_source(split, settings, config)
        note_files(source)  # before they are hashed: what is replaced from then on is noticed
        check_files(source, split, config)
        return source

    @property
    def data_dir(self) -> Path:
        """The folder that is read."""
        return split_dir()


def folder_source(split: str, settings: dict[str, Any], config: Config) -> ImageFileSource:
    """Open one folder of data/split: "train", "val" or "test".

    Its classes are folders, or its labels are in a table beside the images.

    Args:
        split: its name.
        settings: what determines its pixels, as from `image_settings`.
        config: gives the largest size of an image, and the user's own folder for messages.

    Raises:
        SpoonfulError: no such folder, a class in it without images, or a table that has changed.
    """
    height, width, channels = settings["image_shape"]
    how = (
        (height, width),
        channels,
        settings["resize"],
        settings["background"],
        config.dataset.max_pixels,
        partial(_bad_image, config, split),
    )
    folder, summary = split_dir() / split, read_summary()
    names = summary.get("class_names")
    if names is None:
        return FolderSource(folder, *how, _class_names(split))
    check_labels_file(split)
    kind = LabelKind(summary["label_kind"])
    columns = label_columns(kind, names)
    return ManifestSource(
        folder / LABELS_NAME,
        *how,
        path_column=file_column(columns),
        label_columns=columns,
        label_kind=kind,
        class_names=names,
    )


def _class_names(split: str) -> list[str]:
    """Return the classes of a split: those of train, even if it has no image of some."""
    own, train = (class_folders(split_dir() / name) for name in (split, "train"))
    return sorted({*own, *train})


def _bad_image(config: Config, split: str, file_id: str, fault: str) -> str:
    """Name the user's own file in an error, not the link to it in data/split."""
    placed = split_dir() / split / file_id
    own = config.dataset.original_path(raw_dir(), split, file_id)
    if own is None:
        return f"{placed}{fault}"
    if placed.is_symlink() and not placed.exists():
        # To the user, the link is in data/split, and the file that it leads to is what is missing.
        fault = ": is missing; bring it back"
    return f"{own}{fault}{REMEDY}"


class Checkpoints(Protocol):
    """The checkpoints of a training, as `CheckpointFolder`; reading data depends on no fitting."""

    def steps(self) -> list[int]:
        """Return their steps."""

    def remove_after(self, step: int) -> None:
        """Remove those of later steps."""


class FileReplacedError(ShardChangedError):
    """A file was replaced by another valid image after the data were opened."""


def note_files(source: ImageFileSource) -> None:
    """Note the size, the time of the last change and the inode of each file of a source."""
    _at_open[source] = _stamps(source)


class FileWatch:
    """Compare the files that a training reads with those that it was begun with.

    What was read since the last comparison may be wrong if a file was replaced, so the checkpoints
    written since are removed.

    Args:
        config: gives the user's own path of a file, for messages.
        sources: the images of train and val; only those noted by `note_files` are compared.
        checkpoints: of the training.
        start: the step that the training begins from; -1: from no checkpoint.
    """

    def __init__(
        self, config: Config, sources: Iterable[Source], checkpoints: Checkpoints, start: int
    ) -> None:
        self._config = config
        self._sources = [
            (split, source)
            for split, source in zip(("train", "val"), sources, strict=True)
            if isinstance(source, ImageFileSource) and source in _at_open
        ]
        self._checkpoints = checkpoints
        self._sound = start  # the step of the last checkpoint that is known to be sound
        self._cost_s = 0.0
        self._end = time.monotonic()  # of the last comparison

    def check_epoch(self) -> None:
        """Compare after an epoch, unless that would take more than a hundredth of the time.

        Raises:
            FileReplacedError: a file was replaced.
        """
        if time.monotonic() - self._end >= _MIN_TIMES_ITS_COST * self._cost_s:
            self.check()

    def check(self) -> None:
        """Compare all files.

        Raises:
            FileReplacedError: a file was replaced.
        """
        begin = time.monotonic()
        try:
            for split, source in self._sources:
                self._compare(split, source)
        except FileReplacedError:
            self._checkpoints.remove_after(self._sound)
            raise
        self._sound = max(self._checkpoints.steps(), default=self._sound)
        self._end = time.monotonic()
        self._cost_s = self._end - begin

    def _compare(self, split: str, source: ImageFileSource) -> None:
        now = _stamps(source)
        for index in np.flatnonzero((now != _at_open[source]).any(axis=1)).tolist():
            if _holds_another_image(source, index):
                file_id = source.ids[index]
                own = partial(self._config.dataset.original_path, raw_dir(), split)
                raise FileReplacedError(
                    f"{own(file_id) or source.root / file_id}: was replaced by another image while "
                    "training read it; bring back the same file"
                )
        _at_open[source] = now


def _holds_another_image(source: ImageFileSource, index: int) -> bool:
    """Return whether a file that was touched now serves other pixels.

    A file that cannot be read serves none: it ends the training where it is read, at its step.
    """
    try:
        if content_hash(source.root / source.ids[index]) == source.content_hashes[index]:
            return False
        source.read([index])
    except SpoonfulError:
        return False
    return True


def _stamps(source: ImageFileSource) -> NDArray[np.int64]:
    """Return size, mtime in ns and inode of each file, or of what its link leads to, [n, 3]."""
    stamps = np.full((len(source), 3), -1, np.int64)
    prefix = os.path.join(source.root, "")  # noqa: PTH118 - a string, joined for each file
    for index, file_id in enumerate(source.ids):
        try:
            found = os.stat(prefix + file_id)  # noqa: PTH116 - a string
        except OSError:  # it is missing
            continue
        inode = found.st_ino & ((1 << 63) - 1)
        stamps[index] = found.st_size, found.st_mtime_ns, inode
    return stamps
