"""FFCV 1.0.2 (Leclerc et al., "FFCV: Accelerating Training by Removing Data Bottlenecks", 2023)."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from layout import BenchData

_FILE = "data.beton"
# FFCV starts its threads anew for each pass, which costs a fifth of the time of these small sets
# (75 k instead of 97 k images/s, raw): its passes go ten times round.
_ROUNDS = 10


class _Examples:
    """Any of our sources as (image, label) pairs, which is what FFCV's writer takes."""

    def __init__(self, source: Any) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self._source.read([index])[0], int(self._source.labels[index])


def write_mnist(data: BenchData, folder: Path) -> None:
    """Write MNIST as plain arrays (FFCV's image field takes colour only)."""
    from ffcv.fields import IntField, NDArrayField
    from ffcv.writer import DatasetWriter
    from prepare import mnist_in_ram

    from spoonful import ArraySource

    fields = {
        "image": NDArrayField(shape=(28, 28, 1), dtype=np.dtype("uint8")),
        "label": IntField(),
    }
    writer = DatasetWriter(str(folder / _FILE), fields, num_workers=2)
    writer.from_indexed_dataset(_Examples(ArraySource(*mnist_in_ram(data))))


def write_raw(data: BenchData, folder: Path) -> None:
    """Write the photographs at 224x224, not compressed."""
    _write_photos(data, folder, "raw")


def write_jpg(data: BenchData, folder: Path) -> None:
    """Write the photographs at 224x224, each one as JPEG of quality 90."""
    _write_photos(data, folder, "jpg")


def _write_photos(data: BenchData, folder: Path, mode: str) -> None:
    from ffcv.fields import IntField, RGBImageField
    from ffcv.writer import DatasetWriter
    from prepare import JPEG_QUALITY, PHOTO_SIZE

    from spoonful import FolderSource

    fields = {
        "image": RGBImageField(write_mode=mode, jpeg_quality=JPEG_QUALITY),
        "label": IntField(),
    }
    writer = DatasetWriter(str(folder / _FILE), fields, num_workers=2)
    # The pixels that our own packed stores hold.
    writer.from_indexed_dataset(_Examples(FolderSource(data.photos, PHOTO_SIZE)))


def mnist(data: BenchData, batch_size: int, num_workers: int) -> Callable[[], Iterator[Any]]:
    """Feed packed MNIST."""
    from ffcv.fields.decoders import IntDecoder, NDArrayDecoder

    pipelines = {"image": [NDArrayDecoder()], "label": [IntDecoder()]}
    return _feed(data.ffcv("mnist"), batch_size, num_workers, pipelines)


def photos(
    data: BenchData, name: str, batch_size: int, num_workers: int
) -> Callable[[], Iterator[Any]]:
    """Feed the photographs of an FFCV file, "raw" or "jpg"."""
    from ffcv.fields.decoders import IntDecoder, SimpleRGBImageDecoder

    pipelines = {"image": [SimpleRGBImageDecoder()], "label": [IntDecoder()]}
    return _feed(data.ffcv(name), batch_size, num_workers, pipelines)


def _feed(
    folder: Path, batch_size: int, num_workers: int, pipelines: dict[str, list[Any]]
) -> Callable[[], Iterator[Any]]:
    from ffcv.loader import Loader, OrderOption
    from ffcv.reader import Reader

    file = str(folder / _FILE)
    loader = Loader(
        file,
        batch_size=batch_size,
        num_workers=num_workers,
        order=OrderOption.RANDOM,
        os_cache=True,
        drop_last=False,
        indices=np.tile(np.arange(int(Reader(file).num_samples)), _ROUNDS),
        pipelines=pipelines,
    )

    def one_pass() -> Iterator[Any]:
        for images, labels in loader:
            yield images, labels[:, 0]

    return one_pass
