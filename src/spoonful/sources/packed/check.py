"""Check the shards of a store against their checksums once, in a thread, during reading.

At the end of reading, those that were written to since then are checked again.
"""

import hashlib
import os
import threading
from contextlib import suppress

from spoonful import background
from spoonful.errors import SpoonfulError
from spoonful.files.documents import unexpected
from spoonful.sources.packed.files import FileSet

# Hashed in 0.5 ms, so that the thread ends soon.
_CHUNK_BYTES = 1 << 20

# The shards that this process has found intact: as files, at the time of their last change.
_Key = tuple[int, int, int, int, str]
_whole: set[_Key] = set()


def forget() -> None:
    """Forget which shards were found intact: a benchmark checks them again."""
    _whole.clear()


class ShardChangedError(SpoonfulError):
    """A shard has changed since packing: what was read of it so far may be wrong."""


class ShardCheck:
    """Check the shards of one open store, except those that this process has already checked.

    Args:
        files: the shards.
        keeps_cache: the store fits into memory: data read for the check stays in the system's
            cache, for the readers. Otherwise data that was not there before is dropped.
    """

    def __init__(self, files: FileSet, keeps_cache: bool) -> None:
        self.error: ShardChangedError | None = None
        self._files = files
        self._keeps_cache = keeps_cache
        self._has_begun = False
        self._is_over = threading.Event()  # done, failed or stopped
        self._is_stopped = False
        self._num_bytes = 0  # checked so far
        self._at = 0  # the shard that is being checked
        self._found: dict[int, _Key] = {}  # the shards as they were when they were checked
        self._lock = threading.Lock()

    def begin(self) -> None:
        """Start the thread if it has not been started."""
        if self._has_begun or self._is_stopped:
            return
        with self._lock:
            if not self._has_begun:
                # Not kept here: an ended thread is freed when nothing refers to it.
                background.start(self._work, "spoonful-check", self.stop)
                self._has_begun = True

    def stop(self) -> None:
        """Let the thread end soon; unchecked shards stay unchecked."""
        self._is_stopped = True

    @property
    def is_passed(self) -> bool:
        """Whether all shards are checked, and none has changed."""
        return self._is_over.is_set() and self.error is None and not self._is_stopped

    def raise_if_failed(self) -> None:
        """Raise the error that was found.

        Raises:
            ShardChangedError: a shard has changed since packing; names it.
        """
        if self.error is not None:
            raise ShardChangedError(str(self.error))

    def finish(self, limit_s: float) -> None:
        """Wait until all shards are checked, if the check has begun.

        Args:
            limit_s: longest time without progress.

        Raises:
            ShardChangedError: a shard has changed since packing, also after it was checked.
            SpoonfulError: it cannot be read within the limit.
        """
        have = -1
        while self._has_begun and not self._is_over.wait(limit_s):
            if have == self._num_bytes:
                raise SpoonfulError(
                    f"{self._files.paths[self._at]}: its check made no progress within "
                    f"read_timeout_s={limit_s:g}: is the disk or the network gone?"
                )
            have = self._num_bytes
        self.raise_if_failed()
        self._check_again()
        self.raise_if_failed()

    def _check_again(self) -> None:
        """Check those shards again that were written to since they were checked."""
        try:
            for number, key in list(self._found.items()):
                with self._files.open_to_check(number) as descriptor:
                    if descriptor is not None and key != self._key(number, descriptor):
                        buffer = memoryview(bytearray(_CHUNK_BYTES))
                        self._check_open(number, descriptor, buffer)
        except SpoonfulError as error:
            self.error = ShardChangedError(str(error))

    def _work(self) -> None:
        try:
            buffer = memoryview(bytearray(_CHUNK_BYTES))
            for number in range(len(self._files.shards)):
                self._at = number
                self._check(number, buffer)
                if self._is_stopped:
                    return
        except SpoonfulError as error:
            # Its traceback refers to this thread, whose stack would stay until garbage collection.
            self.error = ShardChangedError(str(error))
        finally:
            self._is_over.set()

    def _check(self, number: int, buffer: memoryview) -> None:
        with self._files.open_to_check(number) as descriptor:
            if descriptor is not None:
                self._check_open(number, descriptor, buffer)

    def _check_open(self, number: int, descriptor: int, buffer: memoryview) -> None:
        shard, path = self._files.shards[number], self._files.paths[number]
        remedy, key = self._files.remedy, self._key(number, descriptor)
        if key in _whole:
            self._found[number] = key
            return
        digest, offset = hashlib.sha256(), 0
        while not self._is_stopped:
            try:
                got = self._read(descriptor, offset, buffer)
            except OSError as error:
                reason = error.strerror or str(error)
                raise unexpected(path, "a file that can be read", reason, remedy) from error
            if got == 0:
                break
            digest.update(buffer[:got])
            offset += got
            self._num_bytes += got
        if self._is_stopped:
            return
        try:
            shard.check_digest(path, digest.hexdigest(), remedy)
        except SpoonfulError:
            self._files.discard(number)
            raise
        _whole.add(key)
        self._found[number] = key

    def _key(self, number: int, descriptor: int) -> _Key:
        found = os.fstat(descriptor)
        sha256 = self._files.shards[number].sha256
        return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns, sha256

    def _read(self, descriptor: int, offset: int, buffer: memoryview) -> int:
        """Read the next part, without displacing what the readers need."""
        if not self._keeps_cache and hasattr(os, "RWF_NOWAIT"):
            with suppress(OSError):  # not in the cache, or an unsupported file system
                got = os.preadv(descriptor, [buffer], offset, os.RWF_NOWAIT)
                if got:
                    return got
        got = os.preadv(descriptor, [buffer], offset)
        if not self._keeps_cache:
            with suppress(OSError, AttributeError):
                os.posix_fadvise(descriptor, offset, got, os.POSIX_FADV_DONTNEED)
        return got
