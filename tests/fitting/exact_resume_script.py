"""A plain Keras script with ExactResume: FOLDER (empty: without it) NUM_THREADS.

Prints each step and, at the end, one digest of all that training made.
"""

import hashlib
import json
import sys
import time

import keras
import numpy as np
import tensorflow as tf

import spoonful

EVERY_STEPS = 7
STEP_S = 0.01  # so that there is something to interrupt


def source(num_examples: int, seed: int) -> spoonful.ArraySource:
    rng = np.random.default_rng(seed)
    labels = np.arange(num_examples) % 4
    images = rng.integers(0, 200, (num_examples, 8, 8, 3), dtype=np.uint8)
    images[np.arange(num_examples), labels] += 50
    return spoonful.ArraySource(images, labels)


def compiled_model() -> keras.Model:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((8, 8, 3)),
            layers.Rescaling(1 / 255),
            layers.RandomFlip("horizontal"),
            layers.RandomTranslation(0.1, 0.1),
            layers.Conv2D(8, 3),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Flatten(),
            layers.Dropout(0.3),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def digest(model: keras.Model) -> str:
    found = hashlib.sha256(json.dumps(model.history.history).encode())
    for variable in [*model.variables, *model.optimizer.variables]:
        found.update(np.asarray(variable).tobytes())
    return found.hexdigest()


def tell_step(batch: int, logs: dict[str, float]) -> None:
    print("step", int(model.optimizer.iterations), flush=True)
    time.sleep(STEP_S)


if __name__ == "__main__":
    folder, num_threads = sys.argv[1], int(sys.argv[2])
    keras.utils.set_random_seed(0)
    tf.config.experimental.enable_op_determinism()
    generator = spoonful.BatchGenerator(
        source(300, 0),
        8,
        seed=5,
        crop=spoonful.RandomCrop(scale=(0.5, 1)),
        num_threads=num_threads,
    )
    validation = spoonful.BatchGenerator(source(50, 1), 8, num_threads=num_threads)
    callbacks = [
        keras.callbacks.EarlyStopping("val_loss", patience=3, restore_best_weights=True),
        keras.callbacks.ReduceLROnPlateau("val_loss", factor=0.5, patience=1),
        keras.callbacks.LambdaCallback(on_train_batch_end=tell_step),
    ]
    if folder:
        resume = spoonful.ExactResume(
            folder, generator, callbacks, checkpoint_every_steps=EVERY_STEPS
        )
        callbacks = [resume]
    model = compiled_model()
    model.fit(
        generator,
        epochs=5,
        shuffle=bool(folder),  # what Keras would permute, ExactResume serves in order
        validation_data=validation,
        callbacks=callbacks,
        verbose=0,
    )
    print("digest", digest(model), flush=True)
