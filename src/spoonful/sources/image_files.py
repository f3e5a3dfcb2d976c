"""What sources of image files share: reading, decoding, and digests of what they serve."""

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hashes
from spoonful.order.placement import Placement
from spoonful.sources.images.background import WHITE, checked_background
from spoonful.sources.images.cut import Crop
from spoonful.sources.images.decode import decode_bytes, read_bytes
from spoonful.sources.images.limits import MAX_PIXELS, checked_max_pixels
from spoonful.sources.images.placing import cut
from spoonful.sources.images.plain_png import PlainPng, Rows
from spoonful.sources.images.resize import checked_resize
from spoonful.sources.images.scale import PIXELS_VERSION
from spoonful.sources.remote.address import is_address
from spoonful.sources.remote.ahead import FilesAhead
from spoonful.sources.remote.images import RemoteImages
from spoonful.sources.source import Source, checked_request
from spoonful.sources.storage_wait import StorageWait
from spoonful.sources.threads import max_useful_threads, num_processors

# Files that are read, then decoded together: tiny ones in long runs, because each change between
# threads costs as much as decoding one, and few large ones, to stay in the processor's cache.
_GROUP = 128
_GROUP_BYTES = 128 << 10


class ImageFileSource(Source):
    """Image files below a folder or an address, read on request.

    A derived class sets `ids`, `labels` and `class_names`; and `_remote`, the files of an address.

    Args:
        root: the folder or the address that the ids are below.
        image_size: (height, width) in pixels to which every image is resized.
        num_channels: 1 (grey) or 3 (RGB).
        resize: as `FolderSource`.
        background: as `FolderSource`.
        max_pixels: as `FolderSource`.
        message: as `FolderSource`.

    Raises:
        SpoonfulError: an invalid size, policy, colour or limit.
    """

    # Begins the fingerprint, so that no two kinds of sources have the same one.
    kind: ClassVar[str]

    def __init__(
        self,
        root: str | os.PathLike[str],
        image_size: tuple[int, int],
        num_channels: int = 3,
        resize: str = "stretch",
        background: Sequence[int] = WHITE,
        max_pixels: int = MAX_PIXELS,
        message: Callable[[str, str], str] | None = None,
    ) -> None:
        # A Path, or the text of an address: who made the source knows which.
        self.root: Any = str(root) if is_address(root) else Path(root)
        self._remote: RemoteImages | None = None
        self.image_shape = _checked_shape(image_size, num_channels)
        self.resize = checked_resize(resize)
        self.background = checked_background(background)
        self.max_pixels = checked_max_pixels(max_pixels)
        self.ids: list[str] = []  # one per example: its path below root, with "/" on every system
        self._message = message
        self._prefix = os.path.join(self.root, "")  # noqa: PTH118 - a string, joined for each file
        self._plain_png = PlainPng(self.image_shape)
        # A derived class with its own way to read may not allow reads that overlap; downloads have
        # threads of their own.
        if type(self).read_into is ImageFileSource.read_into and isinstance(self.root, Path):
            self.storage_wait = StorageWait()

    def __len__(self) -> int:
        return len(self.ids)

    @cached_property
    def placement(self) -> Placement:
        """That of a mixed store: files are in no order on the disk, and both serve one stream."""
        return Placement(len(self.ids))

    def example_id(self, index: int) -> str:
        """Return an example's path below the root."""
        return self.ids[index]

    def read_into(self, indices: Sequence[int] | NDArray[Any], images: NDArray[np.uint8]) -> None:
        """Read and decode examples into place, uint8 [k, h, w, c] and contiguous.

        Raises:
            SpoonfulError: an index out of range, a file that is not a readable image (named), or
                `images` of the wrong shape.
        """
        self._read(indices, None, images)

    def read_crops_into(
        self,
        indices: Sequence[int] | NDArray[Any],
        crops: Sequence[Crop],
        images: NDArray[np.uint8],
    ) -> None:
        """Read a part of each example into place: of the file's own picture, upright.

        A JPEG file is decoded at the smallest size at which its part has the pixels that are asked
        for. The resize policy is for whole pictures and has no effect.

        Raises:
            SpoonfulError: as `read_into`, or a crop is outside its picture.
        """
        self._read(indices, crops, images)

    def _read(
        self,
        indices: Sequence[int] | NDArray[Any],
        crops: Sequence[Crop] | None,
        images: NDArray[np.uint8],
    ) -> None:
        numbers = checked_request(self, indices, images).tolist()
        for start in range(0, len(numbers), _GROUP):
            asked = numbers[start : start + _GROUP]
            some = None if crops is None else crops[start : start + _GROUP]
            with nullcontext() if self._remote is None else self._remote.at_hand(asked):
                self._read_groups(asked, some, images[start : start + _GROUP])

    def _read_groups(
        self, numbers: list[int], crops: Sequence[Crop] | None, images: NDArray[np.uint8]
    ) -> None:
        start = 0
        while start < len(numbers):
            encoded = self._read_group(numbers[start:])
            stop = start + len(encoded)
            some = None if crops is None else crops[start:stop]
            with self._decoding:
                self._decode_group(numbers[start:stop], encoded, some, images[start:stop])
            start = stop

    def _read_group(self, numbers: list[int]) -> list[bytes]:
        """Return the bytes of the first files, as many as are to be decoded together."""
        found: list[bytes] = []
        num_bytes = 0
        for index in numbers:
            if num_bytes >= _GROUP_BYTES:
                break
            found.append(self._content(index))
            num_bytes += len(found[-1])
        return found

    def _decode_group(
        self,
        numbers: list[int],
        encoded: list[bytes],
        crops: Sequence[Crop] | None,
        group: NDArray[np.uint8],
    ) -> None:
        positions: list[int] = []
        plain_rows: list[Rows] = []
        for position, content in enumerate(encoded):
            crop = None if crops is None else crops[position]
            rows = self._decode(numbers[position], content, group[position], crop)
            if rows is not None:
                positions.append(position)
                plain_rows.append(rows)
        if len(positions) == len(group) and crops is None:
            self._plain_png.pixels(plain_rows, group)
        elif positions:
            plain = np.empty((len(positions), *self.image_shape), np.uint8)
            self._plain_png.pixels(plain_rows, plain)
            if crops is None:
                group[positions] = plain
                return
            for position, picture in zip(positions, plain, strict=True):
                cut(picture, crops[position], group[position])

    def _decode(
        self,
        index: int,
        content: bytes,
        image: NDArray[np.uint8],
        crop: Crop | None,
        is_new: bool = False,
    ) -> Rows | None:
        """Decode a file's bytes into place, or return the rows of a plain PNG."""
        path = self._path_of(index)
        try:
            rows = self._plain_png.rows(content)
            if rows is None:
                how = self.resize, self.background, self.max_pixels, crop
                decode_bytes(content, path, image, *how)
            return rows
        except SpoonfulError as error:
            if self._remote is None or is_new:
                raise self._explained(index, path, error) from error
            return self._decode(index, self._downloaded_again(index), image, crop, is_new=True)

    def _content(self, index: int) -> bytes:
        path = self._path_of(index)
        try:
            note = None if self.storage_wait is None else self.storage_wait.sample()
            return read_bytes(path, self.max_pixels, note)
        except SpoonfulError as error:
            if self._remote is None:
                raise self._explained(index, path, error) from error
            return self._downloaded_again(index)

    def _downloaded_again(self, index: int) -> bytes:
        """Return the bytes of a remote file whose copy in the cache is perhaps damaged."""
        remote: Any = self._remote
        remote.discard(index)
        with remote.at_hand([index]):
            path = self._path_of(index)
            try:
                return read_bytes(path, self.max_pixels)
            except SpoonfulError as error:
                raise self._explained(index, path, error) from error

    def _path_of(self, index: int) -> str:
        remote = self._remote
        return self._prefix + self.ids[index] if remote is None else remote.path_of(index)

    def _explained(self, index: int, path: str, error: SpoonfulError) -> SpoonfulError:
        """Return the error for an image file in the words of `message`, or with its address."""
        fault = str(error).removeprefix(path)
        if self._message is not None:
            return SpoonfulError(self._message(self.ids[index], fault))
        named = path if self._remote is None else self._remote.address_of(index)
        return SpoonfulError(f"{named}{fault}")

    @cached_property
    def _decoding(self) -> threading.Semaphore:
        """Held by threads that decode: where many wait for files, few compute."""
        return threading.Semaphore(self.max_useful_threads)

    @cached_property  # can be set, like the attribute
    def max_useful_threads(self) -> int:  # type: ignore[override]
        """Largest number of reading threads that is useful; see `threads.py`."""
        if self._remote is not None:
            return num_processors()  # downloads have their own threads
        return max_useful_threads(self._prefix, self.ids)

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of the class names, image shape, policy, and each file's id, label, content.

        Also of the version of the scaling: the same files scaled differently are different data.
        Reads every file once, on the first use.
        """
        how = (PIXELS_VERSION, self.image_shape, self.resize, self.background)
        served = (self.kind, *how, self.class_names)
        digest = hashlib.sha256(repr(served).encode())
        for example in zip(self.ids, self.labels.tolist(), self.content_hashes, strict=True):
            digest.update(repr(example).encode())
        return digest.hexdigest()

    @cached_property
    def content_hashes(self) -> list[str]:
        """Hex SHA-256 of each file, one per example; reads every file once, on the first use.

        Of a file at an address, its size and the checksum or version that the store lists; only
        where it lists none, the file is downloaded for its SHA-256.
        """
        remote = self._remote
        if remote is None:
            return content_hashes([self.root / file_id for file_id in self.ids])
        return [tag or remote.content_hash(number) for number, tag in enumerate(remote.tags)]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what belongs to this process."""
        own = ("files_ahead", "_decoding")
        return {name: one for name, one in super().__getstate__().items() if name not in own}

    @cached_property
    def files_ahead(self) -> FilesAhead | None:
        """Downloads files before they are needed; None: they are on the disk."""
        return None if self._remote is None else self._remote.ahead()


def _checked_shape(image_size: tuple[int, int], num_channels: int) -> tuple[int, int, int]:
    size = tuple(image_size) if isinstance(image_size, Iterable) else ()
    if len(size) != 2 or any(not isinstance(side, (int, np.integer)) or side < 1 for side in size):
        raise SpoonfulError(
            f"image_size={image_size!r}: expected (height, width), whole pixels from 1 on"
        )
    if num_channels not in (1, 3):
        raise SpoonfulError(f"num_channels={num_channels!r}: expected 1 (grey) or 3 (RGB)")
    return int(size[0]), int(size[1]), int(num_channels)
