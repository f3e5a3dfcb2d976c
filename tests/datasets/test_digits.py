import socket
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from sklearn.datasets import load_digits

from spoonful.datasets import digits
from spoonful.datasets.digits import Digits
from spoonful.errors import SpoonfulError

DIGITS = Digits(
    image_size=[8, 8],
    resize="stretch",
    num_channels=1,
    background=[255, 255, 255],
    max_pixels=89_478_485,
    val_fraction=0.1,
    test_fraction=0.2,
    split_seed=0,
)


@pytest.fixture
def raw_dir(tmp_path: Path) -> Path:
    DIGITS.fetch(tmp_path / "raw")
    return tmp_path / "raw"


def test_the_images_are_those_of_scikit_learn(raw_dir: Path) -> None:
    raw = DIGITS.open_raw(raw_dir)
    published = load_digits()
    assert raw.pixels.shape == (1797, 8, 8)
    assert raw.pixels.dtype == np.uint8
    assert (raw.pixels.min(), raw.pixels.max()) == (0, 255)
    np.testing.assert_allclose(raw.pixels, published.images * 255 / 16, atol=0.51)
    assert [int(image.class_name) for image in raw.images] == published.target.tolist()
    assert len(Counter(image.class_name for image in raw.images)) == 10
    assert len({image.file_name for image in raw.images}) == 1797
    assert {image.given_split for image in raw.images} == {None}


def test_a_placed_image_is_a_png_of_its_pixels(raw_dir: Path, tmp_path: Path) -> None:
    raw = DIGITS.open_raw(raw_dir)
    for position in (0, 1796):
        raw.place(position, tmp_path / "image.png")
        decoded = cv2.imread(str(tmp_path / "image.png"), cv2.IMREAD_UNCHANGED)
        assert np.array_equal(np.asarray(decoded), raw.pixels[position])


def test_fetching_and_placing_twice_gives_the_same_bytes(raw_dir: Path, tmp_path: Path) -> None:
    DIGITS.fetch(tmp_path / "again")
    files = [sorted(folder.iterdir()) for folder in (raw_dir, tmp_path / "again")]
    assert [file.name for file in files[0]] == [file.name for file in files[1]]
    assert [file.read_bytes() for file in files[0]] == [file.read_bytes() for file in files[1]]
    targets = [tmp_path / "one.png", tmp_path / "two.png"]
    for folder, target in zip((raw_dir, tmp_path / "again"), targets, strict=True):
        DIGITS.open_raw(folder).place(42, target)
    assert targets[0].read_bytes() == targets[1].read_bytes()


def test_no_network_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*arguments: Any, **settings: Any) -> socket.socket:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "socket", no_network)
    DIGITS.fetch(tmp_path / "raw")
    assert len(DIGITS.open_raw(tmp_path / "raw").images) == 1797


def test_another_table_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(digits, "SHA256", "0" * 64)
    with pytest.raises(SpoonfulError, match="expected SHA-256 0000"):
        DIGITS.fetch(tmp_path / "raw")
    assert list(tmp_path.iterdir()) == []


def test_opening_before_fetching_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(SpoonfulError, match="spoonful fetch dataset=digits"):
        DIGITS.open_raw(tmp_path)
