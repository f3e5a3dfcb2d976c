"""Class folders and tables of image files at an address."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from spoonful.errors import SpoonfulError
from spoonful.sources.images.names import is_image_name, is_junk_folder
from spoonful.sources.remote.address import is_address, parted
from spoonful.sources.remote.cache import Cache
from spoonful.sources.remote.images import RemoteImages, listed_images, local_copy
from spoonful.sources.remote.store import Store


class FolderListing:
    """The class folders below an address, listed once.

    Args:
        address: where they are.

    Raises:
        SpoonfulError: it cannot be listed, or holds no class folders; names it.
    """

    def __init__(self, address: str) -> None:
        self._store = Store(address)
        self._listed = {one.name: one for one in self._store.listed()}

    def images_of_classes(self) -> dict[str, Callable[[], list[str]]]:
        """Return a function for each class that lists its images, as `folder.image_files` does.

        Raises:
            SpoonfulError: there is no class folder.
        """
        images: dict[str, list[str]] = {}
        for name in self._listed:
            folder, slash, below = name.partition("/")
            if slash and not is_junk_folder(folder):
                found = images.setdefault(folder, [])
                *parents, file = below.split("/")
                if is_image_name(file) and not any(map(is_junk_folder, parents)):
                    found.append(below)
        if not images:
            raise SpoonfulError(
                f"{self._store.address_of('')}: holds no class folders; expected one folder a class"
            )
        return {folder: partial(sorted, images[folder]) for folder in sorted(images)}

    def images(self, ids: Sequence[str], cache: Cache) -> RemoteImages:
        """Return the image files of these paths below the address."""
        listed = [self._listed[name] for name in ids]
        unknown = [one.name for one in listed if one.num_bytes is None]
        sized = {one.name: one for one in listed_images(self._store, unknown)}
        return RemoteImages(self._store, [sized.get(one.name, one) for one in listed], cache)


@contextmanager
def at_address(
    table: str | os.PathLike[str], root: str | os.PathLike[str] | None
) -> Iterator[tuple[str | os.PathLike[str] | Path, Store | None]]:
    """Yield the path of a table, a copy if it is at an address, and the store of its files.

    Args:
        table: a path or an address.
        root: the folder or the address of the files; None: the table's.

    Raises:
        SpoonfulError: the table cannot be read, or its files are on the disk.
    """
    is_remote = isinstance(table, str | os.PathLike) and is_address(table)
    if root is not None and isinstance(root, str | os.PathLike) and is_address(root):
        store: Store | None = Store(str(root))
    elif is_remote and root is not None:
        raise SpoonfulError(
            f"root={os.fspath(root)}: the table is at an address; expected that of its files, "
            "or None for the folder of the table"
        )
    else:
        store = Store(parted(str(table))[0]) if is_remote else None
    if not is_remote:
        yield table, store
        return
    with local_copy(str(table)) as copy:
        yield copy, store
