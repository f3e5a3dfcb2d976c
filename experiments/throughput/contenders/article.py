"""The article's generator, faithfully in its effects: the slow parts and the wrong one included."""

from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np
from layout import BenchData
from prepare import mnist_in_ram


class ArticleGenerator(keras.utils.PyDataset):
    """All images in RAM; each batch is filled one image at a time, and divided after each.

    The division stands inside the loop over the images, as it does there: what was filled first is
    divided by 255 once for every image of the batch, which is why only the last image reaches the
    network as it is, and why a batch costs its own square.
    """

    def __init__(self, images: Any, labels: Any, batch_size: int) -> None:
        super().__init__()
        self._images = images
        self._labels = labels
        self._batch_size = batch_size
        self.on_epoch_end()

    def __len__(self) -> int:
        return len(self._images) // self._batch_size

    def on_epoch_end(self) -> None:
        self._order = np.arange(len(self._images))
        np.random.shuffle(self._order)

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        first = index * self._batch_size
        x = np.empty((self._batch_size, *self._images.shape[1:3]))
        y = []
        for place, row in enumerate(self._order[first : first + self._batch_size]):
            x[place] = self._images[row]
            x = (x / 255).astype("float32")
            y.append(self._labels[row])
        return x[..., np.newaxis], keras.utils.to_categorical(y, num_classes=10)


def mnist(data: BenchData, batch_size: int) -> Callable[[], Iterator[Any]]:
    """Feed MNIST through the article's generator."""
    images, labels = mnist_in_ram(data)
    generator = ArticleGenerator(images[..., 0], labels, batch_size)

    def one_pass() -> Iterator[Any]:
        for index in range(len(generator)):
            yield generator[index]
        generator.on_epoch_end()

    return one_pass
