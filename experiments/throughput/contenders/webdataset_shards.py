"""WebDataset: tar files read from front to end, shuffled in a buffer."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from layout import BenchData, class_folder_files

from contenders import decoders

_FILES_A_SHARD = 256
_BUFFER_EXAMPLES = 1000  # WebDataset's own examples use this size


def write_shards(data: BenchData, folder: Path) -> None:
    """Write the photographs, as they are, in a random order: the reader only mixes neighbours."""
    import webdataset

    files, labels = class_folder_files(data.photos)
    order = np.random.default_rng(0).permutation(len(files))
    pattern = str(folder / "photos-%05d.tar")
    with webdataset.ShardWriter(pattern, maxcount=_FILES_A_SHARD, verbose=0) as writer:
        for number in order.tolist():
            record = Path(files[number]).read_bytes()
            writer.write({"__key__": f"{number:05d}", "jpg": record, "cls": labels[number]})


def photos(
    data: BenchData, batch_size: int, image_size: int, num_workers: int
) -> Callable[[], Iterator[Any]]:
    """Feed the photographs of the tar files."""
    import webdataset

    def decoded(sample: dict[str, bytes]) -> tuple[Any, int]:
        return decoders.pillow(sample["jpg"], image_size), int(sample["cls"])

    shards = sorted(str(path) for path in data.webdataset.glob("*.tar"))
    dataset = (
        webdataset.WebDataset(shards, shardshuffle=len(shards))
        .shuffle(_BUFFER_EXAMPLES)
        .map(decoded)
        .batched(batch_size)
    )
    loader = webdataset.WebLoader(
        dataset, batch_size=None, num_workers=num_workers, persistent_workers=num_workers > 0
    )

    def one_pass() -> Iterator[Any]:
        for images, labels in loader:
            yield np.asarray(images), np.asarray(labels)

    return one_pass
