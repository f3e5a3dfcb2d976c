"""Train one point: one order, batch size and seed. Prints its accuracy as JSON.

python experiments/many_classes/training.py FOLDER ORDER BATCH_SIZE SEED EPOCHS
"""

import json
import sys
import time
from pathlib import Path

import keras
import numpy as np

from spoonful import BatchGenerator, PackedSource

# Order -> the store it reads and the generator's shuffle.
ORDERS = {
    "full": ("mixed", "full"),
    "block, mixed store": ("mixed", "block"),
    "block, by class": ("class", "block"),
}
# 16 blocks of 16 images are mixed at a time: 256 images of 40,000. With photographs of 224 px a
# window of the default size (16 blocks of 2 MiB) holds 208.
_BLOCK_SIZE, _WINDOW_BLOCKS = 16, 16
_BASE_BATCH_SIZE = 64


def main(folder: str, order: str, batch_size: str, seed: str, epochs: str) -> int:
    """Train on a store of FOLDER/packed and validate."""
    store, shuffle = ORDERS[order]
    packed = Path(folder) / "packed"
    keras.utils.set_random_seed(int(seed))
    batches = BatchGenerator(
        PackedSource(packed / store),
        int(batch_size),
        shuffle=shuffle,
        seed=int(seed),
        block_size=_BLOCK_SIZE if shuffle == "block" else None,
        window_blocks=_WINDOW_BLOCKS,
        one_hot=False,
    )
    validation = PackedSource(packed / "validation")
    model = _model(validation.image_shape, len(validation.class_names), int(batch_size))
    begin = time.perf_counter()
    model.fit(batches, epochs=int(epochs), shuffle=False, verbose=0)
    seconds = time.perf_counter() - begin
    images = validation.read(np.arange(len(validation)))
    _, accuracy = model.evaluate(images, validation.labels, batch_size=500, verbose=0)
    print(json.dumps({"val_accuracy": accuracy, "seconds": seconds}))
    return 0


def _model(image_shape: tuple[int, ...], num_classes: int, batch_size: int) -> keras.Model:
    """Return three convolutions, averaged, and a dense layer, compiled; 0.6 million parameters."""
    layers = keras.layers
    pixels = keras.Input(image_shape, dtype="uint8")
    x = layers.Rescaling(1 / 127.5, offset=-1)(pixels)
    for filters in (64, 128, 256):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False)(x)
        x = layers.BatchNormalization(momentum=0.9)(x)
        x = layers.MaxPooling2D(2)(layers.ReLU()(x))
    x = layers.GlobalAveragePooling2D()(x)
    model = keras.Model(pixels, layers.Dense(num_classes)(x))
    model.compile(
        optimizer=keras.optimizers.Adam(1e-3 * (batch_size / _BASE_BATCH_SIZE) ** 0.5),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=keras.backend.backend() == "jax",
    )
    return model


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
