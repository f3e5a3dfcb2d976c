"""The files of a store as files of the cache."""

import os
import time
from collections.abc import Iterable, Sequence

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.sources.remote.cache import Cache, CacheFolder, cache_folder, use
from spoonful.sources.remote.download import RemoteFile, download, gb
from spoonful.sources.remote.downloads import Downloads
from spoonful.sources.remote.store import Store

# A request is given up after 60 s and tried 4 times: what a reader waits for is named before this.
WAIT_LIMIT_S = 300.0
# One connection to S3 brings 50-100 MB/s. Small files are limited by the time of an answer.
LARGE_AT_ONCE, SMALL_AT_ONCE = 8, 32
_SMALL_BYTES = 1 << 20
# What was asked for ahead, and not again since, is then removed like other files.
NEEDED_LIMIT_S = 60.0
# A file that other processes push out between its download and its opening is downloaded again.
_TRIES = 5


class RemoteFiles:
    """Files of a store, downloaded into the cache when they are needed.

    Args:
        store: where they are.
        files: what each must be; identified by their place in this list.
        cache: where they are kept.

    Attributes:
        sizes: their sizes in bytes, int64 [n].
    """

    def __init__(self, store: Store, files: Sequence[RemoteFile], cache: Cache) -> None:
        self.store, self.files = store, files
        self.sizes = np.array([file.num_bytes for file in files], dtype=np.int64)
        self._cache, self._needed, self._needed_since = cache, list[int](), 0.0
        self._at_once = SMALL_AT_ONCE if self.sizes.mean() < _SMALL_BYTES else LARGE_AT_ONCE
        self._process, self._folder = os.getpid(), cache_folder(cache)
        self._downloads = Downloads(
            self._download,
            self.is_here,
            self.address_of,
            self._at_once,
            store.stop,
        )

    @property
    def folder(self) -> CacheFolder:
        """The cache in use; a forked process has its own room in it."""
        if self._process != os.getpid():
            self._process, self._folder = os.getpid(), cache_folder(self._cache)
        return self._folder

    @property
    def last_byte(self) -> float:
        """When bytes of any of the files arrived last, as `time.monotonic`; 0: never."""
        return self._downloads.last_byte

    @property
    def num_downloaded_bytes(self) -> int:
        """How many bytes arrived so far, in this process or another one that it waited for."""
        return self._downloads.num_bytes

    def address_of(self, number: int) -> str:
        """Return the address of a file, for messages."""
        return self.store.address_of(self.files[number].name)

    def is_here(self, number: int) -> bool:
        """Return whether a file is in the cache."""
        file = self.files[number]
        return self.folder.has(file.key, file.num_bytes)

    def opened_if_here(self, number: int) -> int | None:
        """Open a file of the cache, which no process removes meanwhile. None: it is not here.

        Raises:
            SpoonfulError: the cache cannot be read.
        """
        file = self.files[number]
        return self.folder.opened(file.key, file.num_bytes)

    def opened(self, numbers: Sequence[int]) -> list[int]:
        """Open files; those that are not here are downloaded, several at once, before all others.

        Returns:
            Their descriptors, which the caller closes; no process removes the files meanwhile.

        Raises:
            SpoonfulError: one cannot be downloaded within the limits; names its address.
        """
        found: dict[int, int] = {}
        try:
            for _ in range(_TRIES):
                for number in numbers:
                    descriptor = None if number in found else self.opened_if_here(number)
                    if descriptor is not None:
                        found[number] = descriptor
                missing = [number for number in numbers if number not in found]
                if not missing:
                    return [found[number] for number in numbers]
                self._downloads.wait(missing, WAIT_LIMIT_S)
        except BaseException:
            for descriptor in found.values():
                os.close(descriptor)
            raise
        for descriptor in found.values():
            os.close(descriptor)
        raise SpoonfulError(
            f"{self.address_of(missing[0])}: was downloaded {_TRIES} times, and removed from "
            f"{self.folder.path} before it could be read; give a larger cache.max_gb"
        )

    def check_room(self, numbers: Sequence[int]) -> None:
        """Check that the cache holds these files together.

        Raises:
            SpoonfulError: it does not; names what it needs.
        """
        needed, holds = int(self.sizes[numbers].sum()), self.folder.max_bytes
        if needed > holds:
            raise SpoonfulError(
                f"{self.store.address_of('')}: one read needs {len(numbers)} files of together "
                f"{gb(needed)} GiB, and the cache holds cache.max_gb={gb(holds)}: give more than "
                "that, or read less at a time"
            )

    def ahead(self, numbers: Iterable[int]) -> None:
        """Download files in the background, in this order, instead of those asked for before."""
        self._needed, self._needed_since = list(numbers), time.monotonic()
        self._downloads.ahead(self._needed)

    def ahead_from(self, number: int) -> None:
        """Download a file and those that follow it, as far as the cache has room for them."""
        following = np.cumsum(self.sizes[number : number + self._at_once])
        room = self.folder.max_bytes - int(self.sizes.max())
        count = max(1, int(np.searchsorted(following, room, side="right")))
        self.ahead(range(number, min(number + count, len(self.files))))

    @property
    def needed(self) -> list[int]:
        """The files that were asked for ahead last, soonest first."""
        return list(self._needed)

    def keep_needed(self) -> None:
        """Note the files that are needed soon as used, before others are removed."""
        if time.monotonic() - self._needed_since > NEEDED_LIMIT_S:
            self._needed = []  # what asked for them is paused or gone
        for number in list(self._needed):
            self.note_use(number)

    def note_use(self, number: int) -> None:
        """Note that a file is used or needed, if it is here."""
        use(str(self.folder.place(self.files[number].key)))

    def discard(self, number: int) -> None:
        """Remove a file whose bytes are wrong from the cache."""
        self.folder.remove(self.files[number].key)

    def waited_for(self) -> str | None:
        """Return the address of a file that is being downloaded; None: there is none."""
        return self._downloads.waited_for()

    def _download(self, number: int) -> None:
        folder = self.folder
        download(
            self.store,
            self.files[number],
            folder,
            self._downloads.note_bytes,
            lambda: self._downloads.is_stopped,
        )
