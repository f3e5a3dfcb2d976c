"""Write files and folders that are never seen half-written, not even after a power failure."""

import ctypes
import errno
import fcntl
import json
import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spoonful.files.unfinished import meant, unfinished_file, unfinished_folder, unused_name

# Up to this many files of a folder are flushed one by one: the file system may have much else to
# flush. ext4 commits once for several threads: 200 files took 1.1-1.8 s in one thread, 0.12-0.34 s
# in eight, 0.06-0.14 s with the whole file system; 2,000 took 8 s, 0.2 s and 0.05 s, and while
# another process wrote 1 GB/s 1-14 s, 1.1-1.8 s and 0.3-0.7 s.
_FEW_FILES = 256
_FLUSHING_THREADS = 8


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Yield a path beside `path` to write to; rename it into place when the block succeeds.

    The file is on the disk before it is renamed, and its name is on the disk on return.

    Raises:
        OSError: it cannot be written; `filename` is `path` if the error concerns this file.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_file(path) as beside:
            yield beside
            sync(beside)
            beside.replace(path)
            sync(path.parent)


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside `path` to fill; put it in place when the block succeeds.

    Its files are on the disk before it is renamed, and its name is on the disk on return. If killed
    at any moment, `path` is the old folder or the new one; it is absent for a moment where the file
    system cannot exchange two names.

    Raises:
        OSError: it cannot be written; `filename` is `path`, or a path below it, if the error
            concerns this folder.
    """
    with naming(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_folder(path) as beside:
            yield beside
            _sync_tree(beside)
            if not (path.exists() and _exchanged(beside, path)):
                put_in_place(beside, path)
            sync(path.parent)


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Let an OSError name the final file or folder, not the one beside it or none.

    Writing to an open file raises an OSError without a name.
    """
    try:
        yield
    except OSError as error:
        named = error.filename
        if named is None:  # a full disk, noticed while writing
            error.filename = str(path)
        elif isinstance(named, str):
            error.filename = str(meant(path, Path(named)))
        raise


def put_in_place(beside: Path, path: Path) -> None:
    """Rename a complete folder to `path`; an existing one is removed.

    If killed at any moment, `path` is the old folder, absent or the new one.
    """
    old = unused_name(path)
    while True:
        if path.exists():
            path.rename(old)  # removing takes time, during which path would be incomplete
        try:
            beside.rename(path)
            break
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            shutil.rmtree(old, ignore_errors=True)  # another process was faster
    shutil.rmtree(old, ignore_errors=True)


_AT_FDCWD, _RENAME_EXCHANGE = -100, 2  # linux/fcntl.h, linux/fs.h


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange the names of two folders atomically; False: not supported, nothing has changed."""
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
    if rename is None:  # not Linux
        return False
    names = (os.fsencode(one), os.fsencode(other))
    return bool(rename(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _RENAME_EXCHANGE) == 0)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # a folder that is writable but not readable
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL:  # a file system that does not flush folders
            error.filename = str(path)
            raise
    finally:
        os.close(descriptor)


def _sync_tree(folder: Path) -> None:
    """Wait until all files in a folder are on the disk, and their names."""
    found = [folder]
    for parent, folders, files in os.walk(folder):
        found += [Path(parent) / name for name in (*folders, *files)]
        if len(found) > _FEW_FILES:
            _sync_file_system(folder)
            return
    with ThreadPoolExecutor(_FLUSHING_THREADS) as pool:
        for _ in pool.map(sync, [path for path in found if not path.is_symlink()]):
            pass  # raises the error


def _sync_file_system(folder: Path) -> None:
    """Wait until all data written to the file system of a folder is on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        syncfs = getattr(ctypes.CDLL(None, use_errno=True), "syncfs", None)
        if syncfs is None:  # not Linux
            os.sync()
        elif syncfs(descriptor):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(folder))
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file completely or not at all."""
    with replaced_file(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file completely or not at all, in the order of the given keys."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def link_or_copy(method: str) -> Callable[[Path, Path], str]:
    """Return a function (source, target) that links or copies a file to a second path.

    Hard links are not used: writing to one, or making it read-only as DVC does with its cache,
    would also change the source.

    Args:
        method: "auto" tries reflink, symlink, copy in this order; or one of these three.

    Returns:
        A function that returns the method used and raises OSError when none works.
    """
    attempts: dict[str, Callable[[Path, Path], object]] = {
        "reflink": _reflink,
        "symlink": lambda source, target: target.symlink_to(source.absolute()),
        "copy": shutil.copyfile,
    }
    names = list(attempts) if method == "auto" else [method]

    def make(source: Path, target: Path) -> str:
        """Link or copy one file."""
        for name in list(names):
            try:
                attempts[name](source, target)
                return name
            except OSError as error:
                target.unlink(missing_ok=True)
                if len(names) == 1 or error.errno not in _NO_SUCH_LINKS:
                    raise
                names.remove(name)  # not supported here: do not try it for every file
        raise OSError(f"none of {', '.join(attempts)} worked")

    return make


# Errors of file systems for links that are not supported, or not between these two paths.
_NO_SUCH_LINKS = (
    errno.EINVAL,
    errno.ENOSYS,
    errno.ENOTSUP,
    errno.ENOTTY,
    errno.EPERM,
    errno.EXDEV,
)
_FICLONE = 0x40049409  # linux/fs.h


def _reflink(source: Path, target: Path) -> None:
    """Clone a file on file systems that share blocks (btrfs, xfs); OSError elsewhere."""
    with source.open("rb") as from_file, target.open("xb") as to_file:
        fcntl.ioctl(to_file.fileno(), _FICLONE, from_file.fileno())
