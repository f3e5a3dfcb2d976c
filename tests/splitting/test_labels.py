import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful import ManifestSource
from spoonful.datasets.raw import RawImage
from spoonful.datasets.table_list import RawTable, flat_name
from spoonful.files.content_hash import content_hash
from spoonful.sources.labels import LabelKind
from spoonful.sources.labels_file import LABELS_NAME, file_column, label_columns
from spoonful.splitting.digests import data_digest, split_digest
from spoonful.splitting.labels import label_summary
from spoonful.splitting.placing import place

PNG = cv2.imencode(".png", np.zeros((2, 2), np.uint8))[1].tobytes()
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=20)
PATHS = st.lists(st.text("ab_./-é", min_size=1, max_size=300), min_size=1, max_size=5)


class Files:
    def read(self, position: int) -> bytes:
        return PNG

    def place(self, position: int, target: Path) -> None:
        target.write_bytes(PNG)

    def origin(self, position: int) -> str:
        return str(position)


def raw_table(
    kind: LabelKind, names: tuple[str, ...], rows: list[tuple[str, tuple[float, ...] | None]]
) -> RawTable:
    images = [
        RawImage(name, f"{number}.png", labels=labels) for number, (name, labels) in enumerate(rows)
    ]
    return RawTable(images, kind, names, Files())


def opened(folder: Path, raw: RawTable) -> ManifestSource:
    summary = label_summary(raw, raw.images)
    columns = label_columns(raw.label_kind, summary["class_names"])
    return ManifestSource(
        folder / "train" / LABELS_NAME,
        (2, 2),
        1,
        path_column=file_column(columns),
        label_columns=columns,
        label_kind=summary["label_kind"],
        class_names=summary["class_names"],
    )


@settings(deadline=None, max_examples=50)
@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_classes_of_any_text_come_back(class_names: list[str]) -> None:
    raw = raw_table(LabelKind.CLASSIFICATION, (), [(name, None) for name in class_names])
    with TemporaryDirectory() as name:
        place(raw, ["train"] * len(class_names), Path(name))
        source = opened(Path(name), raw)
        found = {source.ids[i]: source.class_names[label] for i, label in enumerate(source.labels)}
    assert found == {f"images/{i}.png": name for i, name in enumerate(class_names)}


@settings(deadline=None, max_examples=50)
@given(
    st.lists(TEXTS, min_size=1, max_size=3, unique=True),
    st.lists(
        st.lists(st.floats(-3e38, 3e38, allow_nan=False), min_size=3, max_size=3),
        min_size=1,
        max_size=4,
    ),
)
def test_numbers_come_back_to_the_bit(names: list[str], values: list[list[float]]) -> None:
    rows = [("all", tuple(row[: len(names)])) for row in values]
    raw = raw_table(LabelKind.REGRESSION, tuple(names), [*rows])
    with TemporaryDirectory() as name:
        place(raw, ["train"] * len(rows), Path(name))
        source = opened(Path(name), raw)
    assert source.class_names == tuple(names)
    assert source.labels.tolist() == [list(row) for _, row in rows]


def test_a_label_may_be_called_as_the_column_of_the_files(tmp_path: Path) -> None:
    raw = raw_table(LabelKind.MULTILABEL, ("file", "file_"), [("all", (1.0, 0.0))])
    listed = place(raw, ["train"], tmp_path)
    assert opened(tmp_path, raw).labels.tolist() == [[1, 0]]
    with (tmp_path / "train" / LABELS_NAME).open(newline="") as file:
        assert list(csv.reader(file)) == [["file__", "file", "file_"], ["images/0.png", "1", "0"]]
    expected = content_hash(tmp_path / "train" / LABELS_NAME)
    assert listed == [
        ("train/images/0.png", content_hash(tmp_path / "train" / "images" / "0.png")),
        (f"train/{LABELS_NAME}", expected),
    ]


def test_the_bytes_do_not_depend_on_the_order_of_the_rows(tmp_path: Path) -> None:
    raw = raw_table(LabelKind.CLASSIFICATION, (), [("b", None), ("a", None), ("b", None)])
    place(raw, ["train"] * 3, tmp_path / "one")
    raw.images.reverse()
    place(raw, ["train"] * 3, tmp_path / "two")
    one, two = ((tmp_path / name / "train" / LABELS_NAME).read_bytes() for name in ("one", "two"))
    assert one == two


def test_a_changed_label_is_other_data() -> None:
    for labels in ((1.0,), (0.5,)):
        images = [RawImage("all", "0.png", labels=labels), RawImage("all", "1.png", labels=(1.0,))]
        digests = data_digest(images), split_digest(images, ["train", "val"])
        if labels == (1.0,):
            first = digests
    assert digests[0] != first[0]
    assert digests[1] != first[1]


@settings(max_examples=300)
@given(PATHS)
def test_no_two_paths_give_one_name(paths: list[str]) -> None:
    names = {path: flat_name(path) for path in paths}
    assert len(set(names.values())) == len(set(paths))
    for path, name in names.items():
        assert "/" not in name
        assert name not in ("", ".", "..")
        assert len(name.encode()) <= 200
        assert flat_name(path) == name


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("a.png", "a.png"),
        ("a/b c/ö.png", "a__b c__ö.png"),
        ("a__b.png", "a__b-"),
        ("a/_b.png", "a___b-"),
        ("_/b", "___b-"),
        ("x" * 300 + ".jpg", "x" * 179 + "-"),
    ],
)
def test_names_stay_readable(path: str, name: str) -> None:
    assert flat_name(path).startswith(name)
    assert flat_name(path).rpartition(".")[2] == path.rpartition(".")[2] or "." not in path
