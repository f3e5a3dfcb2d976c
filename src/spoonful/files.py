"""Write files and folders so that none is ever seen half-written."""

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a path beside `path` to write to; rename it into place when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp{path.suffix}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """Give an empty folder beside `path` to fill; put it into place when the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    remove_leftovers(path)
    beside = _beside(path)
    beside.mkdir()
    try:
        yield beside
        put_in_place(beside, path)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def put_in_place(beside: Path, path: Path) -> None:
    """Rename a whole folder to `path`; what was there is removed.

    Killed at any moment, `path` is the old folder, absent or the new one.
    """
    old = _beside(path)
    if path.exists():
        path.rename(old)  # removing takes a while, in which path would be half a folder
    beside.rename(path)
    shutil.rmtree(old, ignore_errors=True)


def remove_leftovers(path: Path) -> None:
    """Remove what a killed run left beside the folder `path`."""
    for leftover in path.parent.glob(f".{path.name}.*.tmp"):
        shutil.rmtree(leftover, ignore_errors=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp")


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except PermissionError:  # Windows opens no folders
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file whole or not at all."""
    with replaced_file(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file whole or not at all, in the order of the keys given."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def link_or_copy(method: str) -> Callable[[Path, Path], str]:
    """Return a function (source, target) that makes a file appear at a second place.

    Args:
        method: "auto" tries reflink, hardlink, copy in this order; or one of these three.

    Returns:
        A function that returns the method used and raises OSError when none works.
    """
    attempts: dict[str, Callable[[Path, Path], object]] = {
        "reflink": _reflink,
        "hardlink": os.link,
        "copy": shutil.copyfile,
    }
    names = list(attempts) if method == "auto" else [method]

    def make(source: Path, target: Path) -> str:
        """Link or copy one file."""
        for name in list(names):
            try:
                attempts[name](source, target)
                return name
            except OSError:
                target.unlink(missing_ok=True)
                if len(names) == 1:
                    raise
                names.remove(name)  # not on this file system: do not try it for every file
        raise OSError(f"none of {', '.join(attempts)} worked")

    return make


_FICLONE = 0x40049409  # linux/fs.h


def _reflink(source: Path, target: Path) -> None:
    """Clone a file on file systems that share blocks (btrfs, xfs); OSError elsewhere."""
    try:
        import fcntl
    except ImportError as error:  # not a POSIX system
        raise OSError("no reflinks here") from error
    with source.open("rb") as from_file, target.open("xb") as to_file:
        fcntl.ioctl(to_file.fileno(), _FICLONE, from_file.fileno())
