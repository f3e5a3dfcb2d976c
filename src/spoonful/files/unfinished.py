"""Temporary names beside a file or folder, told apart from leftovers of killed processes.

Each is locked by the process that writes it: unlocked files are removed, files that another process
still writes are kept.
"""

import contextlib
import glob
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from spoonful.files.lock import locked, try_lock_content

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
    with locked(path.with_name(f".{path.name}.lock"), f"{path} is being written"):
        yield


def _remove_unheld(path: Path, suffix: str) -> None:
    name = glob.escape(path.name)
    for leftover in path.parent.glob(f".{name}.{_ID}.tmp{glob.escape(suffix)}"):
        with contextlib.suppress(OSError):  # another process removes it as well
            if (lock := try_lock_content(leftover)) is not None:
                with lock:
                    is_folder = leftover.is_dir()
                    shutil.rmtree(leftover, ignore_errors=True) if is_folder else leftover.unlink()


@contextmanager
def _held(path: Path, is_folder: bool) -> Iterator[Path]:
    """Create a file or folder that `_remove_unheld` keeps, in whichever process it runs."""
    lock = None
    while lock is None:  # taken for a leftover before it was locked
        beside = unused_name(path, "" if is_folder else path.suffix)
        beside.mkdir() if is_folder else beside.touch(exist_ok=False)
        lock = try_lock_content(beside)
    with lock:
        yield beside
