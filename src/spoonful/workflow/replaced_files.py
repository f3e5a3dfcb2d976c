"""Notice image files that are replaced by other valid images while a training reads them.

A file that cannot be read ends the training by itself. Another valid image in its place does not:
its pixels are trained on, and the fingerprint says nothing of it.
"""

import os
import time
from collections.abc import Iterable
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.project import raw_dir
from spoonful.sources import Source
from spoonful.sources.image_files import ImageFileSource
from spoonful.sources.packed.check import ShardChangedError

# A check takes 3 us for each file: 3 s for a million, which are not spent after each short epoch.
_MIN_TIMES_ITS_COST = 100

# The files of a source at the time when it was opened.
_at_open: "WeakKeyDictionary[Source, NDArray[np.int64]]" = WeakKeyDictionary()


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
        self, config: Config, sources: Iterable[Source], checkpoints: CheckpointFolder, start: int
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
