"""`Source`: where examples come from. A source knows nothing about orders, batches or Keras."""

import hashlib
import threading
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.order.placement import Placement
from spoonful.sources.images.cut import Crop
from spoonful.sources.storage_wait import StorageWait

# Pixels read at a time for the fingerprint, or to cut crops out of them.
_BLOCK_BYTES = 4 << 20
_LOCK_NAME = "_spoonful_read_lock"
# A thread that waits longer for another one's read gives up; reads themselves are limited by
# `read_timeout_s` of the generator.
_LIMIT_S = 600.0


class Source(ABC):
    """Where examples come from; derive from it to serve your own.

    A subclass has `__len__`, the three attributes `labels`, `class_names` and `image_shape`, and
    one of the methods `read` and `read_into`; the other one is then derived from it. What a
    generator serves for an index must always be the same.

    `read` is the simpler one: its result is checked. `read_into` saves a copy, but must fill
    `images` itself: NumPy converts what is assigned to it (floats from 0 to 1 become 0) and
    repeats an image that is assigned to several places.

    Attributes:
        labels: whole numbers [n], indices into `class_names`.
        class_names: one name per class, in label order.
        image_shape: (height, width, channels) in pixels, the same for every example.
        max_useful_threads: largest number of threads that read at the same time, >= 1. With 1, the
            default, no two reads of a source overlap, whatever reads from it: generators, `pack`,
            the fingerprint. Set it higher where reading from several threads is safe and faster,
            for instance to `os.cpu_count()` where files are decoded.
        stored_bytes: size of the files in which neighbouring places lie together, so that reading
            them together is faster where memory does not hold them. None, the default: in memory,
            or in a file each.
    """

    labels: NDArray[Any]
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    max_useful_threads: int = 1
    stored_bytes: int | None = None
    # Of a source whose reads wait for files and may overlap in any number: what is measured of it.
    storage_wait: StorageWait | None = None

    @abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Read examples, uint8 [k, h, w, c] for k indices, in the order of the indices.

        Raises:
            SpoonfulError: an index out of range, or an example that cannot be read (named).
        """
        if type(self).read_into is Source.read_into:
            raise no_reading(self)
        checked = checked_indices(indices, len(self))
        images = np.empty((len(checked), *self.image_shape), dtype=np.uint8)
        self.read_into(checked, images)
        return images

    def read_into(self, indices: Sequence[int] | NDArray[Any], images: NDArray[np.uint8]) -> None:
        """Read examples into place: `images` is uint8 [k, h, w, c], contiguous.

        Raises:
            SpoonfulError: an example that cannot be read (named), or `read` returned something else
                than uint8 [k, h, w, c].
        """
        if type(self).read is Source.read:
            raise no_reading(self)
        found: Any = self.read(indices)
        if getattr(found, "dtype", None) != np.uint8 or found.shape != images.shape:
            raise self._wrong_pixels(found, indices, images.shape)
        images[...] = found

    def read_crops_into(
        self,
        indices: Sequence[int] | NDArray[Any],
        crops: Sequence[Crop],
        images: NDArray[np.uint8],
    ) -> None:
        """Read a part of each example into place, resized to `image_shape`.

        This reads whole examples and cuts the parts out of their pixels. Override it where less
        than the whole can be decoded, or where more pixels are stored than `image_shape` has.

        Args:
            indices: whole numbers [k].
            crops: k functions; each is called with the height and width of its upright picture, and
                returns which box of it to show, and whether left and right are swapped.
            images: uint8 [k, h, w, c], contiguous; filled.

        Raises:
            SpoonfulError: as `read_into`, or a crop is outside its picture.
        """
        from spoonful.sources.images.placing import cut  # slow; a config needs no OpenCV

        checked = checked_indices(indices, len(self))
        length = max(1, _BLOCK_BYTES // int(np.prod(self.image_shape)))
        for start in range(0, len(checked), length):
            some = checked[start : start + length]
            whole = np.empty((len(some), *self.image_shape), dtype=np.uint8)
            self.read_into(some, whole)
            for picture, crop, image in zip(
                whole, crops[start : start + length], images[start : start + length], strict=True
            ):
                cut(picture, crop, image)

    def example_id(self, index: int) -> str:
        """Return the name of an example for messages and packed splits: its number."""
        return f"example {index}"

    @cached_property
    def fingerprint(self) -> str:
        """Hex SHA-256 of everything that the source serves: names, shape, labels, ids and pixels.

        Reads every example once, on the first use, a few MiB at a time. For large data, override it
        with something cheaper that is sure to change with the data, such as a version number or
        the digest of a table of files and sizes. It is part of a generator's `state` and decides
        whether a packed split is up to date.
        """
        num_examples = len(self)
        labels = np.asarray(self.labels)
        served = (tuple(self.image_shape), tuple(self.class_names), labels.dtype.str, labels.shape)
        digest = hashlib.sha256(repr(("source", *served)).encode())
        digest.update(np.ascontiguousarray(labels).tobytes())
        length = max(1, _BLOCK_BYTES // int(np.prod(self.image_shape)))
        for start in range(0, num_examples, length):
            indices = np.arange(start, min(start + length, num_examples))
            names = [self.example_id(int(index)) for index in indices]
            digest.update(repr(names).encode())
            images = np.empty((len(indices), *self.image_shape), dtype=np.uint8)
            read_in_turn(self, indices, images)
            digest.update(images.data)
        return digest.hexdigest()

    @cached_property
    def placement(self) -> Placement | None:
        """At which place each example is; None: example i is at place i.

        shuffle="block" reads neighbouring places together.
        """
        return None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the lock of `read_in_turn`, which cannot be sent to another process."""
        return {name: value for name, value in vars(self).items() if name != _LOCK_NAME}

    def _wrong_pixels(
        self, found: Any, indices: Sequence[int] | NDArray[Any], expected: tuple[int, ...]
    ) -> SpoonfulError:
        is_array = isinstance(found, np.ndarray)
        what = f"{found.dtype} of shape {found.shape}" if is_array else f"a {type(found).__name__}"
        more = f" and {len(indices) - 1} more" if len(indices) > 1 else ""
        first = f" for {self.example_id(int(indices[0]))}{more}" if len(indices) else ""
        return SpoonfulError(
            f"{type(self).__name__}.read returned {what}{first}: expected uint8 of shape "
            f"{expected}, which is (examples, height, width, channels) with pixels from 0 to 255"
        )


def read_in_turn(
    source: Source,
    indices: NDArray[Any],
    images: NDArray[np.uint8],
    crops: Sequence[Crop] | None = None,
) -> None:
    """Read examples into place; reads do not overlap if the source takes only one thread.

    Args:
        source: where to read.
        indices: whole numbers [k].
        images: uint8 [k, h, w, c], contiguous; filled.
        crops: which part of each is read; None: the whole.

    Raises:
        SpoonfulError: an example that cannot be read (named), or another thread's read that has not
            ended for 10 minutes.
    """
    if source.max_useful_threads > 1 or source.storage_wait is not None:
        _read(source, indices, images, crops)
        return
    # Setting a default is atomic. The lock can be taken again by a source that reads from itself.
    lock = vars(source).setdefault(_LOCK_NAME, threading.RLock())
    if not lock.acquire(timeout=_LIMIT_S):
        raise SpoonfulError(
            f"{type(source).__name__}: another thread has been reading from it for {_LIMIT_S:g} s; "
            "is the disk or the network gone?"
        )
    try:
        _read(source, indices, images, crops)
    finally:
        lock.release()


def _read(
    source: Source,
    indices: NDArray[Any],
    images: NDArray[np.uint8],
    crops: Sequence[Crop] | None,
) -> None:
    if crops is None:
        source.read_into(indices, images)
    else:
        source.read_crops_into(indices, crops, images)


def checked_indices(
    indices: Sequence[int] | NDArray[Any], num_examples: int
) -> NDArray[np.integer[Any]]:
    """Return the indices as an integer array [k].

    Raises:
        SpoonfulError: not one-dimensional, not whole numbers, or outside 0..num_examples - 1.
    """
    array = np.asarray(indices)
    if array.size == 0:
        return array.reshape(-1).astype(np.int64)
    if array.ndim != 1 or not np.issubdtype(array.dtype, np.integer):
        raise SpoonfulError(
            f"indices of shape {array.shape} and dtype {array.dtype}: "
            "expected a list of whole numbers"
        )
    low, high = int(array.min()), int(array.max())
    if low < 0 or high >= num_examples:
        wrong = low if low < 0 else high
        raise SpoonfulError(f"index {wrong}: expected 0 to {num_examples - 1}")
    return array


def checked_request(
    source: Source, indices: Sequence[int] | NDArray[Any], images: NDArray[np.uint8]
) -> NDArray[np.integer[Any]]:
    """Check the arguments of `read_into`; return the indices as an integer array [k].

    Raises:
        SpoonfulError: indices as in `checked_indices`, or `images` is not uint8 [k, h, w, c],
            contiguous and writable.
    """
    checked = checked_indices(indices, len(source))
    expected = (len(checked), *source.image_shape)
    fits = images.shape == expected and images.dtype == np.uint8
    if not (fits and images.flags.c_contiguous and images.flags.writeable):
        raise SpoonfulError(
            f"images of shape {images.shape} and dtype {images.dtype}: expected writable, "
            f"contiguous uint8 of shape {expected}"
        )
    return checked


def no_reading(source: Source) -> SpoonfulError:
    """Return that a source has no way to read."""
    name = type(source).__name__
    return SpoonfulError(
        f"{name} defines neither read nor read_into: define read(indices), which returns uint8 "
        "[k, h, w, c], or read_into(indices, images)"
    )
