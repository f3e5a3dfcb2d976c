"""Training and judging read only what was made as the config says."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.project import project_root
from spoonful.sources.folder import FolderSource
from spoonful.sources.packed.source import PackedSource
from spoonful.stages import fetch, pack, split
from spoonful.workflow.data import open_train_and_val


@pytest.fixture
def packed(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with the digits, split and packed."""
    monkeypatch.chdir(project)
    project_root.cache_clear()
    config = compose_config([])
    for stage in (fetch, split, pack):
        stage.run(config)
    return project


def test_packed_splits_and_folders_hold_the_same_pixels(packed: Path) -> None:
    from_packed = open_train_and_val(compose_config([]))
    from_folder = open_train_and_val(compose_config(["source=folder"]))
    for one, other in zip(from_packed, from_folder, strict=True):
        assert isinstance(one, PackedSource)
        assert isinstance(other, FolderSource)
        indices = range(len(one))
        assert np.array_equal(one.read(indices), other.read(indices))
        assert np.array_equal(one.labels, other.labels)
        assert [one.example_id(i) for i in indices] == [other.example_id(i) for i in indices]


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (
            ["dataset.image_size=[9,9]"],
            r"image_shape \(asked for \[9, 9, 1\], packed \[8, 8, 1\]\)",
        ),
        (["dataset.resize=crop"], r"resize \(asked for crop, packed stretch\)"),
        (["pack=jpeg"], r"encoding \(asked for jpeg, packed raw\), quality"),
    ],
)
def test_a_store_of_other_settings_is_refused(
    packed: Path, overrides: list[str], words: str
) -> None:
    with pytest.raises(SpoonfulError, match=words) as caught:
        open_train_and_val(compose_config(overrides))
    assert "spoonful pack" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert len(open_train_and_val(compose_config([*overrides, "source=folder"]))) == 2


def test_a_store_of_another_split_is_refused(packed: Path) -> None:
    split.run(compose_config(["dataset.split_seed=1"]))
    with pytest.raises(SpoonfulError, match="the split, which has been made again since"):
        open_train_and_val(compose_config(["dataset.split_seed=1"]))
    pack.run(compose_config(["dataset.split_seed=1"]))
    assert len(open_train_and_val(compose_config(["dataset.split_seed=1"]))) == 2


def test_a_split_that_was_not_packed_says_what_to_run(packed: Path) -> None:
    shutil.rmtree(packed / "data" / "packed")
    with pytest.raises(SpoonfulError, match="run `spoonful pack`"):
        open_train_and_val(compose_config([]))


def test_a_split_of_another_folder_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    for class_name in ("ant", "bee"):
        (project / "mine" / class_name).mkdir(parents=True)
        for number in range(8):
            image = np.full((8, 8), number, np.uint8)
            cv2.imwrite(str(project / "mine" / class_name / f"{number}.png"), image)
    shutil.copytree(project / "mine", project / "other")
    settings = ["dataset=folder", "dataset.image_size=[8,8]", "dataset.val_fraction=0.25"]
    settings += ["dataset.test_fraction=0.25", "dataset.link=copy"]
    for stage in (fetch, split):
        stage.run(compose_config([*settings, "dataset.path=mine"]))
    for read in (pack.run, open_train_and_val):
        with pytest.raises(SpoonfulError) as caught:
            read(compose_config([*settings, "dataset.path=other"]))
        assert str(caught.value).startswith(
            f"dataset.path=other: data/split was made from {project / 'mine'}; run `spoonful fetch "
        )
    for path in ("dataset.path=./mine/", "dataset.path=null"):
        pack.run(compose_config([*settings, path]))
    monkeypatch.chdir(project / "mine")
    pack.run(compose_config([*settings, "dataset.path=../mine"]))
    moved = project.rename(project.with_name("moved"))
    monkeypatch.chdir(moved)
    project_root.cache_clear()
    pack.run(compose_config([*settings, "dataset.path=mine"]))


def test_the_test_split_is_opened_by_what_a_model_card_keeps(packed: Path) -> None:
    for overrides in ([], ["source=folder"]):
        config = compose_config(overrides)
        settings = json.loads(json.dumps(config.source.settings(config)))
        source = config.source.open("test", settings, config)
        assert source.image_shape == (8, 8, 1)
        assert isinstance(source, FolderSource if overrides else PackedSource)
