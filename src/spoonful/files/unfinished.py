"""Temporary names beside a file or folder, told apart from leftovers of killed processes.

Each is locked by the process that writes it: unlocked files are removed, files that another process
still writes are kept.
"""

import glob
import re
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from spoonful.files.lock import try_lock_content

_ID = "[0-9a-f]" * 8


def unused_name(path: Path, suffix: str = "") -> Path:
    """Return a name beside `path` that no other process uses."""
    return path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.tmp{suffix}")


def unfinished_file(path: Path) -> AbstractContextManager[Path]:
    """Yield an empty file beside `path`, locked until the block ends; removed unless renamed.

    Leftovers of `path` from killed processes are removed first.
    """
    return _unfinished(path, path.suffix, Path.touch)


def unfinished_folder(path: Path) -> AbstractContextManager[Path]:
    """Yield an empty folder beside `path`, like `unfinished_file` for a file."""
    return _unfinished(path, "", Path.mkdir)


def remove_leftovers(path: Path) -> None:
    """Remove leftovers of killed processes beside the folder `path`."""
    _remove_unheld(path, "")


def remove_leftovers_in(folder: Path, start: str) -> None:
    """Remove leftovers of killed processes of all folders in `folder` whose names begin so."""
    _remove_unheld_like(folder, f".{glob.escape(start)}*.{_ID}.tmp")


def meant(path: Path, found: Path) -> Path:
    """Return the final name of a path beside `path`, or below one; other paths are unchanged."""
    try:
        first, *rest = found.relative_to(path.parent).parts
    except ValueError:
        return found
    is_own = re.fullmatch(rf"\.{re.escape(path.name)}\.{_ID}\.tmp(\.\w+)?", first)
    return path.joinpath(*rest) if is_own else found


def _remove_unheld(path: Path, suffix: str) -> None:
    pattern = f".{glob.escape(path.name)}.{_ID}.tmp{glob.escape(suffix)}"
    _remove_unheld_like(path.parent, pattern)


def _remove_unheld_like(folder: Path, pattern: str) -> None:
    for leftover in folder.glob(pattern):
        with suppress(OSError):  # another process removes it as well
            if (lock := try_lock_content(leftover)) is not None:
                with lock:
                    _remove(leftover)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)


@contextmanager
def _unfinished(path: Path, suffix: str, create: Callable[..., None]) -> Iterator[Path]:
    _remove_unheld(path, suffix)
    lock = None
    while lock is None:  # taken for a leftover before it was locked
        beside = unused_name(path, suffix)
        create(beside, exist_ok=False)
        lock = try_lock_content(beside)
    with lock:
        try:
            yield beside
        finally:
            with suppress(OSError):  # the first error says why
                _remove(beside)
