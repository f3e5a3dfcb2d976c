"""A data set of Hugging Face that is not the one that was fetched, or not in one piece."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spoonful.errors import SpoonfulError
from tests.datasets.hf_files import FEATURES, rows_of, save_dict, save_parquet, save_to_disk
from tests.datasets.test_hf_dataset import dataset, numbered, opened, png


def test_rows_that_have_changed_since_fetch(tmp_path: Path) -> None:
    save_parquet({"train": numbered(0, 5)}, tmp_path / "mine")
    opened(tmp_path / "mine")
    (path,) = (tmp_path / "mine" / "data").iterdir()
    pq.write_table(numbered(0, 4), path)
    with pytest.raises(SpoonfulError, match="had 5 images when fetched, has 4 now"):
        dataset(tmp_path / "mine").open_raw(tmp_path / "raw")


def with_classes(names: list[str]) -> pa.Table:
    """Rows whose class numbers stand for these names."""
    features = {**FEATURES, "label": {"names": names, "_type": "ClassLabel"}}
    images = [{"bytes": png(number), "path": None} for number in range(3)]
    return rows_of(images, features, label=[0, 1, 0], who=[0, 1, 1])


@pytest.mark.parametrize(
    ("second", "message"),
    [
        (["ape", "zoo"], r"train.*: column 'label' has 'ape' as class 0, .*test.* has 'zoo'"),
        (["zoo"], r"train.*: column 'label' has 1 class, but .*test.* has 2"),
        (["zoo", "ape", "x"], r"train.*: column 'label' has 3 classes, .*test.* has 2"),
        (None, r"train.*: column 'label' has no names of classes, but that of .*test.* has some"),
    ],
)
@pytest.mark.parametrize("write", [save_dict, save_parquet])
def test_files_with_other_classes_are_refused(
    tmp_path: Path, write: Any, second: list[str] | None, message: str
) -> None:
    rows = with_classes(second or [])
    if second is None:
        rows = rows_of(rows["image"].to_pylist(), {}, label=[0, 1, 0], who=[0, 1, 1])
    write({"test": with_classes(["zoo", "ape"]), "train": rows}, tmp_path / "mine")
    with pytest.raises(SpoonfulError, match=message):
        dataset(tmp_path / "mine", image_column="image").fetch(tmp_path / "raw")
    raw = opened(tmp_path / "mine", image_column="image", label_columns=["who"])
    assert [image.class_name for image in raw.images] == ["0", "1", "1"] * 2


@pytest.mark.parametrize("write", [save_dict, save_parquet])
def test_two_classes_of_one_name_are_refused(tmp_path: Path, write: Any) -> None:
    write({"train": with_classes(["ape", "zoo", "ape"])}, tmp_path / "mine")
    message = r"train.*: column 'label' has the name 'ape' for class 0 and for class 2: expected"
    with pytest.raises(SpoonfulError, match=message):
        dataset(tmp_path / "mine", image_column="image").fetch(tmp_path / "raw")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"label_columns": ["a"]}, r"label_columns=\[a\]: .* fetched with label_columns=\[label\]"),
        (
            {"group_column": "a", "label_kind": "regression"},
            r"dataset.label_kind=regression, dataset.group_column=a: data/raw was fetched with "
            r"label_kind=classification, group_column=null; run `spoonful fetch` again",
        ),
    ],
)
def test_other_columns_than_those_fetched(
    tmp_path: Path, settings: dict[str, Any], message: str
) -> None:
    save_to_disk(numbered(0, 3, a=[0, 1, 1]), tmp_path / "mine")
    opened(tmp_path / "mine", label_columns=["label"], label_kind="classification")
    dataset(tmp_path / "mine").open_raw(tmp_path / "raw")  # null stands for the same
    with pytest.raises(SpoonfulError, match=message):
        dataset(tmp_path / "mine", **settings).open_raw(tmp_path / "raw")


def test_other_data_than_that_fetched(tmp_path: Path) -> None:
    opened_rows = numbered(0, 6)
    save_to_disk(opened_rows, tmp_path / "mine")
    opened(tmp_path / "mine")
    (tmp_path / "mine").rename(tmp_path / "moved")  # the folder's own place does not matter
    dataset(tmp_path / "moved").open_raw(tmp_path / "raw")
    assert str(tmp_path) not in (tmp_path / "raw" / "images.json").read_text()
    label = pa.array([0, 1, 2, 0, 2, 1])
    save_to_disk(opened_rows.set_column(1, "label", label), tmp_path / "labels")
    (tmp_path / "named").mkdir()
    info = (tmp_path / "moved" / "dataset_info.json").read_text()
    (tmp_path / "named" / "dataset_info.json").write_text(info.replace("cat", "dog"))
    pq.write_table(opened_rows.replace_schema_metadata(None), tmp_path / "named" / "t.parquet")
    for name in ("labels", "named"):
        with pytest.raises(SpoonfulError, match=r"holds other rows than .*`spoonful fetch` again"):
            dataset(tmp_path / name).open_raw(tmp_path / "raw")


@pytest.mark.parametrize("split", ["test", "validation"])
def test_data_without_a_train_split_or_of_one_class(tmp_path: Path, split: str) -> None:
    save_dict({split: numbered(0, 6)}, tmp_path / "mine")
    with pytest.raises(SpoonfulError, match=r"mine, column 'label': all 6 images are given to "):
        dataset(tmp_path / "mine").fetch(tmp_path / "raw")
    save_to_disk(numbered(0, 6, a=["x"] * 6), tmp_path / "one")
    with pytest.raises(SpoonfulError, match=r"one, column 'a': all 6 rows have the class 'x'"):
        dataset(tmp_path / "one", label_columns=["a"]).fetch(tmp_path / "raw")
    assert not (tmp_path / "raw").exists()
