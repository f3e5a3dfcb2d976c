"""The fingerprint of class folders."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spoonful.sources.folder import FolderSource
from spoonful.sources.images.resize import RESIZES
from tests.sources.test_folder import open_folder, two_classes, write_image


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return two_classes(tmp_path / "images")


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
