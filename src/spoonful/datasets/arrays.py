"""The user's own arrays: IDX files as those of MNIST, or an NPZ file."""

from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from spoonful import progress
from spoonful.config.fields import key
from spoonful.datasets.array_files import ArrayFile, ArrayHeader, find_arrays, opened
from spoonful.datasets.dataset import UndividedDataset
from spoonful.datasets.fetched import check_train
from spoonful.datasets.raw import RawArrays, RawImage
from spoonful.datasets.subset import limited_arrays
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.files.documents import read_json, unexpected
from spoonful.files.whole import replaced_folder, write_json

IMAGES_NAME, LABELS_NAME, SUMMARY_NAME = "images.npy", "labels.npy", "arrays.json"
_REMAKE = "run `spoonful fetch dataset=arrays` again"
_CHANNELS = (1, 3, 4)
_LARGEST_LABEL = np.iinfo(np.int64).max
_EXPECTED = "uint8 [n, height, width], or with 1, 3 or 4 channels last"


@dataclass(frozen=True)
class _Pair:
    """The arrays of a split, and how many images they hold; the split is "" if none is given."""

    split: str
    images: ArrayFile
    labels: ArrayFile
    header: ArrayHeader


@dataclass(frozen=True)
class _Summary:
    num_images: dict[str, int]
    images_sha256: str
    labels_sha256: str


@dataclass
class Arrays(UndividedDataset):
    """Images and class numbers in arrays: MNIST-like IDX files, or an NPZ file."""

    path: str | None = key(
        "an .npz file with x_train, y_train and the like, or a folder of IDX files",
        is_path=True,
        has_no_effect=True,
    )

    fetched: ClassVar[str] = "checked and copied,"

    def fetch(self, raw_dir: Path) -> None:
        """Check the arrays and copy them, a few MiB at a time.

        Raises:
            SpoonfulError: no such arrays, or some of a wrong shape, type or length.
        """
        if self.path is None:
            raise SpoonfulError(
                "dataset.path is not set: give dataset.path=FILE.npz or a folder of IDX files"
            )
        path = Path(self.path).expanduser()
        pairs = _paired(find_arrays(path), path)
        labels = np.concatenate([_read_labels(pair) for pair in pairs])
        _check_trainable(pairs, labels, path)
        with replaced_folder(raw_dir) as folder:
            _copy_images(pairs, folder / IMAGES_NAME)
            with (folder / LABELS_NAME).open("wb") as file:
                np.lib.format.write_array(file, labels, allow_pickle=False)
            digests = [content_hash(folder / name) for name in (IMAGES_NAME, LABELS_NAME)]
            counts = {pair.split: pair.header.shape[0] for pair in pairs}
            write_json(folder / SUMMARY_NAME, asdict(_Summary(counts, *digests)))

    def open_raw(self, raw_dir: Path) -> RawArrays:
        """Open what `fetch` copied; the pixels stay on disk."""
        if not (raw_dir / IMAGES_NAME).exists():
            raise SpoonfulError(
                f"{raw_dir / IMAGES_NAME} is missing: run `spoonful fetch dataset=arrays "
                "dataset.path=...` first"
            )
        summary = read_json(raw_dir / SUMMARY_NAME, _Summary, _REMAKE)
        digests = summary.images_sha256, summary.labels_sha256
        for name, digest in zip((IMAGES_NAME, LABELS_NAME), digests, strict=True):
            found = content_hash(raw_dir / name)
            if found != digest:
                expected = f"SHA-256 {digest}, as {SUMMARY_NAME} says"
                raise unexpected(raw_dir / name, expected, found, _REMAKE)
        pixels = np.load(raw_dir / IMAGES_NAME, mmap_mode="r", allow_pickle=False)
        labels = np.load(raw_dir / LABELS_NAME, allow_pickle=False)
        width = len(str(labels.max()))  # class folders are sorted by name: "00", "01", ... "10"
        splits = [split for split, count in summary.num_images.items() for _ in range(count)]
        numbers = [n for count in summary.num_images.values() for n in range(count)]
        images = [
            RawImage(f"{label:0{width}d}", f"{split or 'image'}-{n:07d}.png", split or None)
            for label, split, n in zip(labels.tolist(), splits, numbers, strict=True)
        ]
        return limited_arrays(RawArrays(images, pixels), self.max_images_per_class)


def _paired(arrays: list[ArrayFile], path: Path) -> list[_Pair]:
    """Return the arrays of each split, checked to fit together."""
    found: dict[str, dict[str, list[ArrayFile]]] = defaultdict(lambda: defaultdict(list))
    for array in arrays:
        found[array.split or ""][array.role].append(array)
    if "" in found and len(found) > 1:
        raise SpoonfulError(
            f"dataset.path={path}: holds arrays of splits, and {_few(found[''])} of none: "
            "expected all of them, or none, to name train, val or test"
        )
    pairs = []
    for split in [name for name in ("", "train", "val", "test") if name in found]:
        for role in ("images", "labels"):
            here = found[split][role]
            if len(here) != 1:
                other = f"{_few(found[split])}, which belong to several data sets"
                what = other if here else f"no {role} beside {_few(found[split])}"
                raise SpoonfulError(
                    f"dataset.path={path}: holds {what}: expected one array of images and one of "
                    f"labels{f' for {split}' if split else ''}"
                )
        images, labels = found[split]["images"][0], found[split]["labels"][0]
        pairs.append(_Pair(split, images, labels, _checked_header(images)))
    first = pairs[0]
    for pair in pairs:
        if pair.header.shape[1:] != first.header.shape[1:]:
            raise SpoonfulError(
                f"{pair.images}: images of {list(pair.header.shape[1:])}, but {first.images} has "
                f"{list(first.header.shape[1:])}: expected one shape for all splits"
            )
    return pairs


def _few(roles: dict[str, list[ArrayFile]]) -> str:
    return ", ".join(one.entry or one.path.name for arrays in roles.values() for one in arrays)


def _checked_header(array: ArrayFile) -> ArrayHeader:
    with opened(array) as (header, _):
        shape = header.shape
    is_flat = len(shape) == 3
    fits = is_flat or (len(shape) == 4 and shape[3] in _CHANNELS)
    if header.dtype != np.uint8 or not fits or 0 in shape:
        first = len(shape) == 4 and shape[1] in _CHANNELS
        hint = "; move the channels last with numpy.moveaxis(images, 1, -1)" if first else ""
        scaled = "; if they are 0..1, save (255 * images).round().astype('uint8')"
        hint = scaled if header.dtype.kind == "f" else hint
        raise SpoonfulError(
            f"{array}: images of shape {list(shape)} and dtype {header.dtype}: expected "
            f"{_EXPECTED}{hint}"
        )
    return header


def _read_labels(pair: _Pair) -> NDArray[np.int64]:
    """Return the class numbers of a split, int64 [n]."""
    count = pair.header.shape[0]
    with opened(pair.labels) as (header, parts):
        shape = header.shape
        if header.dtype.kind not in "iu" or shape not in ((count,), (count, 1)):
            raise SpoonfulError(
                f"{pair.labels}: labels of shape {list(shape)} and dtype {header.dtype}: expected "
                f"whole numbers of shape [{count}], the class of each of the {count:,} images"
            )
        labels = np.frombuffer(b"".join(parts), header.dtype)
    wrong = (labels < 0) | (labels > _LARGEST_LABEL)
    if wrong.any():
        place = int(np.argmax(wrong))
        raise SpoonfulError(
            f"{pair.labels}: label {labels.flat[place]} of image {place}: expected a whole number "
            f"from 0 to {_LARGEST_LABEL}; leave out images without a class"
        )
    return labels.astype(np.int64)


def _check_trainable(pairs: list[_Pair], labels: NDArray[np.int64], path: Path) -> None:
    """Check that there are several classes, and images that are in train or may be put there."""
    check_train([pair.split or None for pair in pairs], f"dataset.path={path}", len(labels))
    if labels.min() == labels.max():
        names = ", ".join(dict.fromkeys(str(pair.labels) for pair in pairs))
        raise SpoonfulError(
            f"{names}: all {len(labels):,} images have the label {labels[0]}: expected two or more "
            "classes; add images of another class"
        )


def _copy_images(pairs: list[_Pair], target: Path) -> None:
    """Write the images of all splits into one array."""
    num_images = sum(pair.header.shape[0] for pair in pairs)
    shape: tuple[Any, ...] = (num_images, *pairs[0].header.shape[1:])
    num_bytes = sum(pair.header.num_bytes for pair in pairs)
    with target.open("wb") as file, progress.bar("fetch", num_bytes, "B", is_scaled=True) as bar:
        header = {"descr": "|u1", "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(file, header)
        for pair in pairs:
            with opened(pair.images) as (_, parts):
                for part in parts:
                    file.write(part)
                    bar.update(len(part))
