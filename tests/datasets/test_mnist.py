import gzip
import hashlib
import os
import struct
from collections import Counter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from spoonful.datasets import mnist
from spoonful.datasets.mnist import Mnist
from spoonful.errors import SpoonfulError

REAL_MIRROR = os.environ.get("SPOONFUL_MIRROR")
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 28, 28), dtype=np.uint8)
LABELS = [3, 1, 4, 1, 5]
NUM_TRAIN = 3


def dataset(mirror: Path | str | None, **settings: Any) -> Mnist:
    values = {
        "image_size": [28, 28],
        "resize": "stretch",
        "num_channels": 1,
        "background": [255, 255, 255],
        "max_pixels": 89_478_485,
        "val_fraction": 0.1,
        "split_seed": 0,
        "mirror": None if mirror is None else str(mirror),
        "urls": [],
        "timeout_s": 5.0,
    }
    return Mnist(**{**values, **settings})


def idx_files() -> dict[str, bytes]:
    """A small MNIST: three train and two test images."""
    files = {}
    for prefix, part in (("train", slice(0, NUM_TRAIN)), ("t10k", slice(NUM_TRAIN, None))):
        pixels, labels = PIXELS[part], bytes(LABELS[part])
        header = struct.pack(">IIII", 0x0803, len(pixels), 28, 28)
        files[f"{prefix}-images-idx3-ubyte"] = header + pixels.tobytes()
        files[f"{prefix}-labels-idx1-ubyte"] = struct.pack(">II", 0x0801, len(labels)) + labels
    return files


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> dict[str, bytes]:
    """Make the small MNIST the published one."""
    files = idx_files()
    sums = {name: hashlib.md5(content).hexdigest() for name, content in files.items()}
    monkeypatch.setattr(mnist, "MD5", sums)
    return files


def fill(folder: Path, files: dict[str, bytes], packed: bool = True) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(content))
        else:
            (folder / name).write_bytes(content)
    return folder


@pytest.mark.parametrize("packed", [True, False])
@pytest.mark.parametrize("below", ["", "mnist"])
def test_a_mirror_is_read_in_each_of_its_forms(
    tmp_path: Path, published: dict[str, bytes], below: str, packed: bool
) -> None:
    mirror = tmp_path / "mirror"
    fill(mirror / below, published, packed)
    dataset(mirror).fetch(tmp_path / "raw")
    raw = dataset(mirror).open_raw(tmp_path / "raw")
    assert np.array_equal(raw.pixels, PIXELS)
    assert [image.class_name for image in raw.images] == ["3", "1", "4", "1", "5"]
    assert [image.given_split for image in raw.images] == [None] * 3 + ["test"] * 2
    assert len({image.file_name for image in raw.images}) == 5
    raw.place(4, tmp_path / "image.png")
    placed = cv2.imread(str(tmp_path / "image.png"), cv2.IMREAD_UNCHANGED)
    assert np.array_equal(np.asarray(placed), PIXELS[4])


def test_another_compression_is_as_good(tmp_path: Path, published: dict[str, bytes]) -> None:
    mirror = fill(tmp_path / "mirror", published)
    for file in mirror.iterdir():
        file.write_bytes(gzip.compress(gzip.decompress(file.read_bytes()), 1, mtime=7))
    dataset(mirror).fetch(tmp_path / "raw")
    assert len(dataset(mirror).open_raw(tmp_path / "raw").images) == 5


def refused(mirror: Path, raw_dir: Path) -> str:
    """The one-line error of a fetch that must leave nothing behind."""
    with pytest.raises(SpoonfulError) as caught:
        dataset(mirror).fetch(raw_dir)
    assert [path.name for path in raw_dir.parent.iterdir()] == [mirror.name]
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path) -> None:
    mirror = fill(tmp_path / "mirror", idx_files())
    message = refused(mirror, tmp_path / "raw")
    assert str(mirror / "train-images-idx3-ubyte.gz") in message
    assert f"expected MD5 {mnist.MD5['train-images-idx3-ubyte']}" in message
    assert hashlib.md5(idx_files()["train-images-idx3-ubyte"]).hexdigest() in message


def test_one_changed_byte_is_refused(tmp_path: Path, published: dict[str, bytes]) -> None:
    changed = bytearray(published["t10k-labels-idx1-ubyte"])
    changed[-1] ^= 1
    mirror = fill(tmp_path / "mirror", {**published, "t10k-labels-idx1-ubyte": bytes(changed)})
    message = refused(mirror, tmp_path / "raw")
    assert str(mirror / "t10k-labels-idx1-ubyte.gz") in message
    assert "expected MD5" in message


@pytest.mark.parametrize("kept_bytes", [0, 5, -4])
def test_a_cut_off_file_is_named(
    tmp_path: Path, published: dict[str, bytes], kept_bytes: int
) -> None:
    mirror = fill(tmp_path / "mirror", published)
    broken = mirror / "t10k-images-idx3-ubyte.gz"
    broken.write_bytes(broken.read_bytes()[:kept_bytes])
    assert str(broken) in refused(mirror, tmp_path / "raw")


def test_a_missing_file_is_named(tmp_path: Path, published: dict[str, bytes]) -> None:
    mirror = fill(tmp_path / "mirror", published)
    (mirror / "train-labels-idx1-ubyte.gz").unlink()
    message = refused(mirror, tmp_path / "raw")
    assert "train-labels-idx1-ubyte.gz" in message
    assert f"dataset.mirror={mirror}" in message


def test_a_refused_fetch_keeps_what_was_there(tmp_path: Path, published: dict[str, bytes]) -> None:
    mirror = fill(tmp_path / "mirror", published)
    dataset(mirror).fetch(tmp_path / "raw")
    (mirror / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(SpoonfulError):
        dataset(mirror).fetch(tmp_path / "raw")
    assert len(dataset(mirror).open_raw(tmp_path / "raw").images) == 5


@pytest.mark.parametrize("lost", [None, "t10k-labels-idx1-ubyte"])
def test_opening_before_fetching_says_what_to_run(
    tmp_path: Path, published: dict[str, bytes], lost: str | None
) -> None:
    if lost is not None:
        fill(tmp_path, published, packed=False)
        (tmp_path / lost).unlink()
    with pytest.raises(SpoonfulError, match="spoonful fetch dataset=mnist"):
        dataset(None).open_raw(tmp_path)


@pytest.mark.skipif(
    REAL_MIRROR is None, reason="SPOONFUL_MIRROR does not name a folder with the MNIST files"
)
def test_the_real_mnist(tmp_path: Path) -> None:
    dataset(REAL_MIRROR).fetch(tmp_path / "raw")
    raw = dataset(REAL_MIRROR).open_raw(tmp_path / "raw")
    assert raw.pixels.shape == (70_000, 28, 28)
    assert Counter(image.given_split for image in raw.images) == {None: 60_000, "test": 10_000}
    # The first labels and the class counts that everyone knows.
    names = [image.class_name for image in raw.images]
    assert names[:5] == ["5", "0", "4", "1", "9"]
    assert names[60_000:60_005] == ["7", "2", "1", "0", "4"]
    assert Counter(names[:60_000])["1"] == 6_742
    assert Counter(names[60_000:])["5"] == 892
    assert round(float(raw.pixels[:60_000].mean()), 4) == 33.3184
