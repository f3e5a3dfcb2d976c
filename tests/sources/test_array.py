import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.errors import SpoonfulError
from spoonful.sources.array import ArraySource

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True)
IMAGES = np.random.default_rng(0).integers(0, 256, (10, 3, 4, 3), dtype=np.uint8)
LABELS = np.arange(10) % 2


@PROPERTY
@given(st.lists(st.integers(0, 9)))
def test_read_gives_the_examples_asked_for_in_that_order(indices: list[int]) -> None:
    images = ArraySource(IMAGES, LABELS).read(indices)
    assert images.dtype == np.uint8
    assert images.shape == (len(indices), 3, 4, 3)
    assert all(np.array_equal(image, IMAGES[i]) for image, i in zip(images, indices, strict=True))


def test_what_a_source_says_of_itself() -> None:
    source = ArraySource(IMAGES, LABELS.tolist(), ["cat", "dog", "none of them"])
    assert len(source) == 10
    assert source.image_shape == (3, 4, 3)
    assert source.class_names == ("cat", "dog", "none of them")
    assert source.labels.dtype == np.int64
    assert source.labels.tolist() == LABELS.tolist()


def test_images_without_channels_are_grey() -> None:
    source = ArraySource(IMAGES[..., 0], LABELS)
    assert source.image_shape == (3, 4, 1)
    assert np.array_equal(source.read([2])[0, :, :, 0], IMAGES[2, :, :, 0])


def test_classes_are_numbered_where_they_have_no_names() -> None:
    assert ArraySource(IMAGES, [0, 3] * 5).class_names == ("0", "1", "2", "3")


def test_changing_what_was_read_does_not_change_the_source() -> None:
    source = ArraySource(IMAGES.copy(), LABELS)
    source.read(np.arange(10))[:] = 0
    assert np.array_equal(source.read(np.arange(10)), IMAGES)


@pytest.mark.parametrize(
    ("indices", "words"),
    [
        ([10], "index 10: expected 0 to 9"),
        ([0, -1], "index -1: expected 0 to 9"),
        ([0.5], "whole numbers"),
        ([True, False], "whole numbers"),
        ([[0, 1]], "whole numbers"),
        (3, "whole numbers"),
    ],
)
def test_wrong_indices_are_named(indices: Any, words: str) -> None:
    with pytest.raises(SpoonfulError, match=words):
        ArraySource(IMAGES, LABELS).read(indices)


@pytest.mark.parametrize(
    ("images", "labels", "class_names", "words"),
    [
        (IMAGES.astype(np.float32), LABELS, None, "dtype float32"),
        (IMAGES[..., :2], LABELS, None, r"\(10, 3, 4, 2\)"),
        (IMAGES[0, 0], LABELS, None, r"\(4, 3\)"),
        (IMAGES[:0], [], None, "at least one"),
        (IMAGES, LABELS[:9], None, r"shape \(10,\), one per example"),
        (IMAGES, LABELS / 2, ["cat", "dog"], "dtype float64"),
        (IMAGES, LABELS - 1, None, "has the label -1"),
        (IMAGES, LABELS, ["cat"], "has the label 1: expected a whole number from 0 to 0"),
    ],
)
def test_arrays_that_do_not_fit_are_named(
    images: Any, labels: Any, class_names: list[str] | None, words: str
) -> None:
    with pytest.raises(SpoonfulError, match=words):
        ArraySource(images, labels, class_names)


def test_equal_arrays_have_equal_fingerprints() -> None:
    strided = np.repeat(IMAGES, 2, axis=0)[::2]
    assert not strided.flags["C_CONTIGUOUS"]
    one = ArraySource(IMAGES, LABELS).fingerprint
    assert ArraySource(strided, LABELS.astype(np.int8)).fingerprint == one
    assert ArraySource(IMAGES, LABELS, ["0", "1"]).fingerprint == one


def test_the_fingerprint_follows_pixels_labels_names_and_shape() -> None:
    other_pixel = IMAGES.copy()
    other_pixel[9, 2, 3, 2] ^= 1
    sources = [
        ArraySource(IMAGES, LABELS),
        ArraySource(other_pixel, LABELS),
        ArraySource(IMAGES, 1 - LABELS),
        ArraySource(IMAGES, LABELS, ["cat", "dog"]),
        ArraySource(IMAGES, LABELS, ["0", "1", "2"]),
        ArraySource(IMAGES.reshape(10, 4, 3, 3), LABELS),
        ArraySource(IMAGES[::-1], LABELS),
    ]
    assert len({source.fingerprint for source in sources}) == len(sources)


@PROPERTY
@given(st.lists(st.integers(0, 9)), st.booleans())
def test_read_into_gives_what_read_gives(indices: list[int], strided: bool) -> None:
    images = np.repeat(IMAGES, 2, axis=0)[::2] if strided else IMAGES
    filled = np.full((len(indices), 3, 4, 3), 99, np.uint8)
    source = ArraySource(images, LABELS)
    source.read_into(indices, filled)
    assert np.array_equal(filled, source.read(indices))
    assert np.array_equal(filled, IMAGES[np.array(indices, int)])


def test_read_into_copies_no_more_than_it_is_asked_for() -> None:
    large = np.zeros((1000, 100, 100, 1), np.uint8)
    filled = np.zeros((2, 100, 100, 1), np.uint8)
    for images in (large, large[::-1]):
        source = ArraySource(images, np.zeros(1000, int))
        tracemalloc.start()
        source.read_into([3, 5], filled)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < 100_000


@pytest.mark.parametrize("indices", [[10], [-1], [0.5]])
def test_read_into_checks_the_indices(indices: list[Any]) -> None:
    with pytest.raises(SpoonfulError, match=r"index|whole numbers"):
        ArraySource(IMAGES, LABELS).read_into(indices, np.zeros((1, 3, 4, 3), np.uint8))


def test_examples_without_a_name_are_called_by_their_number() -> None:
    source = ArraySource(IMAGES, LABELS)
    assert source.example_id(7) == "example 7"
    assert source.max_useful_threads >= 1
