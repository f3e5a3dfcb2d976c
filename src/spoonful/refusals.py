"""Describe system errors: a full disk, missing permissions, a file in place of a folder.

Libraries raise them in their own ways (SQLAlchemy, MLflow, h5py, pyarrow), so the whole chain of an
error is searched, in one place.
"""

import errno
import os
import re
import sys
from collections.abc import Iterator

AGAIN = "run the same command again"
_ROOM = f"make room, then {AGAIN}"
_MOVE = f"move it away, then {AGAIN}"
_DISK = f"check the disk or the network, then {AGAIN}"
# SQLite reports the same for a quota, a limit on the file size, and a failing disk.
_DATABASE_DISK = f"make room, or check quota, disk and network; then {AGAIN}"
_RIGHTS = "give this user the right to write there, or work in another folder"
# What each error means, and what to do.
_WORDS = {
    errno.ENOSPC: ("no space is left on the disk", _ROOM),
    errno.EDQUOT: ("the disk quota is used up", _ROOM),
    errno.EFBIG: ("the file would be larger than is allowed here", _ROOM),
    errno.EROFS: ("the file system is read-only", _RIGHTS),
    errno.EACCES: ("permission denied", _RIGHTS),
    errno.EPERM: ("not permitted", _RIGHTS),
    errno.EMFILE: ("too many open files", "raise the limit (`ulimit -n`), then run it again"),
    errno.ENFILE: ("too many open files on this machine", "end other programs, then run it again"),
    errno.ENAMETOOLONG: ("the name is too long", "use shorter names of folders or files"),
    errno.ENOTDIR: ("a file is where a folder is expected", _MOVE),
    errno.EEXIST: ("a file is where a folder is expected", _MOVE),
    errno.EISDIR: ("a folder is where a file is expected", _MOVE),
    errno.ENOTEMPTY: ("a folder is in the way", _MOVE),
    errno.ELOOP: ("a link leads to itself", f"remove it, then {AGAIN}"),
    errno.ENOENT: ("no such file or folder", f"bring it back, then {AGAIN}"),
    errno.EIO: ("the disk reports an error", _DISK),
    errno.ESTALE: ("the file is gone from its server", _DISK),
    errno.ETIMEDOUT: ("no answer in time", _DISK),
    errno.EBUSY: ("it is in use", f"end what uses it, then {AGAIN}"),
}
# These are also reported without a file name: a write to an open file has no name.
_NAMELESS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE)
# Anything else written there would also fail.
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)
# SQLite's messages, which have no error number.
_DATABASE = {
    "disk is full": errno.ENOSPC,
    "readonly database": errno.EACCES,
    "unable to open database file": errno.EACCES,
    "disk I/O error": errno.EIO,
}
_NUMBER = re.compile(r"errno\]? ?=? ?(\d+)", re.IGNORECASE)


def refusal_in(error: BaseException) -> str | None:
    """Return in one line what the system refused; None if nothing."""
    for one in _chain(error):
        if isinstance(one, OSError):
            words = _of_system(one)
        elif (words := _of_database(one)) is not None:
            words = f"the store of runs (tracking.uri): {words}"
        if words is not None:
            return words
    return None


def is_for_want_of_room(error: BaseException) -> bool:
    """Return whether an error is caused by a full disk."""
    return any(_number(one) in _NO_ROOM for one in _chain(error))


def refusal_of_database(error: BaseException) -> str | None:
    """Return in one line what SQLite lacked space or permission for; None for other errors."""
    return next((words for one in _chain(error) if (words := _of_database(one))), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that led to it."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        one = waiting.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        # Keras re-raises a callback's error "from None", which loses the cause.
        waiting += [one.__cause__, one.__context__]


def _number(error: BaseException) -> int | None:
    """Return the system's error number."""
    sqlite3 = sys.modules.get("sqlite3")
    if sqlite3 is not None and isinstance(error, sqlite3.Error):
        return next((n for words, n in _DATABASE.items() if words in str(error)), None)
    if not isinstance(error, OSError):
        return None
    if error.errno is None and (found := _NUMBER.search(str(error))):  # of h5py and pyarrow
        return int(found[1])
    return error.errno


def _of_system(error: OSError) -> str | None:
    number = _number(error)
    # Copy errors name the file that is read and the one that is written.
    path = error.filename2 or error.filename
    if number is None or (path is None and number not in _NAMELESS):
        return None
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    usual = (os.strerror(number).lower(), _DISK)
    what, mend = _WORDS.get(number, usual)
    return f"{path or 'a file'}: {what}; {mend}"


def _of_database(error: BaseException) -> str | None:
    number = None if isinstance(error, OSError) else _number(error)
    if number is None:
        return None
    return f"{error}; {_DATABASE_DISK if number == errno.EIO else _WORDS[number][1]}"
