"""Where the files of a packed split are: in a folder, or below an address."""

import hashlib
import os
import weakref
from pathlib import Path

from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.files.documents import decoded
from spoonful.sources.packed.files import FileSet
from spoonful.sources.packed.meta import META_NAME, FileMeta, StoreMeta
from spoonful.sources.packed.meta_file import load_meta, parsed_meta
from spoonful.sources.packed.remote_shards import RemoteShards
from spoonful.sources.remote.cache import Cache
from spoonful.sources.remote.download import RemoteFile
from spoonful.sources.remote.faults import StoreError
from spoonful.sources.remote.files import RemoteFiles
from spoonful.sources.remote.store import Store

_PACKED = "expected the address of a packed split, such as s3://bucket/packed/train"
_REMEDY = "upload the packed split again"


class LocalStore:
    """The files of a packed split in a folder.

    Args:
        path: the folder.

    Raises:
        SpoonfulError: see `load_meta`.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.meta = load_meta(path)

    def path_of(self, file: FileMeta) -> Path:
        """Return where one of its small files is."""
        return self.path / file.name

    def shards(self) -> FileSet:
        """Return its shards."""
        return FileSet(self.path, self.meta.shards)


class RemoteStore:
    """The files of a packed split below an address, read through the cache.

    The cache knows a file by its SHA-256 in meta.json: the same shard is there once, at whatever
    address it is. meta.json itself is downloaded at each opening.

    Args:
        address: where it is.
        cache: where its files are kept.

    Raises:
        SpoonfulError: there is no packed split, or the store cannot be read; names the address.
    """

    def __init__(self, address: str, cache: Cache) -> None:
        self.store = Store(address)
        where = self.store.address_of(META_NAME)
        try:
            content = self.store.read_whole(META_NAME)
        except StoreError as fault:
            raise SpoonfulError(f"{fault}; {_PACKED}") from fault
        self.meta: StoreMeta = parsed_meta(decoded(content, where, _REMEDY), where)
        self._cache = cache
        self._small = self._files(self.meta.labels, self.meta.ids)
        self._paths = {
            file.name: self._checked(number, file)
            for number, file in enumerate((self.meta.labels, self.meta.ids))
        }

    def path_of(self, file: FileMeta) -> Path:
        """Return where one of its small files is: in the cache, where it stays."""
        return self._paths[file.name]

    def shards(self) -> RemoteShards:
        """Return its shards."""
        return RemoteShards(self._files(*self.meta.shards), self.meta.shards)

    def verify(self) -> None:
        """Download every file that the cache does not have, and check all.

        Raises:
            SpoonfulError: the first one that differs; names its address.
        """
        files = self._files(*self.meta.files)
        for number, file in enumerate(self.meta.files):
            files.ahead_from(number)
            (descriptor,) = files.opened([number])
            with os.fdopen(descriptor, "rb") as opened:
                found = hashlib.file_digest(opened, "sha256").hexdigest()
            if found != file.sha256:
                files.discard(number)
                file.check_digest(files.address_of(number), found, RemoteShards.remedy)

    def _files(self, *files: FileMeta) -> RemoteFiles:
        remote = [RemoteFile(f.name, f.num_bytes, f.sha256, sha256=f.sha256) for f in files]
        return RemoteFiles(self.store, remote, self._cache)

    def _checked(self, number: int, file: FileMeta) -> Path:
        """Return a small file of the cache; one that was damaged there is downloaded again."""
        path = self._small.folder.place(file.sha256)
        for _ in range(2):
            (descriptor,) = self._small.opened([number])
            if content_hash(path) == file.sha256:
                # As long as it is open, no process removes it.
                weakref.finalize(self, os.close, descriptor)
                return path
            os.close(descriptor)
            self._small.discard(number)
        raise SpoonfulError(f"{path}: is damaged at each download; is the disk of the cache sound?")
