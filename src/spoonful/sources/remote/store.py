"""Read the files below an address through fsspec, with a limit of tries and of time."""

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from spoonful.errors import SpoonfulError
from spoonful.sources.remote.address import joined, shown
from spoonful.sources.remote.faults import StoreError, fault_of, missing_package

# One request asks for at most so much: what a cut connection loses, and what a thread holds in
# memory. At 100 MB/s it takes 80 ms, five times as long as a store takes to answer.
PART_BYTES = 8 << 20
# A request, with all that the file system tries again inside it, ends after this time: 140 kB/s.
REQUEST_LIMIT_S = 60.0
# S3 lists a thousand objects in about 0.1 s: six million.
LISTING_LIMIT_S = 600.0
# So a file that cannot be read is named after at most 4 minutes, and one that a store answers with
# an error at once after a few seconds.
TRIES = 4
FIRST_WAIT_S = 0.5
MAX_WAIT_S = 8.0
_TICK_S = 0.1
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Listed:
    """A file of a store, as the store lists it.

    Attributes:
        name: its path below the address, with "/".
        num_bytes: its size; None: not listed.
        tag: what changes with its content: an MD5 or another checksum, a version or an ETag; empty:
            none is listed.
        changed: when it was changed last, as the store writes it; empty: not listed.
        md5: hex MD5 of its content, where the tag is one; else empty.
    """

    name: str
    num_bytes: int | None
    tag: str
    changed: str
    md5: str


class Store:
    """The files below an address.

    Args:
        address: such as s3://bucket/folder; anything that fsspec opens.

    Attributes:
        address: as given.
        is_web: whether it is read over HTTP, from a server that need not list its folders.

    Raises:
        SpoonfulError: an unknown kind of address, or one whose package is not installed.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self._file_system: Any = None
        self._process = -1
        self._stopped = threading.Event()
        self._connect()

    def __reduce__(self) -> tuple[Any, ...]:
        return Store, (self.address,)

    def address_of(self, name: str) -> str:
        """Return the address of a file, for messages: without a login."""
        return shown(joined(self.address, name) if name else self.address)

    def stop(self) -> None:
        """End running requests and waits soon; for the end of the process."""
        self._stopped.set()

    def read(self, name: str, start: int, stop: int) -> bytes:
        """Return the bytes start..stop-1 of a file, fewer where it ends; tried several times.

        A server that does not know ranges returns the whole file instead.

        Raises:
            StoreError: it cannot be read; names its address.
        """
        path = self._path(name)
        return bytes(self._tried(name, "cat_file", path, start=start, end=stop))

    def read_whole(self, name: str) -> bytes:
        """Return all bytes of a small file.

        Raises:
            StoreError: it cannot be read; names its address.
        """
        return bytes(self._tried(name, "cat_file", self._path(name)))

    def listed(self, name: str = "") -> list[Listed]:
        """List all files below the address, or below a folder of it, sorted by name.

        Raises:
            StoreError: it cannot be listed; names its address.
        """
        root = self._path(name)
        self._connect().invalidate_cache()  # what it listed before may have changed
        found = self._tried(name, "find", root, withdirs=False, detail=True)
        if not found:  # as stores without folders answer for one that does not exist
            raise StoreError(f"{self.address_of(name)}: holds no files; check the address")
        base = self._path("").partition("?")[0].rstrip("/") + "/"
        return sorted(
            (
                _listed(path.partition("?")[0].removeprefix(base), info)
                for path, info in found.items()
                if not path.endswith("/")  # what S3's console makes for an empty folder
            ),
            key=lambda one: one.name,
        )

    def about(self, name: str) -> Listed:
        """Return what the store knows about one file.

        Raises:
            StoreError: it is not there; names its address.
        """
        return _listed(name, self._tried(name, "info", self._path(name)))

    def _path(self, name: str) -> str:
        if self.is_web:
            return joined(self.address, name) if name else self.address
        return f"{self._root}/{name}" if name else self._root

    def _connect(self) -> Any:
        """Return the file system; a forked process makes its own."""
        if self._process == os.getpid():
            return self._file_system
        try:
            from fsspec.core import url_to_fs  # 60 ms

            self._file_system, root = url_to_fs(self.address)
        except ImportError as error:
            raise missing_package(self.address, error) from error
        except Exception as error:  # of any file system: an option or a login that it refuses
            words = str(error).splitlines() or [type(error).__name__]
            raise SpoonfulError(
                f"{shown(self.address)}: expected an address that fsspec opens, such as "
                f"s3://bucket/folder, gs://... or https://... ({shown(words[0])})"
            ) from error
        self.is_web = root.startswith(("http://", "https://"))
        self._root = root.rstrip("/")
        self._process = os.getpid()
        return self._file_system

    def _tried(self, name: str, method: str, *args: Any, **options: Any) -> Any:
        """Call a method of the file system, several times if it fails for a while."""
        from tenacity import (
            Retrying,
            retry_if_exception,
            stop_after_attempt,
            wait_random_exponential,
        )

        retrying = Retrying(
            stop=stop_after_attempt(TRIES),
            wait=wait_random_exponential(multiplier=FIRST_WAIT_S, max=MAX_WAIT_S),
            retry=retry_if_exception(lambda error: getattr(error, "is_transient", False)),
            sleep=self._pause,
            reraise=True,
        )
        try:
            return retrying(self._once, name, method, *args, **options)
        except StoreError as fault:
            if not fault.is_transient:
                raise
            raise StoreError(
                f"{fault}, tried {TRIES} times; is the store or the network gone?", True
            ) from fault

    def _once(self, name: str, method: str, *args: Any, **options: Any) -> Any:
        if self._stopped.is_set():
            raise StoreError(f"{self.address_of(name)}: the process is ending")
        system = self._connect()
        try:
            if getattr(system, "async_impl", False):
                call = partial(getattr(system, f"_{method}"), *args, **options)
                limit_s = LISTING_LIMIT_S if method == "find" else REQUEST_LIMIT_S
                return _limited(call, system.loop, limit_s, self._stopped)
            return getattr(system, method)(*args, **options)
        except (SpoonfulError, MemoryError):
            raise
        except ImportError as error:
            raise missing_package(self.address, error) from error
        except Exception as error:  # file systems raise those of their libraries
            raise fault_of(joined(self.address, name) if name else self.address, error) from error

    def _pause(self, seconds: float) -> None:
        self._stopped.wait(seconds)


def _limited(
    call: Callable[[], Coroutine[Any, Any, _Result]],
    loop: Any,
    limit_s: float,
    stopped: threading.Event,
) -> _Result:
    """Run a coroutine in fsspec's loop; it is cancelled after the limit."""

    async def limited() -> _Result:
        return await asyncio.wait_for(call(), limit_s)

    future = asyncio.run_coroutine_threadsafe(limited(), loop)
    while True:
        try:
            return future.result(_TICK_S)
        except concurrent.futures.TimeoutError:
            if future.done():
                reason = str(future.exception()) or f"no answer within {limit_s:g} s"
                raise TimeoutError(reason) from None
            if stopped.is_set():
                future.cancel()
                raise TimeoutError("the process is ending") from None


def _listed(name: str, info: dict[str, Any]) -> Listed:
    size = info.get("size")
    md5 = _md5_of(info)
    tag = md5 or next((str(info[key]) for key in _TAGS if info.get(key)), "")
    changed = next((str(info[key]) for key in _TIMES if info.get(key)), "")
    is_known = isinstance(size, int) and not isinstance(size, bool)
    return Listed(name, size if is_known else None, tag.strip('"'), changed, md5)


# By their meaning in S3, Google's and Azure's stores, and over HTTP.
_TAGS = ("ETag", "etag", "crc32c", "content_md5", "generation", "VersionId")
_TIMES = (
    *("LastModified", "Last-Modified", "last_modified", "updated"),
    *("mtime", "modified", "created"),
)


def _md5_of(info: dict[str, Any]) -> str:
    """Return the hex MD5 that a store lists; "": none.

    The ETag of S3 is one where an object was uploaded in one part, but not where it is encrypted
    with a key of the user; the latter is found out at the download.
    """
    import base64
    import binascii
    import re

    if isinstance(given := info.get("md5Hash"), str):
        try:
            return base64.b64decode(given, validate=True).hex()
        except binascii.Error:
            return ""
    tag = str(info.get("ETag") or "").strip('"')
    return tag if re.fullmatch("[0-9a-f]{32}", tag) else ""
