"""Which links below class folders are followed."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from spoonful.sources.folder import image_files
from tests.sources.test_folder import two_classes, write_image


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return two_classes(tmp_path / "images")


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
