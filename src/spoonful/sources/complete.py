"""Check that a source of the user's own is complete."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.sources.source import Source, no_reading


def check_source(source: Any) -> None:
    """Check that a source is complete; its labels are checked by `check_labels`.

    Raises:
        SpoonfulError: not a `Source`, no example, or a missing or wrong attribute or method; names
            the class of the source.
    """
    name = type(source).__name__
    if not isinstance(source, Source):
        raise SpoonfulError(
            f"source is a {name}: expected a spoonful.Source, such as FolderSource, PackedSource, "
            "ArraySource or a class derived from spoonful.Source"
        )
    for attribute in ("labels", "class_names", "image_shape"):
        if not hasattr(source, attribute):
            raise SpoonfulError(f"{name} has no {attribute}: set it in its __init__")
    _check_reading(source)
    _check_names(name, source.class_names)
    _check_shape(name, source.image_shape)
    if len(source) < 1:
        raise SpoonfulError(f"{name} has no examples: expected at least one")


def _check_reading(source: Source) -> None:
    """Check that a class has a way to read, and that a newer `read` is not passed over."""
    kinds = type(source).__mro__
    homes = {
        method: next(kind for kind in kinds if method in vars(kind))
        for method in ("read", "read_into")
    }
    if set(homes.values()) == {Source}:
        raise no_reading(source)
    if homes["read_into"] is not Source and kinds.index(homes["read"]) < kinds.index(
        homes["read_into"]
    ):
        raise SpoonfulError(
            f"{homes['read'].__name__} defines read, but generators would call the read_into of "
            f"{homes['read_into'].__name__}: define read_into instead"
        )


def _check_names(name: str, class_names: Any) -> None:
    is_list = isinstance(class_names, Sequence) and not isinstance(class_names, (str, bytes))
    if not is_list or not all(isinstance(one, str) for one in class_names):
        raise SpoonfulError(
            f"class_names={class_names!r} of {name}: expected a tuple of texts, one per class"
        )
    if len(set(class_names)) < len(class_names):
        twice = next(one for one in class_names if list(class_names).count(one) > 1)
        raise SpoonfulError(f"class_names of {name}: {twice!r} is there twice; use each once")


def _check_shape(name: str, image_shape: Any) -> None:
    is_list = isinstance(image_shape, Sequence) and len(image_shape) == 3
    if not is_list or any(
        isinstance(side, bool) or not isinstance(side, (int, np.integer)) or side < 1
        for side in image_shape
    ):
        raise SpoonfulError(
            f"image_shape={image_shape!r} of {name}: expected (height, width, channels), three "
            "whole numbers from 1 on"
        )
