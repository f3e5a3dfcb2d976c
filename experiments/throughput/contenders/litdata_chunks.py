"""LitData: chunks of many records each, read through a loader with worker processes."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from layout import BenchData, class_folder_files

from contenders import decoders

_CHUNK_BYTES = 64 * 2**20  # LitData's default


def write_chunks(data: BenchData, folder: Path) -> None:
    """Write the photographs, as they are."""
    from litdata.streaming.cache import Cache

    files, labels = class_folder_files(data.photos)
    cache = Cache(str(folder), chunk_bytes=_CHUNK_BYTES)
    for number, (file, label) in enumerate(zip(files, labels, strict=True)):
        cache[number] = (Path(file).read_bytes(), label)
    cache.done()
    cache.merge()


def photos(
    data: BenchData, batch_size: int, image_size: int, num_workers: int
) -> Callable[[], Iterator[Any]]:
    """Feed the photographs of the chunks."""
    from litdata import StreamingDataLoader, StreamingDataset

    class Photos(StreamingDataset):
        def __getitem__(self, index: Any) -> tuple[Any, int]:
            record, label = super().__getitem__(index)
            return decoders.pillow(record, image_size), label

    dataset = Photos(str(data.litdata), shuffle=True, seed=0)
    loader = StreamingDataLoader(
        dataset,
        batch_size=batch_size,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
    )

    def one_pass() -> Iterator[Any]:
        for images, labels in loader:
            yield images.numpy(), labels.numpy()

    return one_pass
