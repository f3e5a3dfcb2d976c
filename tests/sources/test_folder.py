import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import pytest

from spoonful.errors import SpoonfulError
from spoonful.sources.folder import FolderSource, image_files
from spoonful.sources.images.resize import RESIZES


def write_image(path: Path, value: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.full((4, 6), value, np.uint8)
    path.write_bytes(cv2.imencode(path.suffix, pixels)[1].tobytes())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes; the image files hold the grey values 10, 20, ... in the order of their ids."""
    names = ["cat/1.png", "cat/10.png", "cat/2.png", "cat/deep/er/1.png", "dog/B.png", "dog/a.png"]
    for number, name in enumerate(names):
        write_image(tmp_path / "images" / name, 10 * (number + 1))
    return tmp_path / "images"


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


def test_links_between_two_folders_end(root: Path) -> None:
    (root / "cat" / "to-dog").symlink_to(root / "dog")
    (root / "dog" / "to-cat").symlink_to(root / "cat")
    assert image_files(root / "dog") == [
        "B.png",
        "a.png",
        *(f"to-cat/{name}" for name in ("1.png", "10.png", "2.png", "deep/er/1.png")),
    ]


@pytest.mark.parametrize("outside", [False, True])
def test_folders_that_all_link_to_each_other_end(tmp_path: Path, outside: bool) -> None:
    number = 8  # 69,000 paths
    place = tmp_path / ("elsewhere" if outside else "root")
    (tmp_path / "root").mkdir()
    for one in range(number):
        (place / f"c{one}").mkdir(parents=True)
        (place / f"c{one}" / "x.png").touch()
        for other in range(number):
            if other != one:
                (place / f"c{one}" / f"l{other}").symlink_to(place / f"c{other}")
        if outside:
            (tmp_path / "root" / f"c{one}").symlink_to(place / f"c{one}")
    found = image_files(tmp_path / "root")
    assert {f"c{one}/x.png" for one in range(number)} <= set(found)
    assert "c3/l4/x.png" in found
    assert len(found) == len(set(found)) <= number**3


def test_links_to_one_folder_are_each_followed(root: Path, tmp_path: Path) -> None:
    """Of two classes, of one class, and of splits; the folder contains a link itself."""
    shared = tmp_path / "shared"
    write_image(shared / "deep" / "x.png", 99)
    write_image(tmp_path / "more" / "y.png", 98)
    (shared / "more").symlink_to(tmp_path / "more")
    for link in ("cat/one", "cat/two", "dog/one", "dog/train/owl"):
        (root / link).parent.mkdir(exist_ok=True)
        (root / link).symlink_to(shared)
        below = [path for path in image_files(root) if path.startswith(link)]
        assert below == [f"{link}/deep/x.png", f"{link}/more/y.png"]


def test_below_one_link_a_folder_is_listed_once_whatever_the_order_of_the_listing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_image(tmp_path / "far" / "real" / "deep" / "x.png", 99)
    write_image(tmp_path / "further" / "y.png", 98)
    for name, target in (("a", "far/real/deep"), ("b", "further"), ("c", "further")):
        (tmp_path / "far" / name).symlink_to(tmp_path / target)
    (root / "dog" / "link").symlink_to(tmp_path / "far")
    scandir = os.scandir
    for is_reverse in (False, True):

        @contextmanager
        def listed(path: Path, is_reverse: bool = is_reverse) -> Iterator[Any]:
            with scandir(path) as entries:
                yield sorted(entries, key=lambda entry: entry.name, reverse=is_reverse)

        monkeypatch.setattr(os, "scandir", listed)
        found = [path for path in image_files(root / "dog") if path.startswith("link")]
        assert found == ["link/b/y.png", "link/real/deep/x.png"]


def test_what_is_skipped_below_links_is_said(root: Path, tmp_path: Path) -> None:
    (tmp_path / "far" / ".thumbs").mkdir(parents=True)
    (tmp_path / "far" / "notes.txt").touch()
    (root / "dog" / "link").symlink_to(tmp_path / "far")
    others: list[str] = []
    junk: list[str] = []
    image_files(root, others, junk)
    assert (others, junk) == (["dog/link/notes.txt"], ["dog/link/.thumbs"])


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


def test_two_copies_have_one_fingerprint(root: Path, tmp_path: Path) -> None:
    copy = tmp_path / "another place"
    shutil.copytree(root, copy)
    for file in copy.rglob("*.png"):
        os.utime(file, (0, 0))
        file.chmod(0o400)
    assert open_folder(copy).fingerprint == open_folder(root).fingerprint


def rewrite(root: Path) -> None:
    write_image(root / "cat" / "1.png", 11)


def swap(root: Path) -> None:
    one, other = root / "cat" / "1.png", root / "cat" / "2.png"
    contents = one.read_bytes(), other.read_bytes()
    other.write_bytes(contents[0])
    one.write_bytes(contents[1])


def rename(root: Path) -> None:
    (root / "cat" / "1.png").rename(root / "cat" / "0.png")


def relabel(root: Path) -> None:
    (root / "cat" / "1.png").rename(root / "dog" / "1.png")


def rename_class(root: Path) -> None:
    (root / "cat").rename(root / "bat")


def remove(root: Path) -> None:
    (root / "cat" / "1.png").unlink()


def add(root: Path) -> None:
    write_image(root / "cat" / "new.png", 1)


@pytest.mark.parametrize("change", [rewrite, swap, rename, relabel, rename_class, remove, add])
def test_the_fingerprint_follows_content_and_names(
    root: Path, change: Callable[[Path], None]
) -> None:
    before = open_folder(root).fingerprint
    change(root)
    assert open_folder(root).fingerprint != before


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (
            {"image_size": (4, 6), "num_channels": 1},
            "906890edeef99add1378637af440912043910326a62562b6b3609e8f72f8d72d",
        ),
        (
            {"image_size": (224, 224), "resize": "stretch"},
            "2e499ea665aa7291ff4e6d95d818d875a735052549aa0aa7a9296e65dbcdd71b",
        ),
    ],
)
def test_fingerprints_are_those_of_this_version_of_the_pixels(
    tmp_path: Path, settings: dict[str, Any], expected: str
) -> None:
    for name, content in (
        ("cat/1.png", b"one"),
        ("cat/deep/2.jpg", b"two"),
        ("dog/3.webp", b"three"),
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(content)
    assert FolderSource(tmp_path, **settings).fingerprint == expected


def test_the_fingerprint_follows_the_policy(root: Path) -> None:
    assert len({open_folder(root, resize=resize).fingerprint for resize in RESIZES}) == len(RESIZES)


@pytest.mark.parametrize("settings", [{"image_size": (6, 4)}, {"num_channels": 3}])
def test_the_fingerprint_follows_the_image_shape(root: Path, settings: dict[str, Any]) -> None:
    assert open_folder(root, **settings).fingerprint != open_folder(root).fingerprint
