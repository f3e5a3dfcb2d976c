"""Make the benchmark's data, each part once; what lies there already is kept.

    python experiments/throughput/prepare.py [--data FOLDER] [--only PART ...]

MNIST and the photographs come from the folder that SPOONFUL_MIRROR names (MNIST from the network
where it names none).
"""

import argparse
import hashlib
import importlib
import os
import sys
import tarfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from layout import BenchData

from spoonful.errors import SpoonfulError
from spoonful.files.whole import replaced_folder
from spoonful.project import project_root
from spoonful.sources import Source

PHOTO_SIZE = (224, 224)
JPEG_QUALITY = 90
LARGE_SIDE = 112
TILE_SIDE = 32
TILE_ROWS, TILE_COLUMNS = 4, 5  # of each photograph
_ARCHIVE = "clothing-dataset-small.tar"
_ARCHIVE_HOME = "https://github.com/alexeygrigorev/clothing-dataset-small"


@dataclass(frozen=True)
class Part:
    """One folder of the benchmark's data.

    Attributes:
        name: how the command line calls it.
        folder: where it lies; whole once it is there.
        make: fills the empty folder that it is given.
        peer: the peer whose interpreter makes it; None: any.
        large: left out where --quick is given.
    """

    name: str
    folder: Path
    make: Callable[[Path], None]
    peer: str | None = None
    large: bool = False


def parts(data: BenchData) -> list[Part]:
    """List all parts in an order in which each has what it is made from."""
    many = partial(_packed_many, data)
    return [
        Part("mnist-arrays", data.mnist_arrays, _mnist_arrays),
        Part("mnist-files", data.mnist_files, partial(_mnist_files, data)),
        Part("photos", data.photos, _photos),
        Part("tiles", data.tiles, partial(_tiles, data)),
        Part("packed-mnist", data.packed("mnist"), partial(_packed_mnist, data)),
        Part("packed-600k", data.packed("600k"), partial(many, 600_000)),
        Part("packed-1m", data.packed("1m"), partial(many, 1_000_000)),
        Part("packed-6m", data.packed("6m"), partial(many, 6_000_000), large=True),
        Part("packed-large", data.packed("large"), partial(_packed_large, data), large=True),
        Part("packed-photos-raw", data.packed("photos-raw"), partial(_packed_photos, data, "raw")),
        Part(
            "packed-photos-jpeg", data.packed("photos-jpeg"), partial(_packed_photos, data, "jpeg")
        ),
        *_peer_parts(data),
    ]


def _peer_parts(data: BenchData) -> list[Part]:
    """List what the peers need in formats of their own."""
    ffcv = partial(_made_by, "ffcv_loader")
    return [
        Part("ffcv-mnist", data.ffcv("mnist"), partial(ffcv, "write_mnist", data), "ffcv"),
        Part("ffcv-raw", data.ffcv("raw"), partial(ffcv, "write_raw", data), "ffcv"),
        Part("ffcv-jpg", data.ffcv("jpg"), partial(ffcv, "write_jpg", data), "ffcv"),
        Part(
            "webdataset",
            data.webdataset,
            partial(_made_by, "webdataset_shards", "write_shards", data),
            "webdataset",
        ),
        Part(
            "litdata",
            data.litdata,
            partial(_made_by, "litdata_chunks", "write_chunks", data),
            "litdata",
        ),
    ]


def _made_by(module: str, function: str, data: BenchData, folder: Path) -> None:
    getattr(importlib.import_module(f"contenders.{module}"), function)(data, folder)


def _mnist_arrays(folder: Path) -> None:
    from spoonful.config.compose import compose_config

    mnist = compose_config(["dataset=mnist"]).dataset
    mnist.fetch(folder / "raw")
    raw = mnist.open_raw(folder / "raw")
    train = [place for place, image in enumerate(raw.images) if image.given_split is None]
    labels = np.array([int(raw.images[place].class_name) for place in train])
    np.save(folder / "images.npy", raw.pixels[train][..., np.newaxis])
    np.save(folder / "labels.npy", labels)


def _mnist_files(data: BenchData, folder: Path) -> None:
    import cv2

    images, labels = mnist_in_ram(data)
    for label in sorted(set(labels.tolist())):
        (folder / str(label)).mkdir()
    for number, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        cv2.imwrite(str(folder / str(label) / f"train-{number:05d}.png"), image)


def mnist_in_ram(data: BenchData) -> tuple[Any, Any]:
    """Return MNIST's training images uint8 [60000, 28, 28, 1] and labels int64 [60000]."""
    return tuple(np.load(data.mnist_arrays / f"{name}.npy") for name in ("images", "labels"))


def _photos(folder: Path) -> None:
    mirror = os.environ.get("SPOONFUL_MIRROR")
    archive = Path(mirror or ".") / _ARCHIVE
    if mirror is None or not archive.is_file():
        raise SpoonfulError(
            f"SPOONFUL_MIRROR={mirror}: no {_ARCHIVE} there; name a folder that has it "
            f"(a tar file of {_ARCHIVE_HOME})"
        )
    with tarfile.open(archive) as tar:
        for member in tar.getmembers():
            if member.isfile() and member.name.startswith("train/"):
                member.name = member.name.removeprefix("train/")
                tar.extract(member, folder, filter="data")


def _tiles(data: BenchData, folder: Path) -> None:
    """Shrink each photograph and cut it up into small JPEG files."""
    import cv2

    for photo in sorted(data.photos.glob("*/*")):
        small = cv2.resize(
            cv2.imread(str(photo)),
            (TILE_COLUMNS * TILE_SIDE, TILE_ROWS * TILE_SIDE),
            interpolation=cv2.INTER_AREA,
        )
        (folder / photo.parent.name).mkdir(exist_ok=True)
        for row in range(TILE_ROWS):
            for column in range(TILE_COLUMNS):
                top, left = row * TILE_SIDE, column * TILE_SIDE
                tile = small[top : top + TILE_SIDE, left : left + TILE_SIDE]
                path = folder / photo.parent.name / f"{photo.stem}-{row}-{column}.jpg"
                cv2.imwrite(str(path), tile, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])


def _packed_mnist(data: BenchData, folder: Path) -> None:
    from spoonful import FolderSource

    _pack(FolderSource(data.mnist_files, (28, 28), 1), folder)


def _packed_many(data: BenchData, num_images: int, folder: Path) -> None:
    from spoonful import PackedSource

    _pack(RepeatedSource(PackedSource(data.packed("mnist")), num_images), folder)


def _packed_large(data: BenchData, folder: Path) -> None:
    """Pack MNIST drawn four times as large, as often as makes 10 memory limits."""
    from contenders.memory_limit import LIMIT_MB, TIMES_LIMIT

    from spoonful import FolderSource

    num_images = -(-TIMES_LIMIT * LIMIT_MB * 2**20 // LARGE_SIDE**2)
    digits = FolderSource(data.mnist_files, (LARGE_SIDE, LARGE_SIDE), 1)
    _pack(RepeatedSource(digits, num_images), folder)


def _packed_photos(data: BenchData, encoding: str, folder: Path) -> None:
    from spoonful import FolderSource

    _pack(FolderSource(data.photos, PHOTO_SIZE), folder, encoding=encoding, quality=JPEG_QUALITY)


def _pack(source: Any, folder: Path, **settings: Any) -> None:
    from spoonful.packing import pack

    pack(source, folder, **settings)


class RepeatedSource(Source):
    """A source served over and over, as one with more images, or cut short, as one with fewer.

    Args:
        source: what is served.
        num_images: how many images it shall have.
    """

    def __init__(self, source: Any, num_images: int) -> None:
        self._source = source
        self._num_images = num_images
        self.labels = np.resize(source.labels, num_images)
        self.class_names = source.class_names
        self.image_shape = source.image_shape
        self.max_useful_threads = source.max_useful_threads
        name = f"{source.fingerprint} {num_images}"
        self.fingerprint = hashlib.sha256(name.encode()).hexdigest()

    def __len__(self) -> int:
        return self._num_images

    def read_into(self, indices: Sequence[int], images: Any) -> None:
        """Read examples into place."""
        self._source.read_into(np.asarray(indices) % len(self._source), images)


def make(part: Part) -> None:
    """Make a part unless it is there."""
    if part.folder.exists():
        return
    begin = time.perf_counter()
    with replaced_folder(part.folder) as folder:
        part.make(folder)
    print(f"{part.name}: made in {time.perf_counter() - begin:.1f} s", flush=True)


def main() -> int:
    """Make the parts asked for; 2 where one cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=project_root() / "data" / "bench")
    parser.add_argument("--only", nargs="*", default=None)
    arguments = parser.parse_args()
    for part in parts(BenchData(arguments.data.resolve())):
        if arguments.only is None or part.name in arguments.only:
            try:
                make(part)
            except SpoonfulError as error:
                print(f"{part.name}: {error}", file=sys.stderr)
                return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
