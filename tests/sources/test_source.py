"""Sources that a user writes: what they must have, and what they get."""

import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful import ArraySource, BatchGenerator, PackedSource, Source, SpoonfulError
from spoonful.packing import pack

NUM = 40
IMAGES = np.random.default_rng(0).integers(0, 256, (NUM, 8, 6, 3), dtype=np.uint8)
LABELS = np.arange(NUM) % 3


class Bare(Source):
    """All but a way to read."""

    class_names = ("ant", "bee", "cow")
    image_shape = (8, 6, 3)

    def __init__(self, images: NDArray[Any] = IMAGES, labels: Any = LABELS) -> None:
        self.images, self.labels = images, labels

    def __len__(self) -> int:
        return len(self.images)


class Reading(Bare):
    def read(self, indices: Any) -> NDArray[np.uint8]:
        return np.asarray(self.images[np.asarray(indices)])


class Filling(Bare):
    def read_into(self, indices: Any, images: NDArray[np.uint8]) -> None:
        for place, index in enumerate(indices):
            images[place] = self.images[index]


@pytest.mark.parametrize("kind", [Reading, Filling])
@settings(deadline=None, derandomize=True)
@given(indices=st.lists(st.integers(0, NUM - 1), min_size=1, max_size=20))
def test_either_method_gives_the_other(kind: type[Bare], indices: list[int]) -> None:
    source = kind()
    expected = IMAGES[indices]
    assert np.array_equal(source.read(indices), expected)
    images = np.full(expected.shape, 7, np.uint8)
    source.read_into(indices, images)
    assert np.array_equal(images, expected)


@pytest.mark.parametrize("kind", [Reading, Filling])
@pytest.mark.parametrize("num_threads", [None, 0, 4])
def test_its_batches_are_those_of_an_array(kind: type[Bare], num_threads: int | None) -> None:
    arrays = BatchGenerator(ArraySource(IMAGES, LABELS, Bare.class_names), 7, seed=2)
    generator = BatchGenerator(kind(), 7, seed=2, num_threads=num_threads)
    stream = generator.stream()
    for step in range(12):
        for one, other in zip(stream[step], arrays.batch(step), strict=True):
            assert np.array_equal(one, other)
    stream.close()


def test_what_is_not_written_has_a_default() -> None:
    source = Reading()
    assert source.example_id(7) == "example 7"
    assert source.max_useful_threads == 1
    assert BatchGenerator(source, 8).limits.num_threads == 1
    assert re.fullmatch("[0-9a-f]{64}", source.fingerprint)


def test_the_fingerprint_is_that_of_everything_served() -> None:
    class Named(Reading):
        def example_id(self, index: int) -> str:
            return f"image {index}"

    class Renamed(Reading):
        class_names = ("ant", "bee", "cat")

    class Turned(Reading):
        image_shape = (6, 8, 3)

    other_pixel = IMAGES.copy()
    other_pixel[NUM - 1, 7, 5, 2] ^= 1
    different = [
        Reading(),
        Reading(other_pixel),
        Reading(IMAGES[::-1]),
        Reading(labels=(LABELS + 1) % 3),
        Reading(IMAGES[:-1], LABELS[:-1]),
        Named(),
        Renamed(),
        Turned(IMAGES.reshape(NUM, 6, 8, 3)),
    ]
    assert len({source.fingerprint for source in different}) == len(different)
    assert Reading().fingerprint == Filling().fingerprint == Reading(IMAGES.copy()).fingerprint


def test_the_fingerprint_reads_each_example_once_and_few_at_a_time() -> None:
    asked: list[int] = []

    class Large(Reading):
        image_shape = (512, 512, 3)

        def read(self, indices: Any) -> NDArray[np.uint8]:
            asked.extend(indices)
            return np.zeros((len(indices), 512, 512, 3), np.uint8)

    source = Large(np.zeros(60, np.uint8), np.zeros(60, int))  # 45 MiB of pixels
    tracemalloc.start()
    first = source.fingerprint
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20 << 20
    assert source.fingerprint == first
    assert asked == list(range(60))


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(SpoonfulError) as caught:
        call()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def floats(images: NDArray[np.uint8]) -> Any:
    return images / 255


WRONG_PIXELS: dict[str, tuple[Callable[[NDArray[np.uint8]], Any], str]] = {
    "floats": (floats, "float64 of shape (2, 8, 6, 3)"),
    "whole numbers of another type": (lambda images: images.astype(np.int32), "int32 of shape"),
    "width before height": (lambda images: images.swapaxes(1, 2), "uint8 of shape (2, 6, 8, 3)"),
    "too few": (lambda images: images[:1], "uint8 of shape (1, 8, 6, 3)"),
    "one image": (lambda images: images[0], "uint8 of shape (8, 6, 3)"),
    "no channels": (lambda images: images[..., 0], "uint8 of shape (2, 8, 6)"),
    "a list": (list, "a list"),
    "nothing": (lambda images: None, "a NoneType"),
}


@pytest.mark.parametrize("case", WRONG_PIXELS)
def test_wrong_pixels_are_never_served(case: str, tmp_path: Path) -> None:
    change, words = WRONG_PIXELS[case]

    class Wrong(Bare):
        def read(self, indices: Any) -> Any:
            return change(self.images[np.asarray(indices)])

    source = Wrong(IMAGES[:2], LABELS[:2])
    message = refusal(lambda: source.read_into([0, 1], np.empty((2, 8, 6, 3), np.uint8)))
    assert f"Wrong.read returned {words}" in message
    assert "for example 0 and 1 more: expected uint8 of shape (2, 8, 6, 3)" in message
    for threads in (0, 2):
        generator = BatchGenerator(source, 2, num_threads=threads)
        message = refusal(lambda g=generator: g[0])  # type: ignore[misc]
        assert "Wrong.read returned" in message
        assert "batch 0 of epoch 1" in message
    for call in (lambda: generator.batch(0), lambda: pack(source, tmp_path / "store")):
        assert "Wrong.read returned" in refusal(call)
    assert not (tmp_path / "store").exists()


class Unfinished(Bare):
    pass


class Attributes:
    """Not derived from Source."""

    labels, class_names, image_shape = LABELS, ("ant", "bee", "cow"), (8, 6, 3)


class Newer(ArraySource):
    def read(self, indices: Any) -> NDArray[np.uint8]:
        return np.asarray(255 - super().read(indices))


def without(name: str) -> Source:
    class Lacking(Source):
        def __init__(self) -> None:
            for one in {"labels", "class_names", "image_shape"} - {name}:
                setattr(self, one, getattr(Attributes, one))

        def __len__(self) -> int:
            return NUM

        def read(self, indices: Any) -> NDArray[np.uint8]:
            return np.asarray(IMAGES[np.asarray(indices)])

    return Lacking()


def having(**attributes: Any) -> Source:
    source = Reading()
    vars(source).update(attributes)
    return source


INCOMPLETE: dict[str, tuple[Callable[[], Any], str]] = {
    "no read": (Unfinished, "Unfinished defines neither read nor read_into"),
    "no source": (Attributes, "source is a Attributes: expected a spoonful.Source"),
    "an array": (lambda: IMAGES, "source is a ndarray"),
    "read above": (lambda: Newer(IMAGES, LABELS), "Newer defines read, but .* of ArraySource"),
    "no labels": (lambda: without("labels"), "Lacking has no labels"),
    "no names": (lambda: without("class_names"), "Lacking has no class_names"),
    "no shape": (lambda: without("image_shape"), "Lacking has no image_shape"),
    "no examples": (lambda: Reading(IMAGES[:0], LABELS[:0]), "Reading has no examples"),
    "a text of names": (lambda: having(class_names="abc"), "class_names='abc' of Reading"),
    "numbers as names": (lambda: having(class_names=(0, 1, 2)), r"class_names=\(0, 1, 2\)"),
    "a name twice": (lambda: having(class_names=["a", "b", "a"]), "'a' is there twice"),
    "two sides": (lambda: having(image_shape=(8, 6)), r"image_shape=\(8, 6\) of Reading"),
    "half a pixel": (lambda: having(image_shape=(8, 6.0, 3)), r"image_shape=\(8, 6.0, 3\)"),
    "an empty side": (lambda: having(image_shape=(8, 0, 3)), r"image_shape=\(8, 0, 3\)"),
}


@pytest.mark.parametrize("case", INCOMPLETE)
def test_an_incomplete_source_is_named_when_a_generator_is_made(case: str, tmp_path: Path) -> None:
    make, words = INCOMPLETE[case]
    for use in (lambda s: BatchGenerator(s, 4), lambda s: pack(s, tmp_path / "store")):
        assert re.search(words, refusal(lambda u=use: u(make())))  # type: ignore[misc]


def test_a_source_without_a_way_to_read_says_so_at_the_read_too() -> None:
    for call in (
        lambda: Unfinished().read([0]),
        lambda: Unfinished().read_into([0], np.empty((1, 8, 6, 3), np.uint8)),
        lambda: Unfinished().fingerprint,
    ):
        assert "neither read nor read_into" in refusal(call)


def test_lists_serve_as_names_and_shape() -> None:
    source = having(class_names=["ant", "bee", "cow"], image_shape=[8, 6, 3])
    x, y = BatchGenerator(source, 5, shuffle="none").batch(0)
    assert np.array_equal(x, IMAGES[:5])
    assert y.argmax(axis=1).tolist() == [0, 1, 2, 0, 1]


@pytest.mark.parametrize("kind", [Reading, Filling])
def test_it_is_packed_like_any_other(kind: type[Bare], tmp_path: Path) -> None:
    pack(kind(), tmp_path / "store")
    assert pack(kind(), tmp_path / "store").up_to_date
    packed = PackedSource(tmp_path / "store")
    assert np.array_equal(packed.read(range(NUM)), IMAGES)
    assert packed.labels.tolist() == LABELS.tolist()
    assert (packed.class_names, packed.image_shape) == (Bare.class_names, Bare.image_shape)
    assert packed.example_id(7) == "example 7"


def test_a_split_with_other_channels_is_refused_before_it_is_written(tmp_path: Path) -> None:
    source = Reading(IMAGES[..., :2])
    source.image_shape = (8, 6, 2)
    assert BatchGenerator(source, 4).batch(0)[0].shape == (4, 8, 6, 2)
    assert "1 (grey) or 3 (RGB) channels" in refusal(lambda: pack(source, tmp_path / "store"))
    assert [*tmp_path.iterdir()] == []
