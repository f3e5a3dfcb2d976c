import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spoonful.datasets.hf_dataset import HfDataset
from spoonful.datasets.table_list import RawTable
from spoonful.errors import SpoonfulError
from tests.datasets.common import COMMON
from tests.datasets.hf_files import FEATURES, rows_of, save_dict, save_parquet, save_to_disk

NAMES: list[str] = FEATURES["label"]["names"]


def png(value: int) -> bytes:
    return cv2.imencode(".png", np.full((3, 4), value, np.uint8))[1].tobytes()


def numbered(start: int, count: int, **columns: Any) -> pa.Table:
    """Rows whose images hold the grey values from `start` on, and whose labels follow them."""
    numbers = range(start, start + count)
    images = [{"bytes": png(number), "path": None} for number in numbers]
    return rows_of(images, FEATURES, label=[number % 3 for number in numbers], **columns)


def dataset(path: Path | None, **settings: Any) -> HfDataset:
    values = {
        "path": None if path is None else str(path),
        "image_column": None,
        "label_columns": None,
        "label_kind": None,
        "group_column": None,
        **COMMON,
    }
    return HfDataset(**{**values, **settings})


def opened(path: Path, **settings: Any) -> RawTable:
    raw_dir = path.parent / "raw"
    dataset(path, **settings).fetch(raw_dir)
    return dataset(path, **settings).open_raw(raw_dir)


def values(raw: RawTable) -> list[int]:
    pixels: Any = [
        cv2.imdecode(np.frombuffer(raw.read(position), np.uint8), 0)
        for position in range(len(raw.images))
    ]
    return [int(image[0, 0]) for image in pixels]


@pytest.mark.parametrize("write", [save_dict, save_parquet])
@pytest.mark.parametrize("num", [1, 3])
def test_splits_of_arrow_and_parquet_files(tmp_path: Path, write: Any, num: int) -> None:
    splits = {"train": numbered(0, 10), "validation": numbered(10, 3), "test": numbered(13, 4)}
    write(splits, tmp_path / "mine", num)
    raw = opened(tmp_path / "mine")
    if write is save_parquet:  # their names are sorted
        expected = [*range(13, 17), *range(10), *range(10, 13)]
    else:
        expected = list(range(17))
    assert values(raw) == expected
    assert [image.class_name for image in raw.images] == [NAMES[n % 3] for n in expected]
    given = {image.file_name: image.given_split for image in raw.images}
    assert given["train-0000009.png"] == "train"
    assert given["validation-0000002.png"] == "val"
    assert given["test-0000000.png"] == "test"
    assert len(given) == 17
    raw.place(3, tmp_path / "placed")
    assert (tmp_path / "placed").read_bytes() == raw.read(3) == png(expected[3])


def test_a_single_data_set_has_no_given_splits(tmp_path: Path) -> None:
    save_to_disk(numbered(0, 10), tmp_path / "mine", 2, _split="train")
    raw = opened(tmp_path / "mine")
    assert values(raw) == list(range(10))
    assert {image.given_split for image in raw.images} == {None}
    assert raw.origin(7) == f"{tmp_path / 'mine' / 'data-00001-of-00002.arrow'}, row 2"
    found = dataset(tmp_path / "mine").original_path(
        tmp_path / "raw", "val", "images/row-0000007.png"
    )
    assert found == raw.origin(7)


def test_so_many_images_of_each_class(tmp_path: Path) -> None:
    save_to_disk(numbered(0, 30), tmp_path / "mine", 4)
    whole = opened(tmp_path / "mine")
    raw = dataset(tmp_path / "mine", max_images_per_class=2).open_raw(tmp_path / "raw")
    assert [image.class_name for image in raw.images].count(NAMES[0]) == 2
    assert len(raw.images) == 6
    for position, image in enumerate(raw.images):
        assert raw.read(position) == whole.read(whole.images.index(image))


def test_images_that_are_files(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "far.png").write_bytes(png(7))
    (tmp_path / "mine" / "near.png").write_bytes(png(8))
    images = [
        {"bytes": None, "path": str(tmp_path / "far.png")},
        {"bytes": None, "path": "near.png"},
        {"bytes": png(9), "path": "nowhere.png"},
    ]
    pq.write_table(rows_of(images, FEATURES, label=[0, 1, 2]), tmp_path / "mine" / "all.parquet")
    assert values(opened(tmp_path / "mine")) == [7, 8, 9]
    assert values(opened(tmp_path / "mine" / "all.parquet")) == [7, 8, 9]


def test_threads_and_processes_read_the_same(tmp_path: Path) -> None:
    save_parquet({"train": numbered(0, 100)}, tmp_path / "mine", 10)
    raw = pickle.loads(pickle.dumps(opened(tmp_path / "mine")))
    order = np.random.default_rng(0).permutation(400) % 100
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(raw.read, order.tolist()))
    assert found == [png(number) for number in order]


@pytest.mark.parametrize("kind", ["Sequence", "List", None])
def test_lists_of_classes_are_labels_of_zero_or_one(tmp_path: Path, kind: str | None) -> None:
    feature = {"feature": FEATURES["label"], "_type": kind} if kind else [FEATURES["label"]]
    images = [{"bytes": png(n), "path": None} for n in range(3)]
    rows = rows_of(images, {"image": FEATURES["image"], "tags": feature}, tags=[[0, 2], [], [1]])
    save_to_disk(rows, tmp_path / "mine")
    raw = opened(tmp_path / "mine")
    assert [image.labels for image in raw.images] == [(1, 0, 1), (0, 0, 0), (0, 1, 0)]
    assert raw.label_names == tuple(NAMES)
    with pytest.raises(SpoonfulError, match="holds lists of classes"):
        dataset(tmp_path / "mine", label_kind="classification").fetch(tmp_path / "raw")


def test_other_columns_as_labels_and_groups(tmp_path: Path) -> None:
    rows = numbered(0, 3, x=[0.5, 1.5, 2.5], who=["a", None, "a"], a=[True, False, True])
    save_to_disk(rows, tmp_path / "mine")
    raw = opened(
        tmp_path / "mine", label_columns=["x"], label_kind="regression", group_column="who"
    )
    assert [image.labels for image in raw.images] == [(0.5,), (1.5,), (2.5,)]
    assert [image.group for image in raw.images] == ["a", None, "a"]
    raw = opened(tmp_path / "mine", label_columns=["a"], label_kind="multilabel")
    assert [image.labels for image in raw.images] == [(1,), (0,), (1,)]


def test_all_rows_that_are_wrong_are_named_at_once(tmp_path: Path) -> None:
    images = [
        {"bytes": png(0), "path": None},
        {"bytes": None, "path": None},
        {"bytes": None, "path": "none.png"},
        None,
    ]
    save_dict({"train": rows_of(images, FEATURES, label=[-1, 0, None, 3])}, tmp_path / "mine")
    with pytest.raises(SpoonfulError) as caught:
        dataset(tmp_path / "mine").fetch(tmp_path / "raw")
    message = str(caught.value)
    assert "3 rows without a label in column 'label': train-0000000, train-0000002, " in message
    assert "2 rows without an image in column 'image': train-0000001, train-0000003" in message
    assert "1 row whose image is in a file that cannot be read: train-0000002" in message
    assert not (tmp_path / "raw").exists()


def broken(folder: Path, how: str) -> None:
    """Write a data set and break it."""
    if how == "empty":
        folder.mkdir()
        return
    split = "extra" if how == "split" else "train"
    if how == "no rows":
        save_to_disk(numbered(0, 3).slice(0, 0), folder)
        return
    if how == "selection":
        indices = [{"filename": "indices.arrow"}]
        save_to_disk(numbered(0, 3), folder, _indices_data_files=indices)
        return
    save_dict({split: numbered(0, 9)}, folder, 2)
    shard = folder / split / "data-00001-of-00002.arrow"
    state_path = folder / split / "state.json"
    if how == "missing":
        shard.unlink()
    elif how == "no files":
        state_path.write_text(json.dumps({"_data_files": []}))
    elif how == "cut":
        shard.write_bytes(shard.read_bytes()[:200])
    elif how == "rubbish":
        shard.write_bytes(b"rubbish " * 9)
    elif how == "json":
        state_path.write_text("{")
    elif how == "outside":
        state_path.write_text(json.dumps({"_data_files": [{"filename": "../../secret.arrow"}]}))
    elif how == "mixed":
        (folder / "dataset_dict.json").unlink()
        pq.write_table(numbered(0, 3), folder / "more.parquet")


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("empty", "holds neither dataset_dict.json nor state.json"),
        ("split", "the split 'extra' is none of train, training, val"),
        ("selection", r"save it again after flatten_indices\(\)"),
        ("no files", r"train/state\.json: its list _data_files is empty, so there are no images"),
        ("no rows", r"dataset\.path=.*mine: holds no rows"),
        ("missing", "data-00001-of-00002.arrow is missing, which state.json names"),
        ("cut", "data-00001-of-00002.arrow: cannot be read as an Arrow stream"),
        ("rubbish", "data-00001-of-00002.arrow: cannot be read as an Arrow stream"),
        ("json", "state.json: expected JSON"),
        ("outside", "expected names of files or folders in it, found '../../secret.arrow'"),
        ("mixed", "holds Parquet and Arrow files"),
    ],
)
def test_what_is_no_data_set_is_said_in_one_line(tmp_path: Path, how: str, message: str) -> None:
    broken(tmp_path / "mine", how)
    with pytest.raises(SpoonfulError, match=message) as caught:
        dataset(tmp_path / "mine").fetch(tmp_path / "raw")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"image_column": "label"}, "has values of type int64 there: expected images"),
        ({"image_column": "picture"}, "has no column 'picture'; it has 'image', 'label', 'x'"),
        ({"label_columns": ["y"]}, "has no column 'y'"),
        ({"group_column": "y"}, "has no column 'y'"),
        ({"label_columns": []}, r"^dataset\.label_columns=\[\]: expected a list of different"),
        ({"label_columns": ["x"]}, r"type double.*label_kind=regression"),
    ],
)
def test_wrong_keys(tmp_path: Path, settings: dict[str, Any], message: str) -> None:
    save_to_disk(numbered(0, 3, x=[0.5, 1.5, 2.5]), tmp_path / "mine")
    with pytest.raises(SpoonfulError, match=message):
        dataset(tmp_path / "mine", **settings).fetch(tmp_path / "raw")


def test_no_path(tmp_path: Path) -> None:
    with pytest.raises(SpoonfulError, match=r"dataset\.path is not set"):
        dataset(None).fetch(tmp_path / "raw")
    with pytest.raises(SpoonfulError, match=r"none: no such folder"):
        dataset(tmp_path / "none").fetch(tmp_path / "raw")


def test_what_the_columns_do_not_tell_is_asked_for(tmp_path: Path) -> None:
    rows = numbered(0, 3).append_column("second", numbered(0, 3)["image"])
    pq.write_table(rows.replace_schema_metadata(None), tmp_path / "t.parquet")
    with pytest.raises(SpoonfulError, match=r"several columns of images \('image', 'second'\)"):
        dataset(tmp_path / "t.parquet").fetch(tmp_path / "raw")
    with pytest.raises(SpoonfulError, match="has no ClassLabel"):
        dataset(tmp_path / "t.parquet", image_column="image").fetch(tmp_path / "raw")
    raw = opened(tmp_path / "t.parquet", image_column="second", label_columns=["label"])
    assert [image.class_name for image in raw.images] == ["0", "1", "2"]
