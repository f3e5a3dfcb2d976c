"""Labels of every kind come out of a packed split as they went in."""

import dataclasses
import hashlib
import itertools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from spoonful import ArraySource, BatchGenerator, PackedSource, SpoonfulError
from spoonful.packing import pack
from spoonful.sources.labels import LabelKind
from spoonful.sources.packed.meta import (
    LABELS_NAME,
    META_NAME,
    FileMeta,
    store_fingerprint,
)

PROPERTY = settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
FLOATS = st.sampled_from(["<f2", "<f4", "<f8", ">f4", ">f8"])
FLAGS = st.sampled_from(["?", "u1", "i1", "<i2", ">i4", "<i8"])
_numbers = itertools.count()


@st.composite
def values(draw: st.DrawFn) -> NDArray[Any]:
    shape = tuple(draw(st.lists(st.integers(1, 6), min_size=1, max_size=2)))
    dtype = np.dtype(draw(FLOATS))
    numbers = st.floats(width=min(dtype.itemsize * 8, 32), allow_nan=False, allow_infinity=False)  # type: ignore[arg-type]
    return draw(arrays.arrays(dtype, shape, elements=numbers))


@st.composite
def flags(draw: st.DrawFn) -> NDArray[Any]:
    shape = draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    return draw(arrays.arrays(np.int8, shape, elements=st.integers(0, 1))).astype(draw(FLAGS))


def packed(
    folder: Path, labels: NDArray[Any], names: list[str] | None = None, order: str = "mixed"
) -> PackedSource:
    images = np.arange(len(labels) * 4, dtype=np.uint8).reshape(-1, 2, 2)
    store = folder / str(next(_numbers))
    assert not pack(ArraySource(images, labels, names), store, order=order).up_to_date
    assert pack(ArraySource(images, labels, names), store, order=order).up_to_date
    return PackedSource(store)


@PROPERTY
@given(labels=st.one_of(values(), flags()), is_turned=st.booleans())
def test_values_and_flags_keep_every_bit(
    tmp_path: Path, labels: NDArray[Any], is_turned: bool
) -> None:
    given_labels = np.asfortranarray(labels) if is_turned else labels
    source = packed(tmp_path, given_labels)
    assert (source.labels.dtype, source.labels.shape) == (labels.dtype, labels.shape)
    assert source.labels.tobytes() == labels.tobytes()  # -0.0 is not 0.0
    assert not source.labels.flags.writeable
    source.verify()
    _, y = BatchGenerator(source, len(labels), shuffle="none").batch(0)
    assert y.dtype == np.float32
    assert np.array_equal(y, labels.astype(np.float32))
    again = packed(tmp_path, labels)
    assert (source.fingerprint, source.meta) == (again.fingerprint, again.meta)


@PROPERTY
@given(labels=st.lists(st.integers(0, 300), min_size=1, max_size=9), spare=st.integers(0, 300))
def test_classes_keep_their_numbers(tmp_path: Path, labels: list[int], spare: int) -> None:
    names = [str(number) for number in range(max(labels) + 1 + spare)]
    source = packed(tmp_path, np.array(labels), names)
    assert source.labels.tolist() == labels
    assert source.labels.dtype == (np.uint8 if len(names) <= 256 else np.uint16)
    assert source.meta.label_kind is LabelKind.CLASSIFICATION


def test_the_meta_of_other_kinds_says_so_and_older_versions_refuse_it(tmp_path: Path) -> None:
    per_class: dict[str, tuple[Any, dict[str, int] | None]] = {
        "classification": (np.array([1, 1, 0]), {"0": 1, "1": 2}),
        "multilabel": (np.array([[1, 1], [0, 1], [0, 0]]), {"0": 1, "1": 2}),
        "regression": (np.array([0.5, 1, 2]), {}),
    }
    for kind, (labels, counts) in per_class.items():
        assert packed(tmp_path, labels).meta.to_json()["format_version"] == 3
        source = packed(tmp_path, labels, order="class")
        meta = json.loads((source.path / META_NAME).read_text())
        assert meta["num_examples_per_class"] == counts
        assert meta["format_version"] == (1 if kind == "classification" else 2)
        assert meta.get("label_kind") == (None if kind == "classification" else kind)
        assert source.meta.label_kind == kind


def test_the_fingerprint_of_a_store_follows_its_labels(tmp_path: Path) -> None:
    values = np.array([0.5, 1, 2])
    different = [
        packed(tmp_path, values),
        packed(tmp_path, values.astype(np.float32)),
        packed(tmp_path, values[:, np.newaxis]),
        packed(tmp_path, values[:, np.newaxis], ["x"]),
        packed(tmp_path, values[::-1]),
        packed(tmp_path, np.array([[1], [0], [0]])),
        packed(tmp_path, np.array([1, 0, 0])),
    ]
    assert len({source.fingerprint for source in different}) == len(different)


def test_other_labels_in_the_same_folder_replace_the_store(tmp_path: Path) -> None:
    images = np.zeros((3, 2, 2), np.uint8)
    for labels in (np.array([1, 0, 0]), np.array([[1], [0], [0]]), np.array([1.0, 0, 0])):
        assert not pack(ArraySource(images, labels), tmp_path / "store").up_to_date
        assert PackedSource(tmp_path / "store").labels.tolist() == labels.tolist()


WRONG: list[tuple[Any, Any, str]] = [
    (np.array([0.5, 1, 2]), np.array([0.5, np.nan, 2]), "example 1 has the label nan"),
    (np.array([0.5, 1, 2]), np.array([0.5, 1, 1e300]), "example 2 has the label 1e+300"),
    (np.array([0.5, 1, 2]), np.array([0.5, 1, 2, 3]), "shape (4,)"),
    (np.array([0.5, 1, 2]), np.array([0, 1, 2]), "no class_names"),
    (np.array([[0], [1]]), np.array([[0], [2]]), "example 1 has the label 2 for '0'"),
    (np.array([[0], [1]]), np.array([[0, 1], [1, 1]]), "shape (2, 2) and dtype int64"),
    (np.array([[0], [1]]), np.array([[0.0], [1.0]]), "not those of multilabel"),
    (np.array([[0], [1]]), np.array([0, 0]), "int64 of shape (2,), not those of multilabel"),
]


@pytest.mark.parametrize(("labels", "others", "words"), WRONG)
def test_labels_that_were_packed_wrong_are_named(
    tmp_path: Path, labels: Any, others: Any, words: str
) -> None:
    """Every digest fits: only the values are wrong."""
    source = packed(tmp_path, labels)
    np.save(source.path / LABELS_NAME, others)
    content = (source.path / LABELS_NAME).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    file = FileMeta(LABELS_NAME, len(content), digest, len(labels))
    meta = dataclasses.replace(source.meta, labels=file)
    named = (meta.encoding, meta.image_shape, meta.class_names, meta.files)
    meta = dataclasses.replace(meta, fingerprint=store_fingerprint(*named))
    (source.path / META_NAME).write_text(json.dumps(meta.to_json()))
    with pytest.raises(SpoonfulError) as caught:
        PackedSource(source.path)
    assert str(caught.value).startswith(f"{source.path / LABELS_NAME}: expected {len(labels)} ")
    assert words in str(caught.value)
