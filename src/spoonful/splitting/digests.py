"""Digests of the raw images and of their split."""

import hashlib
from collections.abc import Sequence
from typing import Any

from spoonful.datasets import RawImage


def split_digest(images: Sequence[RawImage], splits: Sequence[str | None]) -> str:
    """Return a digest of the assignment of images to splits: it differs for a different split."""
    placed = sorted(
        (split, *_facts(image))
        for image, split in zip(images, splits, strict=True)
        if split is not None
    )
    return hashlib.sha256(repr(placed).encode()).hexdigest()[:16]


def data_digest(images: Sequence[RawImage]) -> str:
    """Return a digest of the raw images, regardless of their split."""
    found = sorted(map(_facts, images))
    return hashlib.sha256(repr(found).encode()).hexdigest()[:16]


def _facts(image: RawImage) -> tuple[Any, ...]:
    """Return what a digest is made of; labels only where there are any beside the class."""
    facts = image.class_name, image.file_name, image.content or ""
    return facts if image.labels is None else (*facts, image.labels)
