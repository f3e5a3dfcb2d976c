"""The image files below an address, as files of the cache."""

import hashlib
import os
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.sources.remote.ahead import FilesAhead
from spoonful.sources.remote.cache import Cache
from spoonful.sources.remote.download import RemoteFile
from spoonful.sources.remote.faults import StoreError
from spoonful.sources.remote.files import SMALL_AT_ONCE, RemoteFiles
from spoonful.sources.remote.store import Listed, Store

# Files without a checksum or a version are told apart from what a later process finds there.
_THIS_PROCESS = uuid.uuid4().hex


class RemoteImages:
    """Image files of a store, downloaded when they are read or soon will be.

    Args:
        store: where they are.
        listed: what the store says about each.
        cache: where they are kept.

    Attributes:
        tags: size and checksum or version of each, as the store lists it; "" for a file that has
            neither checksum nor version.
    """

    def __init__(self, store: Store, listed: Sequence[Listed], cache: Cache) -> None:
        self._made_of = store, listed, cache
        self.tags = [f"{one.num_bytes}:{one.tag}" if one.tag else "" for one in listed]
        self._store = store
        files = [
            RemoteFile(one.name, one.num_bytes or 0, _key(store.address, one), md5=one.md5)
            for one in listed
        ]
        self._files = RemoteFiles(store, files, cache)
        self._files.folder.room.readers.add(self._files)

    def __reduce__(self) -> tuple[Any, ...]:
        return RemoteImages, self._made_of

    def address_of(self, number: int) -> str:
        """Return the address of a file, for messages."""
        return self._files.address_of(number)

    @contextmanager
    def at_hand(self, numbers: Sequence[int]) -> Iterator[None]:
        """Keep files in the cache; those that are not there are downloaded, several at once.

        Raises:
            SpoonfulError: one cannot be downloaded within the limits; names its address.
        """
        chosen = list(dict.fromkeys(numbers))
        self._files.check_room(chosen)
        descriptors = self._files.opened(chosen)
        try:
            yield
        finally:
            for descriptor in descriptors:
                os.close(descriptor)

    def path_of(self, number: int) -> str:
        """Return where a file is that is kept in the cache."""
        return str(self._files.folder.place(self._files.files[number].key))

    def discard(self, number: int) -> None:
        """Remove a file from the cache: it is downloaded again."""
        self._files.discard(number)

    def content_hash(self, number: int) -> str:
        """Return the hex SHA-256 of a file's bytes.

        Raises:
            SpoonfulError: it cannot be downloaded; names its address.
        """
        (descriptor,) = self._files.opened([number])
        with os.fdopen(descriptor, "rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def ahead(self) -> FilesAhead:
        """Return what a generator needs to have them downloaded ahead; each is one example."""
        files = self._files
        return FilesAhead(
            files.sizes,
            files.folder.max_bytes,
            lambda indices: indices.astype(np.int64, copy=False),
            files.ahead,
            files,
        )


def listed_images(store: Store, names: Sequence[str]) -> list[Listed]:
    """Return what a store says about files that it has listed without their sizes.

    Raises:
        StoreError: one is not there or cannot be read; names its address.
    """
    with ThreadPoolExecutor(SMALL_AT_ONCE) as pool:
        try:
            found = list(pool.map(store.about, names))
        finally:
            pool.shutdown(cancel_futures=True)
    for one in found:
        if one.num_bytes is None:
            raise SpoonfulError(
                f"{store.address_of(one.name)}: the server does not say how many bytes it has; "
                "expected a Content-Length"
            )
    return found


def found_images(store: Store, names: Sequence[str]) -> dict[str, Listed]:
    """Return what a store says about files; those that are not there are left out.

    A web server need not list its folders, so it is asked for each file.

    Raises:
        StoreError: the store cannot be read; names the address.
    """
    if not store.is_web:
        wanted = set(names)
        return {one.name: one for one in store.listed() if one.name in wanted}

    def found(name: str) -> Listed | None:
        try:
            return store.about(name)
        except StoreError as error:
            if error.is_missing:
                return None
            raise

    with ThreadPoolExecutor(SMALL_AT_ONCE) as pool:
        return {one.name: one for one in pool.map(found, names) if one is not None}


@contextmanager
def local_copy(address: str) -> Iterator[Path]:
    """Yield a copy of a small file, such as a table, under its own name; it is removed after.

    Raises:
        SpoonfulError: it cannot be read; and errors of the block name the address, not the copy.
    """
    from tempfile import TemporaryDirectory

    from spoonful.sources.remote.address import parted

    folder, name = parted(address)
    store = Store(folder)
    with TemporaryDirectory(prefix="spoonful-") as temporary:
        path = Path(temporary) / name
        path.write_bytes(store.read_whole(name))
        try:
            yield path
        except SpoonfulError as error:
            where = str(error).replace(str(path), store.address_of(name))
            raise SpoonfulError(where) from error


def _key(address: str, one: Listed) -> str:
    version = one.tag or one.changed or _THIS_PROCESS
    return hashlib.sha256(repr((address, one.name, one.num_bytes, version)).encode()).hexdigest()
