"""Image files that are replaced by other valid images while a training reads them."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.sources.folder import FolderSource
from spoonful.sources.packed.check import ShardChangedError
from spoonful.workflow.folder_split import FileReplacedError, FileWatch, note_files

CONFIG = ["dataset=mnist"]


def image(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), np.full((4, 4), value, np.uint8))


@pytest.fixture
def opened(tmp_path: Path) -> tuple[FolderSource, FolderSource]:
    for split in ("train", "val"):
        for number, name in enumerate(("a", "b")):
            image(tmp_path / "own" / split / name / "0.png", number)
            (tmp_path / split / name).mkdir(parents=True)
            (tmp_path / split / name / "0.png").symlink_to(
                tmp_path / "own" / split / name / "0.png"
            )
    sources = tuple(FolderSource(tmp_path / split, (4, 4), 1) for split in ("train", "val"))
    for source in sources:
        note_files(source)
        assert len(source.content_hashes) == 2
    return sources[0], sources[1]


def with_checkpoints(tmp_path: Path, *steps: int) -> CheckpointFolder:
    for step in steps:
        (tmp_path / "checkpoints" / f"step-{step:012d}").mkdir(parents=True)
    return CheckpointFolder(tmp_path / "checkpoints")


@pytest.mark.parametrize("split", ["train", "val"])
@pytest.mark.parametrize("way", ["in place", "renamed", "same size and time"])
def test_another_image_is_noticed_and_takes_the_checkpoints_since_then_with_it(
    split: str, way: str, opened: tuple[FolderSource, FolderSource], tmp_path: Path
) -> None:
    folder = with_checkpoints(tmp_path, 3)
    watch = FileWatch(compose_config(CONFIG), opened, folder, -1)
    watch.check()
    with_checkpoints(tmp_path, 6, 9)
    own = tmp_path / "own" / split / "b" / "0.png"
    before = own.stat()
    image(own if way == "in place" else tmp_path / "new.png", 200)
    if way != "in place":
        (tmp_path / "new.png").replace(own)
    if way == "same size and time":
        os.utime(own, ns=(before.st_atime_ns, before.st_mtime_ns))
    with pytest.raises(
        FileReplacedError, match=r"b/0\.png: was replaced by another image"
    ) as caught:
        watch.check()
    assert isinstance(caught.value, ShardChangedError)  # what follows is the same
    assert folder.steps() == [3]


def test_a_training_that_begins_at_a_checkpoint_keeps_it(
    opened: tuple[FolderSource, FolderSource], tmp_path: Path
) -> None:
    folder = with_checkpoints(tmp_path, 3, 6)
    watch = FileWatch(compose_config(CONFIG), opened, folder, 3)
    image(tmp_path / "own" / "train" / "a" / "0.png", 77)
    with pytest.raises(FileReplacedError):
        watch.check_epoch()
    assert folder.steps() == [3]


def test_the_same_bytes_and_a_file_that_cannot_be_read_are_no_other_image(
    opened: tuple[FolderSource, FolderSource], tmp_path: Path
) -> None:
    folder = with_checkpoints(tmp_path, 3)
    watch = FileWatch(compose_config(CONFIG), opened, folder, -1)
    touched = tmp_path / "own" / "train" / "a" / "0.png"
    content = touched.read_bytes()
    touched.unlink()
    touched.write_bytes(content)
    (tmp_path / "own" / "train" / "b" / "0.png").write_bytes(content[:20])
    (tmp_path / "own" / "val" / "a" / "0.png").unlink()
    watch.check()
    assert folder.steps() == [3]
