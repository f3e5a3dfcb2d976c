"""The article's generator with its bug mended, and nothing else."""

from typing import Any

import numpy as np
from article import ArticleGenerator


class CorrectedGenerator(ArticleGenerator):
    """Divide a batch by 255 once, when it is full."""

    def pixels(self, rows: Any) -> Any:
        """Return the images of a batch as float32 [b, h, w], 0..1."""
        pixels = np.empty((self.batch_size, *self.images.shape[1:]))
        for place, row in enumerate(rows):
            pixels[place] = self.images[row]
        return (pixels / 255).astype("float32")
