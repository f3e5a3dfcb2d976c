import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spoonful.errors import SpoonfulError
from spoonful.sources import threads
from spoonful.sources.array import ArraySource
from spoonful.sources.folder import FolderSource
from spoonful.sources.images.decode import decode_image
from spoonful.sources.images.resize import RESIZES

WRITERS: dict[str, Callable[[NDArray[np.uint8], Path], Any]] = {
    "png": lambda image, path: cv2.imwrite(str(path), image),
    "adaptive.png": lambda image, path: Image.fromarray(image).save(path),
    "large.png": lambda image, path: cv2.imwrite(str(path), cv2.resize(image, (41, 30))),
    "bmp": lambda image, path: cv2.imwrite(str(path), image),
    "jpg": lambda image, path: cv2.imwrite(str(path), image),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """500 files of several kinds, most of them tiny PNG files, in two classes."""
    images = np.random.default_rng(0).integers(0, 256, (500, 9, 7), np.uint8)
    for number, image in enumerate(images):
        kind = list(WRITERS)[max(0, number % 20 - 15)]
        path = tmp_path / "images" / f"class{number % 2}" / f"{number:03}.{kind}"
        path.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[kind](image, path)
    return tmp_path / "images"


def one_by_one(source: FolderSource) -> NDArray[np.uint8]:
    images = np.zeros((len(source), *source.image_shape), np.uint8)
    for image, name in zip(images, source.ids, strict=True):
        decode_image(source.root / name, image, source.resize)
    return images


@pytest.mark.parametrize("resize", RESIZES)
@pytest.mark.parametrize("num_channels", [1, 3])
@pytest.mark.parametrize("size", [(9, 7), (12, 12)])
def test_tiny_files_are_what_decode_image_makes_of_them(
    root: Path, size: tuple[int, int], num_channels: int, resize: str
) -> None:
    source = FolderSource(root, size, num_channels, resize)
    expected = one_by_one(source)
    order = np.random.default_rng(1).permutation(np.repeat(np.arange(500), 2))
    assert np.array_equal(source.read(order), expected[order])
    plain = [index for index in range(500) if source.ids[index].count(".") == 1]
    assert np.array_equal(source.read(plain), expected[plain])


def test_read_into_fills_what_it_is_given_and_nothing_else(root: Path) -> None:
    source = FolderSource(root, (9, 7), 1)
    images = np.full((300, 9, 7, 1), 99, np.uint8)
    source.read_into(np.arange(200)[::-1], images[50:250])
    assert np.array_equal(images[50:250], source.read(range(200))[::-1])
    assert np.all(images[:50] == 99)
    assert np.all(images[250:] == 99)
    source.read_into([], images[:0])


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((3, 9, 7, 1), np.uint8),
        np.zeros((2, 9, 7, 3), np.uint8),
        np.zeros((2, 9, 7), np.uint8),
        np.zeros((2, 9, 7, 1), np.int8),
        np.zeros((4, 9, 7, 1), np.uint8)[::2],
        np.frombuffer(bytes(2 * 9 * 7), np.uint8).reshape(2, 9, 7, 1),
    ],
)
def test_memory_that_does_not_fit_is_refused(root: Path, images: NDArray[np.uint8]) -> None:
    arrays = ArraySource(np.zeros((5, 9, 7), np.uint8), [0] * 5)
    for source in (FolderSource(root, (9, 7), 1), arrays):
        with pytest.raises(SpoonfulError, match=r"expected writable, contiguous uint8 .*\(2, 9, 7"):
            source.read_into([0, 1], images)
        with pytest.raises(SpoonfulError, match="index 999"):
            source.read_into([0, 999], np.zeros((2, 9, 7, 1), np.uint8))


def test_a_tiny_file_that_broke_is_named(root: Path) -> None:
    source = FolderSource(root, (9, 7), 1)
    path = root / source.ids[7]
    whole = path.read_bytes()
    for broken in (whole[:-20], whole[:40] + b"?" + whole[41:], b""):
        path.write_bytes(broken)
        with pytest.raises(SpoonfulError, match=r"a damaged PNG image|an empty file") as caught:
            source.read(range(20))
        assert str(path) in str(caught.value)


def test_many_threads_read_the_same_bytes(root: Path) -> None:
    source = FolderSource(root, (20, 16), 3)
    expected = one_by_one(source)
    images = np.zeros_like(expected)
    parts = [np.arange(first, 500, 8) for first in range(8)]

    def read(part: NDArray[np.int64]) -> None:
        for _ in range(3):
            images[part] = source.read(part)

    running = [threading.Thread(target=read, args=(part,)) for part in parts]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    assert np.array_equal(images, expected)


def test_examples_are_called_by_their_path_below_the_root(root: Path) -> None:
    source = FolderSource(root, (9, 7), 1)
    assert source.example_id(0) == "class0/000.png"
    assert [source.example_id(index) for index in range(500)] == source.ids


def grow(root: Path, num_bytes: int) -> None:
    for path in root.rglob("*.*"):
        os.truncate(path, num_bytes)


def test_one_thread_is_enough_for_tiny_files(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "num_processors", lambda: 6)
    assert FolderSource(root, (9, 7), 1).max_useful_threads == 1
    grow(root, 30_000)
    assert FolderSource(root, (9, 7), 1).max_useful_threads == 6


def test_a_few_files_tell_how_many_threads_are_useful(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = FolderSource(root, (9, 7), 1)
    looked_at = []
    stat = os.stat

    def spy(path: Any, **options: Any) -> os.stat_result:
        looked_at.append(str(path))
        return stat(path, **options)

    monkeypatch.setattr(os, "stat", spy)
    (root / source.ids[0]).unlink()
    assert source.max_useful_threads == source.max_useful_threads == 1
    in_root = [path for path in looked_at if path.startswith(str(root))]
    assert 20 <= len(in_root) <= 64
    assert len(set(in_root)) == len(in_root)


def test_the_processors_of_this_process_are_counted() -> None:
    assert 1 <= threads.num_processors() <= (os.cpu_count() or 1)
