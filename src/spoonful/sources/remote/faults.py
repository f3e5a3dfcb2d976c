"""What an error of a store means: whether another try may help, and words for the user."""

import asyncio
import errno

from spoonful.errors import SpoonfulError
from spoonful.sources.remote.address import shown

INSTALL = 'pip install "spoonful[cloud]"'
_HELPS = (
    *(errno.EIO, errno.EBUSY, errno.EAGAIN, errno.ETIMEDOUT, errno.EPIPE, errno.EHOSTUNREACH),
    *(errno.ECONNRESET, errno.ECONNREFUSED, errno.ECONNABORTED, errno.ENETUNREACH),
    getattr(errno, "EREMOTEIO", errno.EIO),  # what s3fs makes of an answer 500
)
# By name: these packages need not be installed. Of aiohttp, botocore and gcsfs: a connection that
# was refused, cut or too slow.
_TRANSIENT = (
    *("ClientConnectionError", "ClientPayloadError", "HTTPClientError", "ConnectionError"),
    *("FlexibleChecksumError", "ChecksumError"),  # a byte was changed on the way
)
_NO_ACCESS = (
    *("NoCredentialsError", "PartialCredentialsError", "TokenRetrievalError"),
    *("ProfileNotFound", "DefaultCredentialsError", "RefreshError"),
)
_ACCESS = "give credentials as {kind} takes them (environment, profile or fsspec's own config)"


class StoreError(SpoonfulError):
    """A file of a store that could not be read.

    Attributes:
        is_transient: whether the same request may succeed later.
        is_missing: whether the file is not there.
    """

    def __init__(self, message: str, is_transient: bool = False, is_missing: bool = False) -> None:
        super().__init__(message)
        self.is_transient = is_transient
        self.is_missing = is_missing


def fault_of(address: str, error: BaseException) -> StoreError:
    """Return the error for a request that failed.

    Args:
        address: what was asked for.
        error: what the file system raised.
    """
    where, words = shown(address), _words(error)
    if isinstance(error, FileNotFoundError) or _status(error) == 404:
        message = f"{where}: is not there ({words}); check the address"
        return StoreError(message, is_missing=True)
    if isinstance(error, PermissionError) or _status(error) in (401, 403) or _is(error, _NO_ACCESS):
        kind = address.partition(":")[0]
        return StoreError(f"{where}: no access ({words}); {_ACCESS.format(kind=kind)}")
    if _is_transient(error):
        return StoreError(f"{where}: cannot be read ({words})", is_transient=True)
    return StoreError(f"{where}: cannot be read ({words}); check the address and its options")


def missing_package(address: str, error: Exception) -> SpoonfulError:
    """Return the error for a kind of address whose package is not installed."""
    return SpoonfulError(f"{shown(address)}: {_words(error)}; {INSTALL}")


def _is_transient(error: BaseException) -> bool:
    if isinstance(error, (asyncio.TimeoutError, TimeoutError, ConnectionError, EOFError)):
        return True
    status = _status(error)
    if status is not None:
        return status >= 500 or status in (408, 429)
    if _is(error, _TRANSIENT):
        return True
    return isinstance(error, OSError) and error.errno in _HELPS


def _status(error: BaseException) -> int | None:
    """Return the HTTP status of an error of aiohttp or gcsfs."""
    for name in ("status", "code"):
        status = getattr(error, name, None)
        if isinstance(status, int) and 100 <= status < 600:
            return status
    return None


def _is(error: BaseException, names: tuple[str, ...]) -> bool:
    return any(kind.__name__ in names for kind in type(error).__mro__)


def _words(error: BaseException) -> str:
    text = str(error).strip().splitlines()
    words = text[0] if text else type(error).__name__
    if isinstance(error, OSError) and error.errno is not None and error.strerror:
        words = str(error.strerror)
    return shown(words if len(words) <= 200 else f"{words[:197]}...")
