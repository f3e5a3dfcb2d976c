"""The three generators that are compared, each over the same images."""

from typing import Any

import numpy as np
from article import ArticleGenerator
from cases import ARTICLE, CORRECTED, OURS, TEST
from corrected import CorrectedGenerator
from digits import Digits

from spoonful import BatchGenerator, PackedSource
from spoonful.config.schema import Config
from spoonful.fitting.train import training_generator, validation_generator


def make_generator(name: str, digits: Digits, split: str, config: Config) -> Any:
    """Open the images of a split and return what serves them in batches.

    Args:
        name: one of NAMES.
        digits: where the images lie.
        split: the test images are what validation reads; ours then keep their order, the article's
            are shuffled as for training.
        config: its batch size, shuffle and seed; the article's know no seed.
    """
    if name == OURS:
        source = PackedSource(digits.packed(split))
        make = validation_generator if split == TEST else training_generator
        return make(config, source)
    images, labels = digits.arrays(split)
    generator = {ARTICLE: ArticleGenerator, CORRECTED: CorrectedGenerator}[name]
    return generator(images, labels, config.generator.batch_size)


def input_dtype(name: str) -> str:
    """Return what a contender's batches hold: bytes, or pixels that are divided already."""
    return "uint8" if name == OURS else "float32"


def served_rows(generator: Any) -> Any:
    """Return which images the epoch at hand holds, in its order, int64."""
    indices = generator.indices if isinstance(generator, BatchGenerator) else generator.rows
    return np.concatenate([indices(step) for step in range(len(generator))])
