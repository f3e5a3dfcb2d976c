import gzip
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful.datasets.arrays import Arrays
from spoonful.datasets.raw import RawArrays
from spoonful.errors import SpoonfulError

RANDOM = np.random.default_rng(0)
GREY = RANDOM.integers(0, 256, (12, 5, 6), dtype=np.uint8)
COLOUR = RANDOM.integers(0, 256, (12, 5, 6, 3), dtype=np.uint8)
LABELS = np.arange(12) % 3


def dataset(path: Path | None) -> Arrays:
    return Arrays(
        path=None if path is None else str(path),
        image_size=[8, 8],
        resize="stretch",
        num_channels=1,
        background=[255, 255, 255],
        max_pixels=89_478_485,
        val_fraction=0.1,
        test_fraction=0.2,
        split_seed=0,
    )


def opened(path: Path) -> RawArrays:
    raw_dir = path.parent / "raw"
    dataset(path).fetch(raw_dir)
    return dataset(path).open_raw(raw_dir)


def npz(path: Path, **arrays: Any) -> Path:
    np.savez(path, **arrays)
    return path


def idx(array: NDArray[Any], code: int = 8) -> bytes:
    big = array.astype(array.dtype.newbyteorder(">"))
    return struct.pack(f">HBB{array.ndim}I", 0, code, array.ndim, *array.shape) + big.tobytes()


def idx_folder(folder: Path, start: str = "", end: str = "") -> Path:
    """Write a training and a test pair, as those of MNIST."""
    folder.mkdir(exist_ok=True)
    for name, count in (("train", 12), ("t10k", 4)):
        for what, array in (("images-idx3", GREY), ("labels-idx1", LABELS.astype(np.uint8))):
            content = idx(array[:count])
            packed = gzip.compress(content) if end else content
            (folder / f"{start}{name}-{what}-ubyte{end}").write_bytes(packed)
    return folder


def pixels(raw: RawArrays, position: int) -> NDArray[Any]:
    decoded: Any = cv2.imdecode(np.frombuffer(raw.read(position), np.uint8), cv2.IMREAD_UNCHANGED)
    found = decoded if decoded.ndim == 2 else decoded[..., [2, 1, 0, 3][: decoded.shape[2]]]
    return np.asarray(found)


@pytest.mark.parametrize(("start", "end"), [("", ""), ("", ".gz"), ("emnist-letters-", ".gz")])
def test_idx_files(tmp_path: Path, start: str, end: str) -> None:
    folder = idx_folder(tmp_path / "mine", start, end)
    (folder / "readme.txt").write_text("not an array")
    raw = opened(folder)
    assert [image.class_name for image in raw.images] == [
        str(n % 3) for n in (*range(12), *range(4))
    ]
    assert [image.given_split for image in raw.images] == ["train"] * 12 + ["test"] * 4
    assert len({image.key for image in raw.images}) == 16
    assert np.array_equal(pixels(raw, 11), GREY[11])
    assert np.array_equal(pixels(raw, 13), GREY[1])


@pytest.mark.parametrize(
    "names",
    [
        {"train": ("x_train", "y_train"), "test": ("x_test", "y_test")},
        {"train": ("train_images", "train_labels"), "val": ("val_images", "val_labels")},
        {"train": ("X.train", "targets-train"), "val": ("Validation X", "Validation Y")},
        {None: ("images", "labels")},
        {None: ("x", "y")},
    ],
)
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_files(
    tmp_path: Path, names: dict[str | None, tuple[str, str]], save: Callable[..., None]
) -> None:
    arrays: dict[str, Any] = {"unrelated": np.zeros(3)}
    for images, labels in names.values():
        arrays |= {images: GREY, labels: LABELS.astype(np.int16)[:, np.newaxis]}
    save(tmp_path / "a.npz", **arrays)
    raw = opened(tmp_path / "a.npz")
    assert [image.given_split for image in raw.images] == [name for name in names for _ in GREY]
    assert [image.class_name for image in raw.images] == [str(n) for n in LABELS] * len(names)
    assert np.array_equal(pixels(raw, len(raw.images) - 1), GREY[-1])


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_colours_keep_their_order(tmp_path: Path, channels: int) -> None:
    images = RANDOM.integers(0, 256, (4, 5, 6, channels), dtype=np.uint8)
    raw = opened(npz(tmp_path / "a.npz", x=images, y=LABELS[:4]))
    assert np.array_equal(pixels(raw, 2), images[2] if channels > 1 else images[2, ..., 0])


def test_folders_of_many_classes_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    raw = opened(npz(tmp_path / "a.npz", x=GREY, y=np.arange(12) * 11))
    names = [image.class_name for image in raw.images]
    assert names[:3] == ["000", "011", "022"]
    assert names == sorted(names)


def test_so_many_images_of_each_class(tmp_path: Path) -> None:
    whole = opened(npz(tmp_path / "a.npz", x=GREY, y=LABELS))
    few = dataset(tmp_path / "a.npz")
    few.max_images_per_class = 2
    raw = few.open_raw(tmp_path / "raw")
    assert sorted(image.class_name for image in raw.images) == ["0", "0", "1", "1", "2", "2"]
    for position, image in enumerate(raw.images):
        assert raw.read(position) == whole.read(whole.images.index(image))


def test_pixels_stay_on_disk_and_are_checked(tmp_path: Path) -> None:
    raw = opened(npz(tmp_path / "a.npz", x=GREY, y=LABELS))
    assert isinstance(raw.pixels, np.memmap)
    path = tmp_path / "raw" / "images.npy"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(SpoonfulError, match=r"images\.npy: expected SHA-256"):
        dataset(tmp_path / "a.npz").open_raw(tmp_path / "raw")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": GREY / 255, "y": LABELS}, r"dtype float64: expected uint8 .*if they are 0\.\.1"),
        ({"x": COLOUR[..., 0, 0], "y": LABELS}, r"images of shape \[12, 5\] and dtype uint8"),
        ({"x": np.moveaxis(COLOUR, -1, 1), "y": LABELS}, "move the channels last"),
        ({"x": GREY[:0], "y": LABELS[:0]}, r"images of shape \[0, 5, 6\]"),
        ({"x": GREY}, r"holds no labels beside x: expected one array of images and one of labels"),
        ({"y_train": LABELS}, "holds no images beside y_train: .* for train"),
        ({"x": GREY, "y": LABELS[1:]}, r"labels of shape \[11\].*the class of each of the 12"),
        ({"x": GREY, "y": LABELS / 2}, r"labels of shape \[12\] and dtype float64"),
        ({"x": GREY, "y": np.eye(12, dtype=int)}, r"labels of shape \[12, 12\]"),
        ({"x": GREY, "y": LABELS - 1}, "label -1 of image 0: expected a whole number from 0 to"),
        (
            {"x": GREY, "y": np.full(12, 2**64 - 1, np.uint64)},
            "label 18446744073709551615 of image",
        ),
        (
            {"x": GREY, "y": LABELS * 0 + 3},
            r"a.npz: y: all 12 images have the label 3: expected two",
        ),
        ({"x_test": GREY, "y_test": LABELS}, r"all 12 images are given to test: expected some in"),
        ({"x": GREY, "data": GREY, "y": LABELS}, "x, data, y, which belong to several data sets"),
        (
            {"x_train": GREY, "y_train": LABELS, "x_test": GREY[:, 1:], "y_test": LABELS},
            r"x_test: images of \[4, 6\], but .*x_train has \[5, 6\]",
        ),
        ({"x": GREY, "y": LABELS, "x_test": GREY, "y_test": LABELS}, "x, y of none"),
        ({"a": GREY, "b": LABELS}, "holds the arrays 'a', 'b': expected x_train and y_train"),
        ({"x": GREY, "y": np.array([{}] * 12)}, "holds Python objects"),
        ({"x": np.asfortranarray(GREY), "y": LABELS}, "Fortran's order"),
    ],
)
def test_arrays_that_do_not_fit(tmp_path: Path, arrays: dict[str, Any], message: str) -> None:
    with pytest.raises(SpoonfulError, match=message) as caught:
        dataset(npz(tmp_path / "a.npz", **arrays)).fetch(tmp_path / "raw")
    assert "a.npz" in str(caught.value)
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "expected an IDX file, found the first bytes b''"),
        (b"\x89PNG\r\n", "expected an IDX file"),
        (idx(GREY)[:10], "is cut off in its header"),
        (idx(GREY)[:-1], r"its header says \[12, 5, 6\] of uint8, 360 bytes, but it has 359"),
        (idx(GREY) + b"\0", "has more bytes than its header says"),
        (idx(GREY.astype(np.int32), 0x0C), r"images of shape \[12, 5, 6\] and dtype >i4"),
    ],
)
@pytest.mark.parametrize("is_packed", [False, True])
def test_damaged_idx_files(tmp_path: Path, content: bytes, message: str, is_packed: bool) -> None:
    folder = idx_folder(tmp_path / "mine", end=".gz" if is_packed else "")
    name = f"train-images-idx3-ubyte{'.gz' if is_packed else ''}"
    (folder / name).write_bytes(gzip.compress(content) if is_packed else content)
    with pytest.raises(SpoonfulError, match=message) as caught:
        dataset(folder).fetch(tmp_path / "raw")
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_archives(tmp_path: Path) -> None:
    packed = idx_folder(tmp_path / "mine", end=".gz") / "train-images-idx3-ubyte.gz"
    packed.write_bytes(packed.read_bytes()[:-20])
    with pytest.raises(SpoonfulError, match=r"train-images-idx3-ubyte\.gz: cannot be read"):
        dataset(tmp_path / "mine").fetch(tmp_path / "raw")
    path = npz(tmp_path / "a.npz", x=GREY, y=LABELS)
    content = bytearray(path.read_bytes())
    content[300] ^= 1
    path.write_bytes(content)
    with pytest.raises(SpoonfulError, match=r"a\.npz: cannot be read \(Bad CRC-32"):
        dataset(path).fetch(tmp_path / "raw")
    path.write_bytes(content[:200])
    with pytest.raises(SpoonfulError, match=r"a\.npz: cannot be read"):
        dataset(path).fetch(tmp_path / "raw")
    assert not (tmp_path / "raw").exists()


def test_files_that_do_not_belong_together(tmp_path: Path) -> None:
    idx_folder(tmp_path / "mine", "emnist-letters-")
    idx_folder(tmp_path / "mine", "kmnist-")
    with pytest.raises(SpoonfulError, match="which belong to several data sets"):
        dataset(tmp_path / "mine").fetch(tmp_path / "raw")
    (tmp_path / "empty").mkdir()
    for path, message in ((tmp_path / "empty", "holds no IDX files"), (tmp_path / "no", "no such")):
        with pytest.raises(SpoonfulError, match=message):
            dataset(path).fetch(tmp_path / "raw")
    with pytest.raises(SpoonfulError, match=r"dataset\.path is not set"):
        dataset(None).fetch(tmp_path / "raw")


def test_what_is_not_an_npz_file(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", GREY)
    (tmp_path / "empty.npz").touch()
    for name in ("x.npy", "empty.npz"):
        with pytest.raises(
            SpoonfulError, match=r"is not an \.npz file: expected one, as numpy.savez"
        ):
            dataset(tmp_path / name).fetch(tmp_path / "raw")
