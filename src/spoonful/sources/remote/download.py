"""Download one file into the cache: reserved, checked, and only then under its name."""

import hashlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spoonful.errors import SpoonfulError
from spoonful.files.lock import Lock, try_lock_content
from spoonful.sources.remote.cache import CacheFolder
from spoonful.sources.remote.faults import StoreError
from spoonful.sources.remote.store import PART_BYTES, Store

# A process that downloads for another one is waited for so long without a new byte; a running
# download gives up sooner.
OTHER_LIMIT_S = 400.0
# Room that other processes read or download into becomes free as they go on.
ROOM_LIMIT_S = 120.0
_PAUSE_S = 0.05


@dataclass(frozen=True)
class RemoteFile:
    """A file of a store.

    Attributes:
        name: its path below the store's address.
        num_bytes: its size.
        key: its name in the cache, of hex digits: the SHA-256 of its content, or a digest of
            address, size and tag.
        sha256: hex digest that its content must have; empty: unknown.
        md5: hex digest that the store lists, where it seems to be one; empty: none.
    """

    name: str
    num_bytes: int
    key: str
    sha256: str = ""
    md5: str = ""


def download(
    store: Store,
    file: RemoteFile,
    folder: CacheFolder,
    on_bytes: Callable[[int], object],
    stopped: Callable[[], bool],
) -> None:
    """Bring a file into the cache, unless another process does or did.

    Args:
        store: where it is.
        file: which one, and what it must be.
        folder: the cache.
        on_bytes: called with the number of bytes that arrived.
        stopped: whether to give up.

    Raises:
        SpoonfulError: it cannot be read or is not what it must be; names its address. The cache has
            no room, or cannot be written.
    """
    incoming, where = folder.incoming(file.key), store.address_of(file.name)
    if file.num_bytes > folder.max_bytes:
        raise SpoonfulError(
            f"{where}: has {file.num_bytes:,} bytes, more than the cache may hold "
            f"({folder.max_bytes:,}); give more than cache.max_gb={gb(file.num_bytes)}"
        )
    end, seen = time.monotonic() + OTHER_LIMIT_S, -1
    while not folder.has(file.key, file.num_bytes):
        if (lock := _try_lock(incoming)) is not None:
            with lock:
                _download_locked(store, file, folder, on_bytes, stopped)
            return
        if (have := _size(incoming)) != seen:
            on_bytes(max(have - seen, 0))
            end, seen = time.monotonic() + OTHER_LIMIT_S, have
        if time.monotonic() >= end or stopped():
            raise SpoonfulError(
                f"{where}: another process downloads it to {incoming}, and got no byte for "
                f"{OTHER_LIMIT_S:g} s; end that process"
            )
        time.sleep(_PAUSE_S)


def _download_locked(
    store: Store,
    file: RemoteFile,
    folder: CacheFolder,
    on_bytes: Callable[[int], object],
    stopped: Callable[[], bool],
) -> None:
    incoming, is_whole = folder.incoming(file.key), False
    try:
        if folder.has(file.key, file.num_bytes):  # done while this one waited for the lock
            return
        folder.room.take(file.num_bytes, ROOM_LIMIT_S, stopped)
        try:
            _write_checked(store, file, incoming, on_bytes)
            folder.room.put(incoming, folder.place(file.key), file.num_bytes)
            is_whole = True
        except BaseException:
            folder.room.give_back(file.num_bytes)
            raise
    except OSError as error:
        raise SpoonfulError(
            f"cache folder {folder.path}: cannot be written ({error.strerror or error}); free "
            "some space, or give another one: cache.dir=..., or Cache(folder=...)"
        ) from error
    finally:
        if not is_whole:  # else what has this name now belongs to another process
            incoming.unlink(missing_ok=True)


def _write_checked(
    store: Store, file: RemoteFile, path: Path, on_bytes: Callable[[int], object]
) -> None:
    """Write a file and check it; one with wrong bytes is downloaded once more.

    The bytes may have changed on the way. A store's "MD5" that two equal downloads do not have is
    none: an ETag of an encrypted object looks like one.
    """
    expected = file.sha256 or file.md5
    found = _write(store, file, path, on_bytes)
    if not expected or found == expected:
        return
    again = _write(store, file, path, on_bytes)
    if again == expected or (not file.sha256 and again == found):
        return
    kind = "sha256" if file.sha256 else "md5"
    raise StoreError(
        f"{store.address_of(file.name)}: expected {kind} {expected}, found {again} (and {found} "
        "before): the copy in the store is damaged, or the connection; upload the file again"
    )


def _write(store: Store, file: RemoteFile, path: Path, on_bytes: Callable[[int], object]) -> str:
    """Write a file, and return the hex digest of what was written."""
    digest = hashlib.sha256() if file.sha256 else hashlib.md5(usedforsecurity=False)
    have = 0
    # Emptied only where it holds something: see `Lock.write_holder`.
    with path.open("r+b") as out:
        if os.fstat(out.fileno()).st_size:
            out.truncate()
        while have < file.num_bytes:
            asked = min(PART_BYTES, file.num_bytes - have)
            part = store.read(file.name, have, have + asked)
            if len(part) > asked and have:  # a server without ranges sends the whole again
                part = part[have:]
            out.write(part)
            digest.update(part)
            have += len(part)
            on_bytes(len(part))
            if not part or have > file.num_bytes:
                break
    if have != file.num_bytes:
        raise StoreError(
            f"{store.address_of(file.name)}: expected {file.num_bytes:,} bytes, found {have:,}: "
            "it is another file than when it was listed or packed; upload it again"
        )
    return digest.hexdigest()


def _try_lock(path: Path) -> Lock | None:
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o666))
        return try_lock_content(path)
    except OSError as error:
        raise SpoonfulError(
            f"{path}: cannot be locked ({error.strerror or error}); give a cache folder on a file "
            "system with locks: cache.dir=..., or Cache(folder=...)"
        ) from error


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1


def gb(num_bytes: int) -> str:
    """Return a size in GiB as a user would type it."""
    return f"{num_bytes / (1 << 30):.3g}"
