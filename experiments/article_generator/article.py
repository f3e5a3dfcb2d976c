"""The article's generator in words of our own: what it does is kept to the letter."""

from typing import Any

import keras
import numpy as np


class ArticleGenerator(keras.utils.PyDataset):
    """Serve batches of images that all lie in RAM, as the article's DataGenerator does.

    Kept as they are there: the division inside the loop over a batch's images, the last and smaller
    batch that is never served, the order drawn from NumPy's global generator. Left out: arguments
    that it takes and never reads.

    Args:
        images: uint8 [n, h, w].
        labels: 0..9, [n].
        batch_size: images a batch.
        shuffle: draw a new order after each epoch.
    """

    def __init__(self, images: Any, labels: Any, batch_size: int, shuffle: bool = True) -> None:
        super().__init__()
        self.images = images
        self.labels = labels
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.on_epoch_end()

    def __len__(self) -> int:
        """Batches an epoch, rounded down."""
        return len(self.images) // self.batch_size

    def on_epoch_end(self) -> None:
        """Draw the order of the next epoch."""
        self.order = np.arange(len(self.images))
        if self.shuffle:
            np.random.shuffle(self.order)

    def rows(self, index: int) -> Any:
        """Return which images a batch of this epoch holds, int64 [b]."""
        return self.order[index * self.batch_size : (index + 1) * self.batch_size]

    def __getitem__(self, index: int) -> tuple[Any, Any]:
        rows = self.rows(index)
        targets = keras.utils.to_categorical(self.labels[rows], num_classes=10)
        return self.pixels(rows)[..., np.newaxis], targets

    def pixels(self, rows: Any) -> Any:
        """Return the images of a batch as float32 [b, h, w]; this is where the bug is."""
        pixels = np.empty((self.batch_size, *self.images.shape[1:]))
        for place, row in enumerate(rows):
            pixels[place] = self.images[row]
            # All of the batch, once for each image: what was put in first is divided most often.
            pixels = (pixels / 255).astype("float32")
        return pixels
