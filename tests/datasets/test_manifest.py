import csv
import hashlib
import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spoonful.datasets.manifest import Manifest
from spoonful.datasets.split_names import split_named
from spoonful.datasets.table_list import LIST_NAME, RawTable
from spoonful.errors import SpoonfulError
from spoonful.sources.labels import LabelKind
from tests.datasets.common import COMMON


def dataset(path: Path | None, **settings: Any) -> Manifest:
    values = {
        "path": None if path is None else str(path),
        "root": None,
        "path_column": "path",
        "label_columns": ["label"],
        "label_kind": None,
        "split_column": None,
        "group_column": None,
        **COMMON,
        "link": "auto",
    }
    return Manifest(**{**values, **settings})


def table(folder: Path, header: Sequence[str], *rows: Sequence[Any]) -> Path:
    """Write a table and the files in its first column, which contain their own names."""
    for path, *_ in rows:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(str(path))
    with (folder / "table.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return folder / "table.csv"


def opened(path: Path, raw_dir: Path, **settings: Any) -> RawTable:
    dataset(path, **settings).fetch(raw_dir)
    return dataset(path, **settings).open_raw(raw_dir)


def test_classes_splits_and_groups(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    header = ("path", "label", "set", "patient")
    rows = [
        ("a/1.png", "=x", "Training", "p1"),
        ("2.png", "a/b", "DEV", ""),
        ("3.png", "..", "", "p1"),
    ]
    path = table(tmp_path / "mine", header, *rows)
    raw = opened(path, tmp_path / "raw", split_column="set", group_column="patient")
    assert [(i.class_name, i.file_name, i.given_split, i.group) for i in raw.images] == [
        ("=x", "a__1.png", "train", "p1"),
        ("a/b", "2.png", "val", None),
        ("..", "3.png", None, "p1"),
    ]
    assert [image.content for image in raw.images] == [
        hashlib.sha256(name.encode()).hexdigest() for name in ("a/1.png", "2.png", "3.png")
    ]
    assert (raw.label_kind, raw.label_names, raw.is_table) == (LabelKind.CLASSIFICATION, (), True)
    assert raw.read(1) == b"2.png"
    assert raw.origin(0) == str(tmp_path / "mine" / "a" / "1.png")
    raw.place(0, tmp_path / "placed")
    assert (tmp_path / "placed").read_bytes() == b"a/1.png"
    assert len({image.key for image in raw.images}) == 3
    assert "labels: classification, 3 classes ('..', '=x', 'a/b')" in capsys.readouterr().out
    assert pickle.loads(pickle.dumps(raw.images)) == raw.images


@pytest.mark.parametrize(
    ("kind", "columns", "labels"),
    [
        (None, ["a", "b"], [(1.0, 0.0), (0.0, 1.0)]),
        ("multilabel", ["b"], [(0.0,), (1.0,)]),
        ("regression", ["x", "b"], [(0.1, 0.0), (-2.0, 1.0)]),
    ],
)
def test_other_labels(
    tmp_path: Path, kind: str | None, columns: list[str], labels: list[tuple[float, ...]]
) -> None:
    rows = [("1.png", 1, 0, 0.1), ("2.png", 0, 1, -2)]
    path = table(tmp_path / "mine", ("path", "a", "b", "x"), *rows)
    raw = opened(path, tmp_path / "raw", label_columns=columns, label_kind=kind)
    assert [image.labels for image in raw.images] == labels
    assert {image.class_name for image in raw.images} == {"all"}  # no strata
    assert raw.label_names == tuple(columns)
    assert raw.label_kind == (kind or "multilabel")


def test_all_that_is_wrong_is_named_before_anything_is_written(tmp_path: Path) -> None:
    header = ("path", "label", "set")
    path = table(tmp_path / "mine", header, ("1.png", "a", "train"), ("2.png", "", "holdout"))
    (tmp_path / "mine" / "1.png").unlink()
    with pytest.raises(SpoonfulError) as caught:
        dataset(path, split_column="set").fetch(tmp_path / "raw")
    message = str(caught.value)
    assert "1 row whose file is missing" in message
    assert "1 row without a label in column 'label': row 2" in message
    assert "1 row whose split in column 'set' is none of train, training, val" in message
    assert "row 2 ('holdout')" in message
    assert not (tmp_path / "raw").exists()


def test_the_users_files_and_the_root(tmp_path: Path) -> None:
    path = table(tmp_path / "mine", ("path", "label"), ("1.png", "a"), ("2.png", "b"))
    path = path.rename(tmp_path / "table.csv")
    before = {p: p.stat().st_mtime_ns for p in (tmp_path / "mine").iterdir()}
    raw = opened(path, tmp_path / "raw", root=str(tmp_path / "mine"))
    raw.place(1, tmp_path / "placed")
    assert {p: p.stat().st_mtime_ns for p in (tmp_path / "mine").iterdir()} == before
    assert raw.origin(1) == str(tmp_path / "mine" / "2.png")
    stored = (tmp_path / "raw" / "images.json").read_text()
    assert str(tmp_path) not in stored
    made = dataset(path, root=str(tmp_path / "mine"))
    assert made.original_path(tmp_path / "raw", "val", "images/2.png") == raw.origin(1)
    assert made.original_path(tmp_path / "raw", "val", "images/3.png") is None
    assert made.original_path(tmp_path / "none", "val", "images/2.png") is None
    unknown = dataset(None).original_path(tmp_path / "raw", "val", "images/2.png")
    assert unknown == "2.png (below dataset.root)"


def test_absolute_paths_outside_the_tables_folder(tmp_path: Path) -> None:
    table(tmp_path / "mine", ("path", "label"), ("x/1.png", "a"), ("y/2.png", "b"))
    paths = [str(tmp_path / "mine" / name) for name in ("x/1.png", "y/2.png")]
    (tmp_path / "lists").mkdir()
    pq.write_table(pa.table({"path": paths, "label": [7, 8]}), tmp_path / "lists" / "t.parquet")
    raw = opened(tmp_path / "lists" / "t.parquet", tmp_path / "raw")
    assert [image.file_name for image in raw.images] == ["x__1.png", "y__2.png"]
    assert [image.class_name for image in raw.images] == ["7", "8"]
    assert raw.read(1) == b"y/2.png"


def test_a_file_that_has_changed_since_fetch(tmp_path: Path) -> None:
    path = table(tmp_path / "mine", ("path", "label"), ("1.png", "a"), ("2.png", "b"))
    raw = opened(path, tmp_path / "raw")
    (tmp_path / "mine" / "1.png").write_text("longer than before")
    with pytest.raises(SpoonfulError, match="had 5 bytes when fetched"):
        raw.place(0, tmp_path / "placed")


def test_so_many_images_of_each_class(tmp_path: Path) -> None:
    rows = [(f"{n}.png", n % 2, ("train", "")[n % 3 > 1]) for n in range(40)]
    path = table(tmp_path / "mine", ("path", "label", "set"), *rows)
    whole = opened(path, tmp_path / "raw", split_column="set")
    few = dataset(path, split_column="set", max_images_per_class=3)
    part = few.open_raw(tmp_path / "raw")
    assert len(part.images) == 12  # of 2 classes, with and without a given split
    assert set(part.images) < set(whole.images)
    for position, image in enumerate(part.images):
        assert part.read(position) == image.file_name.encode()
        assert part.origin(position) == str(tmp_path / "mine" / image.file_name)
    few.fetch(tmp_path / "raw")
    assert few.open_raw(tmp_path / "raw").images == part.images
    with pytest.raises(SpoonfulError, match="was fetched with 3"):
        dataset(path, split_column="set").open_raw(tmp_path / "raw")


def test_a_damaged_list_is_found(tmp_path: Path) -> None:
    path = table(tmp_path / "mine", ("path", "label"), ("1.png", "a"), ("2.png", "b"))
    opened(path, tmp_path / "raw")
    listed = tmp_path / "raw" / LIST_NAME
    content = bytearray(listed.read_bytes())
    content[40] ^= 1
    listed.write_bytes(content)
    with pytest.raises(SpoonfulError, match="expected SHA-256"):
        dataset(path).open_raw(tmp_path / "raw")
    (tmp_path / "raw" / "images.json").write_text(
        (tmp_path / "raw" / "images.json").read_text().replace('"manifest"', '"hf_dataset"')
    )
    with pytest.raises(SpoonfulError, match="expected the images of dataset=manifest, found hf_"):
        dataset(path).open_raw(tmp_path / "raw")
    listed.unlink()
    with pytest.raises(SpoonfulError, match=r"run `spoonful fetch dataset=manifest dataset.path="):
        dataset(path).open_raw(tmp_path / "raw")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"root": "/nope"}, r"^dataset\.root=/nope: no such folder"),
        ({"label_columns": []}, r"^dataset\.label_columns=\[\]: expected a list"),
        (
            {"label_columns": ["path"]},
            r"^dataset\.path_column=path: is also one of dataset\.label_",
        ),
        (
            {"label_columns": ["a", "b"], "label_kind": "classification"},
            r"dataset\.label_kind=class",
        ),
    ],
)
def test_keys_are_named_with_their_group(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    path = table(tmp_path / "mine", ("path", "label"), ("1.png", "a"), ("2.png", "b"))
    with pytest.raises(SpoonfulError, match=message):
        dataset(path, **settings).fetch(tmp_path / "raw")


def test_one_column_is_not_called_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = table(tmp_path / "mine", ("path", "label"), ("1.png", 1), ("2.png", 0))
    for kind, words in (("regression", "1 column of numbers"), ("multilabel", "1 column of 0 or")):
        opened(path, tmp_path / "raw", label_kind=kind)
        assert words in capsys.readouterr().out


def test_what_is_not_given(tmp_path: Path) -> None:
    with pytest.raises(SpoonfulError, match=r"give dataset\.path=TABLE"):
        dataset(None).fetch(tmp_path / "raw")
    with pytest.raises(SpoonfulError, match="no table to read"):
        dataset(tmp_path / "none.csv").fetch(tmp_path / "raw")


@pytest.mark.parametrize(
    ("text", "split"),
    [
        *[(text, "train") for text in ("train", "Training", " TRAIN ")],
        *[(text, "val") for text in ("val", "valid", "Validation", "dev")],
        *[(text, "test") for text in ("test", "testing", "EVAL")],
        *[(text, None) for text in ("", "holdout", "train2", "tests")],
    ],
)
def test_spellings_of_splits(text: str, split: str | None) -> None:
    assert split_named(text) == split


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (
            {"label_columns": ["n"], "split_column": "set"},
            r"^dataset\.label_columns=\[n\], dataset\.split_column=set: data/raw was fetched with "
            r"label_columns=\[label\], split_column=null; run `spoonful fetch` again$",
        ),
        ({"group_column": "n"}, "group_column=n"),
        ({"label_kind": "regression"}, "label_kind=regression: .*label_kind=classification"),
        ({"path_column": "second"}, "path_column=second"),
    ],
)
def test_other_columns_than_those_fetched(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    header = ("path", "label", "n", "set", "second")
    path = table(tmp_path / "mine", header, ("1.png", 1, 1, "", "a"), ("2.png", 2, 1, "", "b"))
    opened(path, tmp_path / "raw")
    same = dataset(path, label_kind="classification").open_raw(tmp_path / "raw")
    assert [image.class_name for image in same.images] == ["1", "2"]
    with pytest.raises(SpoonfulError, match=message):
        dataset(path, **settings).open_raw(tmp_path / "raw")


def test_another_table_than_the_one_fetched(tmp_path: Path) -> None:
    rows = ("1.png", "a"), ("2.png", "b"), ("3.png", "b")
    path = table(tmp_path / "mine", ("path", "label"), *rows)
    opened(path, tmp_path / "raw")
    copy = tmp_path / "mine" / "copy.csv"
    copy.write_bytes(path.read_bytes())
    dataset(copy).open_raw(tmp_path / "raw")
    path.write_text(path.read_text().replace("3.png,b", "3.png,a"))
    with pytest.raises(
        SpoonfulError, match=r"table.csv: holds other rows .*`spoonful fetch` again"
    ):
        dataset(path).open_raw(tmp_path / "raw")
    path.unlink()
    with pytest.raises(SpoonfulError, match=r"table\.csv"):
        dataset(path).open_raw(tmp_path / "raw")


def test_a_table_without_a_train_split_or_of_one_class(tmp_path: Path) -> None:
    rows = [(f"{n}.png", n % 2, "x", ("test", "val")[n % 2]) for n in range(4)]
    path = table(tmp_path / "mine", ("path", "label", "one", "set"), *rows)
    message = r"table\.csv, columns 'label', 'set': all 4 images are given to test or val"
    with pytest.raises(SpoonfulError, match=message):
        dataset(path, split_column="set").fetch(tmp_path / "raw")
    with pytest.raises(SpoonfulError, match=r"csv, column 'one': all 4 rows have the class 'x'"):
        dataset(path, label_columns=["one"]).fetch(tmp_path / "raw")
    assert not (tmp_path / "raw").exists()
    opened(path, tmp_path / "raw", label_columns=["label"], label_kind="regression")
