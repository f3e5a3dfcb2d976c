import os
import random
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import pytest

from spoonful.errors import SpoonfulError
from spoonful.sources.folder import FolderSource, image_files


def write_image(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((4, 6), value, np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


def two_classes(folder: Path) -> Path:
    """Write two classes; the files hold the grey values 10, 20, ... in the order of their ids."""
    names = ["cat/1.png", "cat/10.png", "cat/2.png", "cat/deep/er/1.png", "dog/B.png", "dog/a.png"]
    for number, name in enumerate(names):
        write_image(folder / name, 10 * (number + 1))
    return folder


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return two_classes(tmp_path / "images")


def open_folder(root: Path, **settings: Any) -> FolderSource:
    return FolderSource(root, **{"image_size": (4, 6), "num_channels": 1, **settings})


def test_classes_and_files_are_sorted_by_name(root: Path) -> None:
    source = open_folder(root)
    assert source.class_names == ("cat", "dog")
    assert source.ids[:4] == ["cat/1.png", "cat/10.png", "cat/2.png", "cat/deep/er/1.png"]
    assert source.ids[4:] == ["dog/B.png", "dog/a.png"]
    assert source.labels.tolist() == [0, 0, 0, 0, 1, 1]
    assert source.labels.dtype == np.int64
    assert len(source) == 6


def test_classes_may_be_given_and_have_no_images(root: Path) -> None:
    names = ["ant", "cat", "dog", "emu"]
    source = open_folder(root, class_names=names)
    assert source.class_names == tuple(names)
    assert source.ids == open_folder(root).ids
    assert source.labels.tolist() == [1, 1, 1, 1, 2, 2]
    assert source.fingerprint != open_folder(root).fingerprint
    assert (
        open_folder(root, class_names=["cat", "dog"]).fingerprint == open_folder(root).fingerprint
    )
    with pytest.raises(SpoonfulError, match="dog: a folder that is none of the 2 class_names"):
        open_folder(root, class_names=["ant", "cat"])


def test_folders_of_systems_are_no_classes(root: Path) -> None:
    expected = open_folder(root).ids
    for name in ("__MACOSX", "@eaDir", "cat/@eaDir", "dog/.thumbs", "cat/Thumbnails"):
        write_image(root / name / "x.png")
    assert open_folder(root).ids == expected
    junk: list[str] = []
    assert image_files(root, None, junk) == expected
    assert sorted(junk) == ["@eaDir", "__MACOSX", "cat/@eaDir", "cat/Thumbnails", "dog/.thumbs"]


class Shuffled:
    """os.scandir as a file system that lists in a random order."""

    def __init__(self, path: Any = ".") -> None:
        with SCANDIR(path) as entries:
            listed = list(entries)
        random.shuffle(listed)
        self.entries = iter(listed)

    def __iter__(self) -> Iterator["os.DirEntry[str]"]:
        return self.entries

    def __next__(self) -> "os.DirEntry[str]":
        return next(self.entries)

    def __enter__(self) -> "Shuffled":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: Any, trace: TracebackType | None
    ) -> None:
        return None

    def close(self) -> None:
        pass


SCANDIR = os.scandir


def test_the_listing_order_does_not_matter(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(20):
        write_image(root / "cat" / f"more-{number}.png", number)
        write_image(root / f"class {number}" / "deep" / "x.png", number)
    expected = open_folder(root)
    monkeypatch.setattr(os, "scandir", Shuffled)
    for seed in range(5):
        random.seed(seed)
        source = open_folder(root)
        assert source.ids == expected.ids
        assert source.labels.tolist() == expected.labels.tolist()
        assert source.fingerprint == expected.fingerprint


def test_read_gives_the_examples_asked_for_in_that_order(root: Path) -> None:
    images = open_folder(root).read([5, 0, 5, 3])
    assert images.shape == (4, 4, 6, 1)
    assert images[:, 0, 0, 0].tolist() == [60, 10, 60, 40]
    assert all(len(np.unique(image)) == 1 for image in images)
    assert open_folder(root).read([]).shape == (0, 4, 6, 1)


def test_images_come_in_the_size_and_channels_asked_for(root: Path) -> None:
    source = open_folder(root, image_size=(8, 3), num_channels=3)
    assert source.image_shape == (8, 3, 3)
    assert source.read([1]).tolist() == np.full((1, 8, 3, 3), 20).tolist()


def test_hidden_and_other_files_are_passed_over(root: Path) -> None:
    before = open_folder(root)
    for name in ("cat/.1.png", "cat/.git/1.png", ".thumbnails/1.png", "loose.png"):
        write_image(root / name)
    (root / "cat" / "notes.txt").write_text("no image")
    after = open_folder(root)
    assert after.ids == before.ids
    assert after.class_names == before.class_names
    assert after.fingerprint == before.fingerprint


def test_links_are_followed(root: Path, tmp_path: Path) -> None:
    write_image(tmp_path / "elsewhere" / "x.png", 99)
    (root / "cat" / "linked").symlink_to(tmp_path / "elsewhere")
    (root / "bird").symlink_to(tmp_path / "elsewhere")
    source = open_folder(root)
    assert source.class_names == ("bird", "cat", "dog")
    for file_id in ("bird/x.png", "cat/linked/x.png"):
        assert source.read([source.ids.index(file_id)])[0, 0, 0, 0] == 99


@pytest.mark.parametrize(
    ("link", "target"),
    [("cat/self", "cat"), ("cat/up", "."), ("cat/deep/up", "cat"), ("cat/deep/far", "..")],
)
def test_a_link_to_a_folder_above_is_not_followed(root: Path, link: str, target: str) -> None:
    before = open_folder(root).ids
    (root / link).symlink_to(root / target)
    assert open_folder(root).ids == before


def test_broken_links_are_listed_and_named_when_read(root: Path) -> None:
    (root / "cat" / "gone.png").symlink_to(root / "nowhere.png")
    (root / "cat" / "round.png").symlink_to(root / "cat" / "round.png")
    (root / "cat" / "round").symlink_to(root / "cat" / "round")
    source = open_folder(root)
    assert source.ids[4:6] == ["cat/gone.png", "cat/round.png"]
    words = (r"gone\.png: a link to .*nowhere\.png, which", r"round\.png: a link that leads to")
    for index, message in zip((4, 5), words, strict=True):
        with pytest.raises(SpoonfulError, match=message):
            source.read([index])


def test_a_folder_is_no_image_whatever_it_is_called(root: Path) -> None:
    write_image(root / "cat" / "album.png" / "1.png", 99)
    assert open_folder(root).ids[3:5] == ["cat/album.png/1.png", "cat/deep/er/1.png"]


def test_an_empty_class_is_named(root: Path) -> None:
    (root / "eel").mkdir()
    (root / "eel" / "notes.txt").write_text("no image")
    with pytest.raises(SpoonfulError, match="holds no image") as caught:
        open_folder(root)
    assert str(root / "eel") in str(caught.value)


def test_a_missing_and_an_empty_root_are_named(tmp_path: Path) -> None:
    with pytest.raises(SpoonfulError, match="no such folder") as caught:
        open_folder(tmp_path / "nowhere")
    assert str(tmp_path / "nowhere") in str(caught.value)
    with pytest.raises(SpoonfulError, match="no class folders") as caught:
        open_folder(tmp_path)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"image_size": (0, 4)}, "image_size="),
        ({"image_size": 8}, "image_size=8: expected"),
        ({"image_size": (4, 4, 3)}, "image_size="),
        ({"image_size": (4.0, 4)}, "image_size="),
        ({"num_channels": 2}, "num_channels=2"),
        ({"num_channels": 4}, "num_channels=4"),
        ({"resize": "squash"}, "resize='squash': expected one of stretch, fit, crop"),
    ],
)
def test_wrong_settings_are_named(root: Path, settings: dict[str, Any], words: str) -> None:
    with pytest.raises(SpoonfulError, match=words):
        open_folder(root, **settings)


@pytest.mark.parametrize("index", [6, -1])
def test_an_index_out_of_range_is_named(root: Path, index: int) -> None:
    with pytest.raises(SpoonfulError, match=f"index {index}: expected 0 to 5"):
        open_folder(root).read([0, index])


def test_a_file_that_broke_or_went_since_is_named(root: Path) -> None:
    source = open_folder(root)
    (root / "dog" / "a.png").write_bytes(b"")
    (root / "dog" / "B.png").unlink()
    for index, name in ((5, "a.png"), (4, "B.png")):
        with pytest.raises(SpoonfulError) as caught:
            source.read([0, index])
        assert str(root / "dog" / name) in str(caught.value)
    with pytest.raises(SpoonfulError, match=r"B\.png: cannot be read"):
        _ = source.fingerprint
