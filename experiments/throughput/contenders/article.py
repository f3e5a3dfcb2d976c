"""The article's generator, faithful: the slow parts and the wrong one included."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from layout import BenchData
from prepare import mnist_in_ram

# It lives with the experiment on what it does wrong; last, as other modules there share names.
sys.path.append(str(Path(__file__).resolve().parents[2] / "article_generator"))
from article import ArticleGenerator


def mnist(data: BenchData, batch_size: int) -> Callable[[], Iterator[Any]]:
    """Feed MNIST through the article's generator."""
    images, labels = mnist_in_ram(data)
    generator = ArticleGenerator(images[..., 0], labels, batch_size)

    def one_pass() -> Iterator[Any]:
        for index in range(len(generator)):
            yield generator[index]
        generator.on_epoch_end()

    return one_pass
