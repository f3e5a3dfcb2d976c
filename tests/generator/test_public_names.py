"""The names of BatchGenerator that users may rely on."""

import keras
import numpy as np

from spoonful import ArraySource, BatchGenerator

# With Keras' own names of a PyDataset, all of them: what fitting alone needs is in the feed.
NAMES = {
    "batch",
    "batch_size",
    "check_state",
    "digest",
    "drop_remainder",
    "dtype",
    "examples_per_epoch",
    "indices",
    "limits",
    "one_hot",
    "order",
    "seed",
    "shuffle",
    "source",
    "state",
    "stream",
}


def test_the_generator_s_names_are_those_of_a_pydataset_and_a_few_of_its_own() -> None:
    source = ArraySource(np.zeros((4, 1, 1, 1), np.uint8), np.arange(4) % 2)
    names = {name for name in dir(BatchGenerator(source, 2)) if not name.startswith("_")}
    assert names - set(dir(keras.utils.PyDataset())) == NAMES
