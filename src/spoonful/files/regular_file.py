"""Read only regular files, and never more than their size."""

import errno
import io
import os
import stat

from spoonful.errors import SpoonfulError

# Without O_NONBLOCK, opening a pipe without a writer waits forever.
READ = os.O_RDONLY | os.O_NONBLOCK
_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a pipe (FIFO)"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
)


def opened(path: str | os.PathLike[str]) -> io.FileIO:
    """Open a file to read, whatever its kind; the caller checks it."""
    return io.FileIO(path, opener=lambda name, _: os.open(name, READ))


def irregular(path: str | os.PathLike[str], mode: int) -> SpoonfulError:
    """Return the error for a path that is not a regular file, by its mode."""
    kind = next((name for is_kind, name in _KINDS if is_kind(mode)), "no regular file")
    return SpoonfulError(
        f"{path}: {kind}, expected a regular file with an image in it; remove or rename it"
    )


def unreadable(path: str | os.PathLike[str], error: OSError) -> SpoonfulError:
    """Return the error for a file that could not be opened or read."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a string, for each file
    except OSError:
        mode = stat.S_IFREG
    if not stat.S_ISREG(mode):  # a socket cannot even be opened
        return irregular(path, mode)
    if error.errno == errno.ELOOP:
        return SpoonfulError(f"{path}: a link that leads to itself; remove it")
    if error.errno == errno.ENOENT and os.path.islink(path):  # noqa: PTH114 - a string
        to = os.readlink(path)  # noqa: PTH115 - a string
        return SpoonfulError(
            f"{path}: a link to {to}, which is not there; bring it back, or remove the link"
        )
    return SpoonfulError(f"{path}: cannot be read ({error.strerror or error})")


def changed_size(path: str | os.PathLike[str], expected: int, found: int) -> SpoonfulError:
    """Return the error for a file that grew (if only by a byte) or shrank while it was read."""
    then = f"{found} bytes" if found < expected else "more"
    return SpoonfulError(
        f"{path}: changed while it was read (first {expected} bytes, then {then}); "
        "try again once nothing writes to it"
    )
