"""Locks between processes. The system frees a lock when its process ends in any way.

A lock belongs to an open file, so a file that a killed process left locks nobody out. Exclusive
locks are built on `filelock.lock_descriptor`; shared ones, which it does not have, on the same
`flock`. `filelock.FileLock` is not used: it creates a missing
parent folder, which brings back a folder that another process has just removed, and it cannot lock
a folder or a file that is being written.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from spoonful.errors import SpoonfulError

_FIRST_PAUSE_S, _PAUSE_S = 0.001, 0.05
_SHORT_PAUSE_S = 0.002  # for what is locked between two calls of the system
_WAIT = "wait until it is done, or end it"


class Lock:
    """A lock that this process holds until `release`, called from any thread.

    Args:
        descriptor: the open file that is locked; closed by `release`.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        _held.add(self)

    def release(self) -> None:
        """Free it; a second call does nothing."""
        if self in _held:
            _held.remove(self)
            os.close(self._descriptor)

    def write_holder(self) -> None:
        """Write this process's id into the file, over that of another holder.

        All ids are equally long: ext4 writes a file that was emptied to the disk when it is closed,
        which took 5 ms.
        """
        os.pwrite(self._descriptor, f"{os.getpid():<10}\n".encode("ascii"), 0)

    def __enter__(self) -> "Lock":
        return self

    def __exit__(self, *error: object) -> None:
        self.release()


_held: set[Lock] = set()


def _leave_to_parent() -> None:
    # A forked process has the same open files: it would keep the locks of a parent that has ended.
    for lock in tuple(_held):
        lock.release()


os.register_at_fork(after_in_child=_leave_to_parent)


def try_lock(path: Path) -> Lock | None:
    """Lock a lock file, created if it is missing, and write the process's id into it.

    Returns:
        The lock. None: another process holds it, or the folder of the file does not exist.

    Raises:
        OSError: the file cannot be opened, or its file system has no locks; names the file.
    """
    lock = _locked(path, os.O_RDWR | os.O_CREAT)
    if lock is not None:
        with suppress(OSError):  # it is only shown to a user
            lock.write_holder()
    return lock


def try_lock_content(path: Path) -> Lock | None:
    """Lock an existing file or folder itself, without a file beside it.

    Returns:
        The lock. None: another process holds it, or it does not exist any more.

    Raises:
        OSError: it cannot be opened, or its file system has no locks; names it.
    """
    # Over NFS, only what is open for writing can be locked.
    return _locked(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)


def open_shared(path: Path, limit_s: float = 0.0) -> int | None:
    """Open a file to read; as long as it is open, `try_lock_content` does not lock it.

    Any number of processes can have it open so. A forked process has it open as well.

    Args:
        path: the file.
        limit_s: how long to wait for another process that has locked it.

    Returns:
        The open file, which the caller closes. None: there is no such file any more, or it is
        still locked after that time.

    Raises:
        OSError: it cannot be opened, or its file system has no locks; names it.
    """
    end = time.monotonic() + limit_s
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return None
    try:
        while not _is_shared(descriptor):
            if time.monotonic() >= end:
                os.close(descriptor)
                return None
            time.sleep(_SHORT_PAUSE_S)
        if _is_at(descriptor, path):
            return descriptor
    except OSError as error:
        os.close(descriptor)
        error.filename = str(path)
        raise
    os.close(descriptor)
    return None


def _is_shared(descriptor: int) -> bool:
    """Take a shared lock; False: another process has locked the file."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@contextmanager
def locked(path: Path, what: str, limit_s: float = 0.0, remedy: str = _WAIT) -> Iterator[None]:
    """Hold a lock file while the block runs.

    Args:
        path: the lock file; its folder exists.
        what: what the holder does, for the error: "data/split is being written".
        limit_s: how long to wait for the holder.
        remedy: what the user can do, for the error.

    Raises:
        SpoonfulError: another process holds it after that time; names the process.
        OSError: see `try_lock`.
    """
    end, pause_s = time.monotonic() + limit_s, _FIRST_PAUSE_S
    while (lock := try_lock(path)) is None:
        if time.monotonic() >= end:
            waited = f" (waited {limit_s:g} s)" if limit_s else ""
            raise SpoonfulError(f"{what} by {_holder(path)}{waited}: {remedy}")
        time.sleep(pause_s)
        pause_s = min(2 * pause_s, _PAUSE_S)
    with lock:
        yield


def _locked(path: Path, flags: int) -> Lock | None:
    from filelock import lock_descriptor  # 60 ms

    while True:
        try:
            descriptor = os.open(path, flags, 0o666)
        except FileNotFoundError:
            return None
        lock = Lock(descriptor)
        try:
            is_free = lock_descriptor(descriptor, blocking=False)
            if is_free and _is_at(descriptor, path):
                return lock
        except OSError as error:
            lock.release()
            error.filename = str(path)
            raise
        lock.release()
        if not is_free:
            return None


def _is_at(descriptor: int, path: Path) -> bool:
    """Return whether an open file is not removed or renamed: others would not meet its lock."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def _holder(path: Path) -> str:
    try:
        return f"process {int(path.read_text(encoding='ascii'))}"
    except (OSError, ValueError):
        return "another process"
