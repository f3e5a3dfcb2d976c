"""Check an SQLite file: a directory, a damaged file, a lock or missing permissions are named.

MLflow would report this in many lines, or in the middle of a training.
"""

import errno
import os
import sqlite3
from contextlib import closing
from pathlib import Path

from spoonful.errors import SpoonfulError

_LOCK_LIMIT_S = 20  # eight writers at once wait for 2 s at worst


def check_database(path: Path, is_to_be_written: bool) -> None:
    """Check that a file is an SQLite database that can be read, or written.

    Raises:
        SpoonfulError: it is not; gives the reason in one line.
    """
    if not path.is_file():
        raise SpoonfulError(f"{path}: expected the SQLite file of MLflow, found a folder or device")
    if is_to_be_written:
        check_writable(path)
        check_writable(path.parent)  # SQLite writes its journal beside the file
    try:
        with closing(sqlite3.connect(path, _LOCK_LIMIT_S, isolation_level=None)) as database:
            database.execute("SELECT name FROM sqlite_master").fetchall()
            if is_to_be_written:
                database.execute("BEGIN IMMEDIATE")
                database.execute("ROLLBACK")
    except sqlite3.Error as error:
        raise SpoonfulError(f"{path}: {_reason(error)}") from error


def check_writable(path: Path) -> None:
    """Check that a file or a folder, or the folder in which it will be created, is writable.

    Raises:
        SpoonfulError: it cannot.
    """
    there = path if path.exists() else path.parent
    if not there.exists() or os.access(there, os.W_OK):
        return
    readable_only = os.statvfs(there).f_flag & os.ST_RDONLY
    reason = os.strerror(errno.EROFS if readable_only else errno.EACCES)
    raise SpoonfulError(
        f"{there}: the store of runs cannot be written ({reason}): give write access, or "
        "choose another store with tracking.uri"
    )


def _reason(error: sqlite3.Error) -> str:
    text = str(error)
    if "locked" in text:
        return (
            f"another process has held the store of runs locked for {_LOCK_LIMIT_S} s: wait for "
            "it, or end it"
        )
    if "not a database" in text or "malformed" in text:
        return (
            f"the store of runs is damaged ({text}): bring it back from a copy, or move it away to "
            "begin a new one"
        )
    return f"the store of runs cannot be used ({text}): give access or make room"
