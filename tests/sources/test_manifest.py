import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spoonful import FolderSource, ManifestSource, SpoonfulError


def six_images(folder: Path) -> Path:
    """Write files 0.png to 5.png in two folders; each holds the grey value 10, 20, ... ."""
    for number in range(6):
        path = folder / ("cat" if number < 3 else "dog") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), np.full((4, 6), 10 * (number + 1), np.uint8))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return six_images(tmp_path / "images")


def table(root: Path, *rows: Sequence[Any], header: str = "path,label") -> Path:
    path = root / "table.csv"
    path.write_text("\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n")
    return path


def source(path: Path, **settings: Any) -> ManifestSource:
    return ManifestSource(path, (4, 6), 1, **settings)


def values(images: Any) -> list[int]:
    return [int(image.max()) for image in images]


def test_classes_of_texts_in_the_order_of_the_rows(root: Path) -> None:
    path = table(root, ("dog/4.png", "=cmd()"), ("cat/0.png", ".."), ("dog/3.png", "=cmd()"))
    found = source(path)
    assert found.class_names == ("..", "=cmd()")
    assert found.labels.tolist() == [1, 0, 1]
    assert found.labels.dtype == np.int64
    assert found.ids == ["dog/4.png", "cat/0.png", "dog/3.png"]
    assert found.example_id(1) == "cat/0.png"
    assert values(found.read([2, 0, 1])) == [40, 50, 10]


def test_whole_numbers_are_classes_in_their_own_order(root: Path) -> None:
    rows = [(f"cat/{number}.png", label) for number, label in enumerate((10, 9, -1))]
    assert source(table(root, *rows)).class_names == ("-1", "9", "10")
    columns = {"path": [path for path, _ in rows], "label": [label for _, label in rows]}
    pq.write_table(pa.table(columns), root / "t.pq")
    assert source(root / "t.pq").labels.tolist() == [2, 1, 0]
    assert source(table(root, *rows, ("dog/3.png", "x"))).class_names == ("-1", "10", "9", "x")


def test_several_columns_are_labels_of_zero_or_one(root: Path) -> None:
    rows = [("cat/0.png", "true", 0), ("cat/1.png", "False", "1.0"), ("cat/2.png", 0, " 1")]
    path = table(root, *rows, header="path,a,b")
    found = source(path, label_columns=["a", "b"])
    assert found.class_names == ("a", "b")
    assert found.labels.tolist() == [[1, 0], [0, 1], [0, 1]]
    one = source(path, label_columns=["a"], label_kind="multilabel")
    assert one.labels.tolist() == [[1], [0], [0]]


def test_numbers_to_predict_are_never_guessed(root: Path) -> None:
    path = table(root, ("cat/0.png", "1.5"), ("cat/1.png", " -2e3 "))
    with pytest.raises(SpoonfulError, match=r"'1\.5'.*use label_kind=regression"):
        source(path)
    found = source(path, label_kind="regression")
    assert found.labels.tolist() == [[1.5], [-2000.0]]
    assert found.labels.dtype == np.float64
    assert found.class_names == ("label",)
    pq.write_table(pa.table({"path": ["cat/0.png"], "label": [1.0]}), root / "t.parquet")
    with pytest.raises(SpoonfulError, match=r"type double.*use label_kind=regression"):
        source(root / "t.parquet")


def test_the_given_classes_stand_for_their_numbers(root: Path) -> None:
    path = table(root, ("cat/0.png", "b"), ("cat/1.png", "c"))
    assert source(path, class_names=["c", "a", "b"]).labels.tolist() == [2, 0]
    with pytest.raises(SpoonfulError, match=r"1 row whose class .* not one of the 2.*row 2 \('c'"):
        source(path, class_names=["a", "b"])


def test_it_reads_the_same_pixels_as_class_folders(root: Path) -> None:
    folder = FolderSource(root, (3, 5), 3)
    path = table(root, *((name, name.split("/")[0]) for name in folder.ids))
    listed = ManifestSource(path, (3, 5), 3)
    assert listed.labels.tolist() == folder.labels.tolist()
    assert np.array_equal(listed.read(range(6)), folder.read(range(6)))
    assert listed.content_hashes == folder.content_hashes
    assert listed.fingerprint != folder.fingerprint


def test_the_fingerprint_changes_with_a_label_and_with_a_pixel(root: Path) -> None:
    rows = [("cat/0.png", "a"), ("cat/1.png", "b"), ("cat/2.png", "b")]
    first = source(table(root, *rows)).fingerprint
    assert source(table(root, *rows)).fingerprint == first
    assert source(table(root, *rows[:2], ("cat/2.png", "a"))).fingerprint != first
    cv2.imwrite(str(root / "cat" / "1.png"), np.zeros((4, 6), np.uint8))
    assert source(table(root, *rows)).fingerprint != first


def test_all_that_is_wrong_is_named_at_once(root: Path) -> None:
    (root / "cat" / "folder.png").mkdir()
    rows = [
        *[(f"cat/none{number}.png", 1) for number in range(12)],
        *[("cat/0.png", ""), ("./cat//0.png", 1), ("../out.png", 1), ("", 1), ("cat/1.png", 1)],
        ("cat/folder.png", 1),
    ]
    with pytest.raises(SpoonfulError) as caught:
        source(table(root, *rows), label_columns=["label"])
    message = str(caught.value)
    assert "12 rows whose file is missing" in message
    assert "row 10 ('cat/none9.png') and 2 more" in message
    assert "none10" not in message
    assert "is not one of a regular file: row 18 ('cat/folder.png: a folder')" in message
    assert "1 row without a label in column 'label': row 13;" in message
    assert "1 row whose file an earlier row also names" in message
    assert "row 14 ('./cat//0.png')" in message
    assert "leads out of the table's folder" in message
    assert "row 15 ('../out.png')" in message
    assert "1 row without a path in column 'path': row 16;" in message


@pytest.mark.parametrize(
    ("kind", "wrong", "words"),
    [
        ("multilabel", ["2", "yes", "nan"], "is not 0, 1, true or false"),
        ("regression", ["x", "nan", "1e39", "-inf", "1_0"], "is not a finite number"),
    ],
)
def test_wrong_numbers_are_named(root: Path, kind: str, wrong: list[str], words: str) -> None:
    rows = [("cat/0.png", 1), *((f"dog/{n}.png", text) for n, text in enumerate(wrong))]
    with pytest.raises(SpoonfulError) as caught:
        source(table(root, *rows), label_kind=kind)
    listed = ", ".join(f"row {place + 2} ('{text}')" for place, text in enumerate(wrong))
    assert f"{len(wrong)} rows whose" in str(caught.value)
    assert f"{words}" in str(caught.value)
    assert listed in str(caught.value)


def test_numbers_that_parquet_lacks_are_missing_labels(root: Path) -> None:
    columns = {"path": ["cat/0.png", "cat/1.png"], "a": [1.0, float("nan")], "b": [None, 0.5]}
    pq.write_table(pa.table(columns), root / "t.parquet")
    with pytest.raises(SpoonfulError) as caught:
        source(root / "t.parquet", label_columns=["a", "b"])
    assert "1 row without a label in column 'a': row 2;" in str(caught.value)
    assert "1 row without a label in column 'b': row 1;" in str(caught.value)
    assert "column 'b' is not 0, 1, true or false: row 2 (0.5)" in str(caught.value)


def test_absolute_paths(root: Path, tmp_path: Path) -> None:
    (tmp_path / "lists").mkdir()
    rows = [(root / "cat" / "0.png", "a"), (root / "dog" / "3.png", "b")]
    path = table(tmp_path / "lists", *rows)
    found = source(path)
    assert (found.root, found.ids) == (root, ["cat/0.png", "dog/3.png"])
    assert values(found.read([0, 1])) == [10, 40]
    assert source(path, root=root).ids == found.ids
    with pytest.raises(SpoonfulError, match="1 row whose path in column 'path' leads out of root"):
        source(path, root=root / "cat")


def test_a_link_may_lead_elsewhere_and_a_broken_one_is_missing(root: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere.png").write_bytes((root / "cat" / "1.png").read_bytes())
    (root / "link.png").symlink_to(tmp_path / "elsewhere.png")
    path = table(root, ("link.png", 1), ("cat/0.png", 1))
    assert values(source(path).read([0])) == [20]
    (tmp_path / "elsewhere.png").unlink()
    with pytest.raises(SpoonfulError, match="1 row whose file is missing"):
        source(path)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_columns": "label"}, "expected a list of different columns"),
        ({"label_columns": []}, "expected a list of different columns"),
        ({"label_columns": ["label", "label"]}, "expected a list of different columns"),
        ({"label_columns": ["label", "x"], "label_kind": "classification"}, "expected one column"),
        ({"label_kind": "guess"}, "expected one of classification, multilabel, regression"),
        ({"label_columns": ["path"]}, "is also one of label_columns"),
        ({"root": "/nowhere"}, "^root=/nowhere: no such folder"),
        ({"label_columns": [3]}, r"^label_columns=\[3\]: expected a list of different columns"),
        ({"label_columns": None}, "^label_columns=None: expected a list of different columns"),
        ({"path_column": None}, "^path_column=None: expected the name of a column"),
        ({"path_column": ["path"]}, r"^path_column=\['path'\]: expected the name of a column"),
        ({"root": 3}, "^root=3: expected a path, or None"),
        ({"class_names": [0, 1]}, r"^class_names=\[0, 1\]: expected a list of different names"),
        ({"class_names": "ab"}, "^class_names='ab': expected a list of different names"),
        ({"class_names": []}, r"^class_names=\[\]: expected a list of different names"),
        ({"class_names": ["1", "0", "1"]}, "^class_names=.*: holds '1' twice; expected"),
        ({"label_kind": 3}, "^label_kind=3: expected one of"),
        ({"resize": "melt"}, "resize"),
    ],
)
def test_wrong_arguments(root: Path, settings: dict[str, Any], message: str) -> None:
    path = table(root, ("cat/0.png", 1, 1), header="path,label,x")
    with pytest.raises(SpoonfulError, match=message):
        source(path, **settings)


def test_a_table_is_a_path() -> None:
    with pytest.raises(SpoonfulError, match=r"^table=None: expected a path$"):
        ManifestSource(None, (4, 6))  # type: ignore[arg-type]


def test_a_pipe_is_not_called_missing(root: Path) -> None:
    os.mkfifo(root / "pipe")
    with pytest.raises(SpoonfulError, match=r"not one of a regular file: row 1 \('pipe: a pipe or"):
        source(table(root, ("pipe", 1), ("cat/0.png", 2)))


def test_a_table_without_rows(root: Path) -> None:
    with pytest.raises(SpoonfulError, match="holds no rows below its header"):
        source(table(root))


@pytest.mark.slow
@pytest.mark.timeout(120)  # 3 s measured; any square of the number of rows takes hours
def test_a_million_rows_are_read(tmp_path: Path) -> None:
    path = tmp_path / "big.csv"
    with path.open("w") as file:
        file.write("path,label,notes\n")
        file.writelines(f"f/{n}.jpg,{n % 50},some words that nobody reads\n" for n in range(10**6))
    with pytest.raises(SpoonfulError, match=r"1,000,000 rows whose file is missing.*999,990 more"):
        source(path)


def test_reading_names_a_damaged_file(root: Path) -> None:
    (root / "cat" / "0.png").write_bytes(b"no image")
    path = table(root, ("cat/0.png", 1), ("cat/1.png", 1))
    with pytest.raises(SpoonfulError, match=r"cat/0\.png: "):
        source(path).read([0])


def test_names_of_any_kind(root: Path) -> None:
    names = ["ö ä.png", "a,b.png", '"q".png', "=cmd().png", "line\nbreak.png", ".hidden", "x.JPG"]
    for name in names:
        os.link(root / "cat" / "0.png", root / name)
    pq.write_table(pa.table({"path": names, "label": names}), root / "t.parquet")
    found = source(root / "t.parquet")
    assert found.ids == names
    assert values(found.read(range(len(names)))) == [10] * len(names)
    assert sorted(found.class_names) == sorted(names)
