"""Temporary names beside a file or folder, told apart from leftovers of killed processes.

Each is locked by the process that writes it, and the system releases the lock when the process ends
in any way: unlocked files are removed, files that another process still writes are kept.
"""

import contextlib
import glob
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spoonful.errors import SpoonfulError

_ID = "[0-9a-f]" * 8


def unused_name(path: Path, suffix: str = "") -> Path:
    """Return a name beside `path` that no other process uses."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp{suffix}")


@contextmanager
def unfinished_file(path: Path) -> Iterator[Path]:
    """Yield an empty file beside `path`, locked until the block ends; removed unless renamed.

    Leftovers of `path` from killed processes are removed first.
    """
    _remove_unheld(path, path.suffix)
    with _held(path, is_folder=False) as beside:
        try:
            yield beside
        finally:
            with contextlib.suppress(OSError):  # the first error says why
                beside.unlink(missing_ok=True)


@contextmanager
def unfinished_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`, like `unfinished_file` for a file."""
    remove_leftovers(path)
    with _held(path, is_folder=True) as beside:
        try:
            yield beside
        finally:
            shutil.rmtree(beside, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove leftovers of killed processes beside the folder `path`."""
    _remove_unheld(path, "")


def meant(path: Path, found: Path) -> Path:
    """Return the final name of a path beside `path`, or below one; other paths are unchanged."""
    try:
        first, *rest = found.relative_to(path.parent).parts
    except ValueError:
        return found
    is_own = re.fullmatch(rf"\.{re.escape(path.name)}\.{_ID}\.tmp(\.\w+)?", first)
    return path.joinpath(*rest) if is_own else found


@contextmanager
def sole_writer(path: Path) -> Iterator[None]:
    """Lock `path` while several files that belong together are written.

    Raises:
        SpoonfulError: another process writes it; names the process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("a+", encoding="ascii") as lock:
        if not _hold(lock.fileno()):
            lock.seek(0)
            raise SpoonfulError(
                f"{path} is being written by process {lock.read().strip() or 'unknown'}: wait "
                "until it is done, or end it"
            )
        lock.seek(0)
        lock.truncate()
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield


def _remove_unheld(path: Path, suffix: str) -> None:
    name = glob.escape(path.name)
    for leftover in path.parent.glob(f".{name}.{_ID}.tmp{glob.escape(suffix)}"):
        with contextlib.suppress(OSError):  # another process removes it as well
            descriptor = os.open(leftover, os.O_RDONLY)
            try:
                if _hold(descriptor):
                    is_folder = leftover.is_dir()
                    shutil.rmtree(leftover, ignore_errors=True) if is_folder else leftover.unlink()
            finally:
                os.close(descriptor)


@contextmanager
def _held(path: Path, is_folder: bool) -> Iterator[Path]:
    """Create a file or folder that `_remove_unheld` keeps, in whichever process it runs."""
    while True:
        beside = unused_name(path, "" if is_folder else path.suffix)
        beside.mkdir() if is_folder else beside.touch(exist_ok=False)
        try:
            descriptor = os.open(beside, os.O_RDONLY)
        except FileNotFoundError:  # taken for a leftover before it was locked
            continue
        if _hold(descriptor) and _is_at(descriptor, beside):
            break
        os.close(descriptor)
    try:
        yield beside
    finally:
        os.close(descriptor)


def _hold(descriptor: int) -> bool:
    """Lock an open file or folder; False: another process holds it."""
    try:
        import fcntl
    except ImportError:  # not a POSIX system: nothing is locked
        return True
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_at(descriptor: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False
