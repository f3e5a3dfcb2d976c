import numpy as np
import pytest

from spoonful import ArraySource
from spoonful.sources.layout import layout_of

IMAGES = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 1), dtype=np.uint8)
LABELS = np.array([0, 1, 2, 0, 1, 2])


def test_it_is_the_same_for_other_pixels_and_for_labels_of_another_integer_type() -> None:
    expected = layout_of(ArraySource(IMAGES, LABELS))
    assert layout_of(ArraySource(255 - IMAGES, LABELS)) == expected
    assert layout_of(ArraySource(IMAGES, LABELS.astype(np.uint8))) == expected
    assert expected["num_examples"] == 6
    assert expected["image_shape"] == [4, 5, 1]


class Renamed(ArraySource):
    def example_id(self, index: int) -> str:
        return f"other {index}"


@pytest.mark.parametrize(
    ("source", "names"),
    [
        (ArraySource(IMAGES[:5], LABELS[:5]), {"num_examples", "ids", "labels"}),
        (ArraySource(IMAGES, LABELS[::-1]), {"labels"}),
        (Renamed(IMAGES, LABELS), {"ids"}),
        (ArraySource(IMAGES[:, :3], LABELS), {"image_shape"}),
        (ArraySource(IMAGES, LABELS, class_names=("a", "b", "c")), {"class_names"}),
    ],
)
def test_it_names_what_else_has_changed(source: ArraySource, names: set[str]) -> None:
    before, now = layout_of(ArraySource(IMAGES, LABELS)), layout_of(source)
    assert {name for name in before if before[name] != now[name]} == names
