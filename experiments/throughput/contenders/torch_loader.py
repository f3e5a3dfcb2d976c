"""PyTorch's DataLoader over a list of files, decoded by Pillow or OpenCV."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from layout import BenchData, class_folder_files
from torch.utils.data import DataLoader, Dataset

from contenders import decoders


class _Files(Dataset):
    """Files and labels as (image, label) pairs."""

    def __init__(self, root: Path, decode: Callable[[str, int], Any], side: int) -> None:
        self._files, self._labels = class_folder_files(root)
        self._decode = decode
        self._side = side

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[Any, int]:
        return self._decode(self._files[index], self._side), self._labels[index]


def digits(
    data: BenchData, batch_size: int, decoder: str, num_workers: int, collate: str
) -> Callable[[], Iterator[Any]]:
    """Feed loose MNIST files; `decoder` is "pillow" or "opencv"."""
    decode = getattr(decoders, f"{decoder}_digit")
    return _feed(_Files(data.mnist_files, decode, 28), batch_size, num_workers, collate)


def photos(
    data: BenchData,
    batch_size: int,
    image_size: int,
    decoder: str,
    num_workers: int,
    collate: str,
) -> Callable[[], Iterator[Any]]:
    """Feed the photographs; `decoder` is "pillow" or "opencv"."""
    decode = getattr(decoders, f"{decoder}_file")
    return _feed(_Files(data.photos, decode, image_size), batch_size, num_workers, collate)


def _feed(
    dataset: Dataset, batch_size: int, num_workers: int, collate: str
) -> Callable[[], Iterator[Any]]:
    import cv2

    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    loader = DataLoader(
        dataset,
        batch_size=batch_size,
        shuffle=True,
        num_workers=num_workers,
        persistent_workers=num_workers > 0,
        collate_fn={"torch": None, "numpy": _stacked}[collate],
    )

    def one_pass() -> Iterator[Any]:
        for images, labels in loader:
            yield np.asarray(images), np.asarray(labels)

    return one_pass


def _stacked(examples: list[tuple[Any, int]]) -> tuple[Any, Any]:
    """Stack a batch with NumPy: one copy where PyTorch's own makes two."""
    images, labels = zip(*examples, strict=True)
    return np.stack(images), np.array(labels)
