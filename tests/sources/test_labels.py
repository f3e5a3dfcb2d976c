from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.generator import BatchGenerator
from spoonful.packing import pack
from spoonful.sources import Source
from spoonful.sources.array import ArraySource
from spoonful.sources.labels import check_labels

NUM = 5
IMAGES = np.zeros((NUM, 4, 4, 1), np.uint8)

WRONG: dict[str, tuple[Any, list[str]]] = {
    "too large": (np.array([0, 1, 2, 3, 0]), ["image-3 has the label 3", "from 0 to 2"]),
    "negative": (np.array([0, 1, -1, 0, 0]), ["image-2 has the label -1", "from 0 to 2"]),
    "unsigned": (np.array([0, 1, 2, 2**63, 0], np.uint64), [f"image-3 has the label {2**63}"]),
    "halves": (np.array([0, 1, 0.5, 0, 0]), ["float64", "0.5 of image-2", "whole numbers"]),
    "not a number": (np.array([0, 1, 2, np.nan, 0]), ["nan of image-3"]),
    "infinite": (np.array([0, np.inf, 2, 0, 0]), ["inf of image-1"]),
    "whole floats": (np.zeros(NUM), ["float64", "0.0 of image-0"]),
    "truths": (np.zeros(NUM, bool), ["bool", "image-0"]),
    "texts": (np.array(["a"] * NUM), ["a of image-0"]),
    "objects": (np.array([None] * NUM), ["object", "None of image-0"]),
    "too few": (np.zeros(NUM - 1, int), ["shape (4,)", "(5,)"]),
    "too many": (np.zeros(NUM + 1, int), ["shape (6,)", "(5,)"]),
    "one-hot": (np.zeros((NUM, 3), int), ["shape (5, 3)", "(5,)"]),
    "a number": (np.int64(3), ["shape ()", "(5,)"]),
}


class OwnSource(Source):
    """A source as a user writes one."""

    class_names = ("ant", "bee", "cow")
    image_shape = (4, 4, 1)

    def __init__(self, labels: NDArray[Any]) -> None:
        self.labels = labels

    def __len__(self) -> int:
        return NUM

    def read(self, indices: Any) -> NDArray[np.uint8]:
        return np.asarray(IMAGES[np.asarray(indices)])

    def example_id(self, index: int) -> str:
        return f"image-{index}"


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_label_is_named_when_a_generator_is_made_and_before_packing(
    case: str, tmp_path: Path
) -> None:
    labels, words = WRONG[case]
    for use in (lambda s: BatchGenerator(s, 2), lambda s: pack(s, tmp_path / "store")):
        with pytest.raises(SpoonfulError) as caught:
            use(OwnSource(labels))
        assert all(word in str(caught.value) for word in words), str(caught.value)
        assert "\n" not in str(caught.value)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("case", WRONG)
def test_arrays_are_refused_with_the_same_words(case: str) -> None:
    labels, words = WRONG[case]
    with pytest.raises(SpoonfulError) as caught:
        ArraySource(IMAGES, labels, ["ant", "bee", "cow"])
    assert all(word.replace("image-", "example ") in str(caught.value) for word in words)


def test_right_labels_of_every_type_are_taken() -> None:
    for dtype in (np.uint8, np.int8, np.uint16, np.int32, np.uint64, np.int64):
        generator = BatchGenerator(OwnSource(np.array([0, 1, 2, 1, 0], dtype)), 5, shuffle="none")
        assert np.asarray(generator[0][1]).argmax(axis=1).tolist() == [0, 1, 2, 1, 0]


def test_the_first_wrong_label_is_found_far_behind() -> None:
    labels = np.zeros(3_000_000, np.uint8)
    labels[2_500_000] = 200
    with pytest.raises(SpoonfulError, match=r"number 2500000 has the label 200: .* from 0 to 9"):
        check_labels(labels, len(labels), 10, lambda i: f"number {i}")
