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

# Pixels read at a time for the fingerprint.
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
    """

    labels: NDArray[Any]
    class_names: tuple[str, ...]
    image_shape: tuple[int, int, int]
    max_useful_threads: int = 1

    @abstractmethod
    def __len__(self) -> int:
        """Number of examples."""

    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        """Read examples, uint8 [k, h, w, c] for k indices, in the order of the indices.

        Raises:
            SpoonfulError: an index out of range, or an example that cannot be read (named).
        """
        if type(self).read_into is Source.read_into:
            raise _no_reading(self)
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
            raise _no_reading(self)
        found: Any = self.read(indices)
        if getattr(found, "dtype", None) != np.uint8 or found.shape != images.shape:
            raise self._wrong_pixels(found, indices, images.shape)
        images[...] = found

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


def read_in_turn(source: Source, indices: NDArray[Any], images: NDArray[np.uint8]) -> None:
    """Read examples into place; reads do not overlap if the source takes only one thread.

    Args:
        source: where to read.
        indices: whole numbers [k].
        images: uint8 [k, h, w, c], contiguous; filled.

    Raises:
        SpoonfulError: an example that cannot be read (named), or another thread's read that has not
            ended for 10 minutes.
    """
    if source.max_useful_threads > 1:
        source.read_into(indices, images)
        return
    # Setting a default is atomic. The lock can be taken again by a source that reads from itself.
    lock = vars(source).setdefault(_LOCK_NAME, threading.RLock())
    if not lock.acquire(timeout=_LIMIT_S):
        raise SpoonfulError(
            f"{type(source).__name__}: another thread has been reading from it for {_LIMIT_S:g} s; "
            "is the disk or the network gone?"
        )
    try:
        source.read_into(indices, images)
    finally:
        lock.release()


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


def check_source(source: Any) -> None:
    """Check that a source is complete; its labels are checked by `check_labels`.

    Raises:
        SpoonfulError: not a `Source`, no example, or a missing or wrong attribute or method; names
            the class of the source.
    """
    name = type(source).__name__
    if not isinstance(source, Source):
        raise SpoonfulError(
            f"source is a {name}: expected a spoonful.Source, such as FolderSource, PackedSource, "
            "ArraySource or a class derived from spoonful.Source"
        )
    for attribute in ("labels", "class_names", "image_shape"):
        if not hasattr(source, attribute):
            raise SpoonfulError(f"{name} has no {attribute}: set it in its __init__")
    _check_reading(source)
    _check_names(name, source.class_names)
    _check_shape(name, source.image_shape)
    if len(source) < 1:
        raise SpoonfulError(f"{name} has no examples: expected at least one")


def _no_reading(source: Source) -> SpoonfulError:
    name = type(source).__name__
    return SpoonfulError(
        f"{name} defines neither read nor read_into: define read(indices), which returns uint8 "
        "[k, h, w, c], or read_into(indices, images)"
    )


def _check_reading(source: Source) -> None:
    """Check that a class has a way to read, and that a newer `read` is not passed over."""
    kinds = type(source).__mro__
    homes = {
        method: next(kind for kind in kinds if method in vars(kind))
        for method in ("read", "read_into")
    }
    if set(homes.values()) == {Source}:
        raise _no_reading(source)
    if homes["read_into"] is not Source and kinds.index(homes["read"]) < kinds.index(
        homes["read_into"]
    ):
        raise SpoonfulError(
            f"{homes['read'].__name__} defines read, but generators would call the read_into of "
            f"{homes['read_into'].__name__}: define read_into instead"
        )


def _check_names(name: str, class_names: Any) -> None:
    is_list = isinstance(class_names, Sequence) and not isinstance(class_names, (str, bytes))
    if not is_list or not all(isinstance(one, str) for one in class_names):
        raise SpoonfulError(
            f"class_names={class_names!r} of {name}: expected a tuple of texts, one per class"
        )
    if len(set(class_names)) < len(class_names):
        twice = next(one for one in class_names if list(class_names).count(one) > 1)
        raise SpoonfulError(f"class_names of {name}: {twice!r} is there twice; use each once")


def _check_shape(name: str, image_shape: Any) -> None:
    is_list = isinstance(image_shape, Sequence) and len(image_shape) == 3
    if not is_list or any(
        isinstance(side, bool) or not isinstance(side, (int, np.integer)) or side < 1
        for side in image_shape
    ):
        raise SpoonfulError(
            f"image_shape={image_shape!r} of {name}: expected (height, width, channels), three "
            "whole numbers from 1 on"
        )
