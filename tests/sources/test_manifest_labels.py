"""Which columns of a table are labels of which kind."""

from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spoonful import SpoonfulError
from tests.sources.test_manifest import six_images, source, table


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return six_images(tmp_path / "images")


def test_other_words_for_the_kinds(root: Path) -> None:
    path = table(root, ("cat/0.png", 1), ("cat/1.png", 2))
    assert source(path, label_kind="classes").class_names == ("1", "2")
    assert source(path, label_kind="values").labels.tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (["1", "1.0", "2"], r"holds numbers, such as '1\.0'.*use label_kind=regression"),
        (["0.25", "-3e-2", ".5"], r"holds numbers, such as '0\.25'"),
        (["ape", " ape", "bee"], r"holds 'ape' and ' ape', which differ only in spaces"),
        (["2", "1", "1 "], r"holds '1' and '1 ', which differ only in spaces"),
        (["a", "  ", "b"], r"1 row without a label in column 'label': row 2"),
    ],
)
@pytest.mark.parametrize("is_parquet", [False, True])
def test_texts_that_are_not_meant_as_classes(
    root: Path, labels: list[str], message: str, is_parquet: bool
) -> None:
    files = ["cat/0.png", "cat/1.png", "cat/2.png"]
    path = table(root, *zip(files, labels, strict=True))
    if is_parquet:
        path = root / "t.parquet"
        pq.write_table(pa.table({"path": files, "label": labels}), path)
    with pytest.raises(SpoonfulError, match=message) as caught:
        source(path)
    assert str(path) in str(caught.value)
    if labels[1].strip():  # but they are, if they are given
        assert len(source(path, class_names=labels).class_names) == 3


def test_numbers_beside_words_are_classes(root: Path) -> None:
    path = table(root, ("cat/0.png", "1.5"), ("cat/1.png", "v2"), ("cat/2.png", "nan"))
    assert source(path).class_names == ("1.5", "nan", "v2")


def test_decimals_and_views_of_texts(root: Path) -> None:
    files = pa.array(["cat/0.png", "cat/1.png"], pa.string_view())
    numbers = pa.array([Decimal("1.50"), None], pa.decimal128(5, 2))
    words = pa.array(["b", "a"], pa.string_view())
    columns = {"path": files, "x": numbers, "y": numbers.fill_null(Decimal(1)), "label": words}
    pq.write_table(pa.table(columns), root / "t.parquet")
    assert source(root / "t.parquet").class_names == ("a", "b")
    found = source(root / "t.parquet", label_columns=["y"], label_kind="regression")
    assert found.labels.tolist() == [[1.5], [1.0]]
    with pytest.raises(SpoonfulError, match="1 row without a label in column 'x': row 2"):
        source(root / "t.parquet", label_columns=["x"], label_kind="regression")
    with pytest.raises(
        SpoonfulError, match=r"1 row whose label in column 'y' is not 0, 1, .*row 1"
    ):
        source(root / "t.parquet", label_columns=["y"], label_kind="multilabel")
    with pytest.raises(SpoonfulError, match=r"t\.parquet: column 'y' .* decimal128.*=regression"):
        source(root / "t.parquet", label_columns=["y"])


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        ("classification", "texts or whole numbers that name classes"),
        ("multilabel", "0, 1, true or false"),
        ("regression", "numbers to predict"),
    ],
)
def test_a_column_of_another_type(root: Path, kind: str, expected: str) -> None:
    pq.write_table(pa.table({"path": ["cat/0.png"], "label": [[1]]}), root / "t.parquet")
    message = rf"t\.parquet: column 'label' holds values of type list.*: expected {expected}"
    with pytest.raises(SpoonfulError, match=message):
        source(root / "t.parquet", label_kind=kind)
