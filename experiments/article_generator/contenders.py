"""The generators that are compared, each over the same images."""

from typing import Any

import numpy as np
from article import ArticleGenerator
from cases import ARTICLE, CORRECTED, KERAS, OURS, OURS_FILES, TEST
from corrected import CorrectedGenerator
from digits import SIZE, Digits
from keras_folder import file_numbers, keras_generator

from spoonful import BatchGenerator, FolderSource, PackedSource
from spoonful.config.schema import Config
from spoonful.fitting.train import training_generator, validation_generator


def make_generator(name: str, digits: Digits, split: str, config: Config) -> Any:
    """Open the images of a split and return what serves them in batches.

    Args:
        name: one of NAMES, or OURS_FILES.
        digits: where the images lie.
        split: the test images are what validation reads; ours then keep their order, those of the
            others are shuffled as for training.
        config: its batch size, shuffle and seed; the article's know no seed, and Keras' has none
            unless it is given one.
    """
    if name in (OURS, OURS_FILES):
        make = validation_generator if split == TEST else training_generator
        if name == OURS:
            return make(config, PackedSource(digits.packed(split)))
        return make(config, FolderSource(digits.folder(split), SIZE, 1))
    if name == KERAS:
        return keras_generator(digits.folder(split), config.generator.batch_size)
    images, labels = digits.arrays(split)
    generator = {ARTICLE: ArticleGenerator, CORRECTED: CorrectedGenerator}[name]
    return generator(images, labels, config.generator.batch_size)


def input_dtype(name: str) -> str:
    """Return what a contender's batches hold: bytes, or pixels that are divided already."""
    return "uint8" if name == OURS else "float32"


def served_rows(generator: Any, epoch: int = 0) -> Any:
    """Return which images an epoch holds, in its order, int64.

    Args:
        generator: ours knows every epoch, the others the one at hand alone.
        epoch: the number of the epoch, of ours.
    """
    num_steps = len(generator)
    if isinstance(generator, BatchGenerator):
        rows = [generator.indices(epoch * num_steps + index) for index in range(num_steps)]
    elif isinstance(generator, ArticleGenerator):
        rows = [generator.rows(index) for index in range(num_steps)]
    else:
        rows = [file_numbers(generator, index) for index in range(num_steps)]
    return np.concatenate(rows)
