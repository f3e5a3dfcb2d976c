"""What a generator needs to know to have files downloaded before they are needed."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.sources.remote.files import RemoteFiles


@dataclass(frozen=True)
class FilesAhead:
    """The files of a remote source, as a generator sees them.

    Attributes:
        sizes: of each file in bytes, int64 [n].
        max_bytes: how much the cache holds.
        files_of: returns the file that each of the examples [k] is in, int64 [k].
        ahead: has files downloaded in the background, in the given order; they take the place of
            those that were given before.
        remote: the files.
    """

    sizes: NDArray[np.int64]
    max_bytes: int
    files_of: Callable[[NDArray[np.integer[Any]]], NDArray[np.int64]]
    ahead: Callable[[Iterable[int]], object]
    remote: RemoteFiles

    @property
    def num_bytes(self) -> int:
        """Size of all files."""
        return int(self.sizes.sum())

    @property
    def last_byte(self) -> float:
        """When bytes of any file arrived last, as `time.monotonic`; 0: never."""
        return self.remote.last_byte

    def is_here(self, file: int) -> bool:
        """Return whether a file is in the cache."""
        return self.remote.is_here(file)

    def waited_for(self) -> str | None:
        """Return the address of a file that is being downloaded; None: there is none."""
        return self.remote.waited_for()
