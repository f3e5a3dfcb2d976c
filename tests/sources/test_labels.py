from pathlib import Path
from typing import Any

import numpy as np
import pytest
import xxhash
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.generator import BatchGenerator
from spoonful.packing import pack
from spoonful.sources import Source
from spoonful.sources.array import ArraySource
from spoonful.sources.labels import LabelKind, check_labels, kind_of

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
    "a number": (np.int64(3), ["shape ()", "(5,)"]),
}


FLAGS = np.array([[0, 1, 0], [1, 1, 1], [0, 0, 0], [1, 0, 0], [0, 0, 1]])
ANGLES = np.array([-1.5, 0.0, 0.1, 3e38, 1e-40])


class OwnSource(Source):
    """A source as a user writes one."""

    image_shape = (4, 4, 1)

    def __init__(self, labels: Any, class_names: Any = ("ant", "bee", "cow")) -> None:
        self.labels, self.class_names = labels, class_names

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
        check_labels(labels, len(labels), [str(n) for n in range(10)], lambda i: f"number {i}")


def in_the_last_column(value: float, dtype: Any) -> NDArray[Any]:
    values = np.array(FLAGS, dtype)
    values[3, 2] = value
    return values


WRONG_VALUES: dict[str, tuple[Any, Any, list[str]]] = {
    "a two": (in_the_last_column(2, int), "abc", ["image-3 has the label 2 for 'c'", "0 or 1"]),
    "a negative flag": (in_the_last_column(-1, np.int8), "abc", ["image-3 has the label -1"]),
    "flags without names": (FLAGS, "", ["shape (5, 3)", "0 class_names", "one name per column"]),
    "flags and two names": (FLAGS, "ab", ["shape (5, 3)", "2 class_names"]),
    "values and two names": (FLAGS / 3, "ab", ["float64", "2 class_names"]),
    "no number": (in_the_last_column(np.nan, float), "abc", ["image-3 has the label nan for 'c'"]),
    "infinite": (in_the_last_column(-np.inf, np.float16), "", ["image-3 has the label -inf"]),
    "infinite in one column": (np.array([0, 1, 2, np.inf, 4]), "", ["image-3 has the label inf"]),
    "beyond float32": (in_the_last_column(1e39, float), "", ["image-3 has the label 1e+39"]),
    "classes without names": (FLAGS[:, 0], "", ["image-0 has the label 0", "no class_names"]),
    "three axes": (np.zeros((NUM, 2, 2)), "", ["shape (5, 2, 2)"]),
    "no column": (np.zeros((NUM, 0)), "", ["shape (5, 0)"]),
    "too few rows": (FLAGS[:4], "abc", ["shape (4, 3)"]),
    "texts in rows": (FLAGS.astype(str), "abc", ["<U", "such as 0 of image-0"]),
    "complex": (FLAGS * 1j, "abc", ["complex128"]),
    "long doubles": (ANGLES.astype(np.longdouble), "", ["longdouble", "float32 or float64"]),
}


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_a_wrong_value_is_named_in_the_same_way(case: str, tmp_path: Path) -> None:
    labels, names, words = WRONG_VALUES[case]
    words = [word.replace("longdouble", str(np.dtype(np.longdouble))) for word in words]
    source = OwnSource(labels, tuple(names))
    for use in (
        lambda: BatchGenerator(source, 2),
        lambda: pack(source, tmp_path / "store"),
        lambda: ArraySource(IMAGES, labels, list(names)),
    ):
        with pytest.raises(SpoonfulError) as caught:
            use()
        message = str(caught.value).replace("example 3", "image-3").replace("example 0", "image-0")
        assert all(word in message for word in words), message
        assert "\n" not in message
    assert not (tmp_path / "store").exists()


def test_floats_as_classes_are_told_how_to_become_some() -> None:
    for values in ([0.9, 0, 1, 2, 0], [1.0, 2.0, 1.0, 0.0, 0.0]):
        with pytest.raises(SpoonfulError, match="index of its class, as int64, or leave"):
            BatchGenerator(OwnSource(np.array(values)), 2)
    with pytest.raises(SpoonfulError, match=r"0\.9 of image-0"):
        BatchGenerator(OwnSource(np.array([0.9, 0, 1, 2, 0])), 2)


KINDS: dict[str, tuple[Any, str, LabelKind]] = {
    "classes": (np.array([0, 1, 2, 1, 0]), "abc", LabelKind.CLASSIFICATION),
    "flags": (FLAGS, "abc", LabelKind.MULTILABEL),
    "truths": (FLAGS.astype(bool), "abc", LabelKind.MULTILABEL),
    "bytes": (FLAGS.astype(np.uint8), "abc", LabelKind.MULTILABEL),
    "one flag": (FLAGS[:, :1], "a", LabelKind.MULTILABEL),
    "an angle": (ANGLES, "", LabelKind.REGRESSION),
    "half floats": (ANGLES[:3].repeat(2)[:5].astype(np.float16), "", LabelKind.REGRESSION),
    "two values": (np.stack([ANGLES, -ANGLES], axis=1), "", LabelKind.REGRESSION),
    "named values": (np.stack([ANGLES, -ANGLES], axis=1), "xy", LabelKind.REGRESSION),
    "one column": (ANGLES[:, np.newaxis], "x", LabelKind.REGRESSION),
    "big-endian": (ANGLES.astype(">f4"), "", LabelKind.REGRESSION),
}


@pytest.mark.parametrize("case", KINDS)
@pytest.mark.parametrize("one_hot", [True, False])
def test_each_kind_is_known_and_served(case: str, one_hot: bool) -> None:
    labels, names, kind = KINDS[case]
    assert check_labels(labels, NUM, tuple(names), str) is kind is kind_of(labels)
    generator = BatchGenerator(OwnSource(labels, tuple(names)), 2, one_hot=one_hot)
    for step in range(6):
        _, y = generator.batch(step)
        served = labels[generator.indices(step)]
        if kind is LabelKind.CLASSIFICATION:
            expected = np.eye(3, dtype=np.float32)[served] if one_hot else served
        else:
            expected = served.astype(np.float32)
        assert y.dtype == expected.dtype
        assert y.shape == expected.shape
        assert np.array_equal(y, expected)
    assert generator[0][1].dtype == y.dtype


def test_arrays_name_the_columns_of_flags_and_no_values() -> None:
    assert ArraySource(IMAGES, FLAGS).class_names == ("0", "1", "2")
    assert ArraySource(IMAGES, ANGLES).class_names == ()
    assert ArraySource(IMAGES, FLAGS / 2).class_names == ()
    assert ArraySource(IMAGES, FLAGS.tolist()).labels.tolist() == FLAGS.tolist()


def test_lists_are_labels_too() -> None:
    for labels in ([0, 1, 2, 1, 0], FLAGS.tolist(), ANGLES.tolist()):
        names = () if isinstance(labels[0], float) else ("a", "b", "c")
        y = BatchGenerator(OwnSource(labels, names), 5, one_hot=False, shuffle=False).batch(0)[1]
        assert np.array_equal(y, np.array(labels).astype(y.dtype))


def test_the_digest_of_a_step_is_that_of_the_served_values() -> None:
    def digest(labels: Any, names: str = "abc", step: int = 0) -> str:
        return BatchGenerator(OwnSource(labels, tuple(names)), 2, shuffle=False).digest(step)

    assert digest(FLAGS) == digest(FLAGS.astype(bool)) == digest(FLAGS.astype(np.float64))
    other = FLAGS.copy()
    other[1, 2] ^= 1
    assert digest(other) != digest(FLAGS)
    assert digest(other, step=1) == digest(FLAGS, step=1)
    assert digest(ANGLES, "") == digest(ANGLES.astype(">f8"), "")
    nearly = ANGLES.copy()
    nearly[1] = 1e-30
    assert digest(nearly, "") != digest(ANGLES, "")
    # xxh3_128(pixels, seed=xxh3_64(ids as int64 and labels as float32, little-endian))
    head = np.arange(2, dtype="<i8").tobytes() + ANGLES[:2].astype("<f4").tobytes()
    expected = xxhash.xxh3_128_hexdigest(IMAGES[:2].tobytes(), seed=xxhash.xxh3_64_intdigest(head))
    assert digest(ANGLES, "") == expected


@pytest.mark.parametrize("case", KINDS)
def test_only_classes_can_be_balanced(case: str) -> None:
    labels, names, kind = KINDS[case]
    source = OwnSource(labels, tuple(names))
    if kind is LabelKind.CLASSIFICATION:
        assert len(BatchGenerator(source, 2, shuffle="balanced")) == 3
    else:
        with pytest.raises(SpoonfulError, match='shuffle="balanced" draws by class and expects'):
            BatchGenerator(source, 2, shuffle="balanced")


def test_the_fingerprint_follows_every_kind_of_labels() -> None:
    different = [
        (ANGLES, []),
        (ANGLES.astype(np.float32), []),
        (ANGLES[:, np.newaxis], []),
        (ANGLES[::-1], []),
        (FLAGS, "abc"),
        (FLAGS.astype(bool), "abc"),
        (1 - FLAGS, "abc"),
        (FLAGS, "abd"),
        (FLAGS[:, 0], "abc"),
    ]
    own = {OwnSource(labels, tuple(names)).fingerprint for labels, names in different}
    arrays = {ArraySource(IMAGES, labels, [*names]).fingerprint for labels, names in different}
    assert len(own) == len(arrays) == len(different)
