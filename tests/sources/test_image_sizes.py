"""How large images are, in words."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoonful.sources.image_sizes import ImageSizes, Size, size_text

SMALL = ImageSizes((32, 32), (32, 32), (32, 32), (32, 32))
MIXED = ImageSizes((96, 96), (60, 100), (300, 200), (480, 640))


@pytest.mark.parametrize(
    ("sizes", "size", "words"),
    [
        (SMALL, (160, 160), "images are enlarged from 32x32 to 160x160"),
        (SMALL, (32, 33), "images are enlarged from 32x32 to 32x33 (height x width)"),
        (SMALL, (32, 32), None),
        (SMALL, (16, 16), None),
        (
            MIXED,
            (800, 800),
            "all images are enlarged to 800x800: they are 60 to 480 px high and 100 to 640 px wide",
        ),
        (
            MIXED,
            (320, 320),
            "many images are enlarged to 320x320: they are 60 to 480 px high and 100 to 640 px "
            "wide",
        ),
        (
            MIXED,
            (96, 96),
            "some images are enlarged to 96x96: they are 60 to 480 px high and 100 to 640 px wide",
        ),
        (MIXED, (60, 100), None),
        (
            ImageSizes((96, 96), (96, 100), (96, 110), (96, 120)),
            (128, 128),
            "all images are enlarged to 128x128: they are 96 px high and 100 to 120 px wide",
        ),
    ],
)
def test_what_is_enlarged_is_said(sizes: ImageSizes, size: Size, words: str | None) -> None:
    assert sizes.enlarged(size) == words


def test_why_a_size_is_recommended_is_said() -> None:
    assert SMALL.reason == "the size of all images"
    assert MIXED.reason == "recommended for 60 to 480 px high and 100 to 640 px wide"
    large = ImageSizes((224, 224), (900, 900), (900, 900), (900, 900))
    assert large.reason == "recommended for 900 px high and 900 px wide"


def test_only_where_the_sides_differ_is_it_said_which_is_which() -> None:
    assert size_text((48, 48)) == "48x48"
    assert size_text((48, 64)) == "48x64 (height x width)"


SIDES = st.integers(1, 400)


@given(st.lists(st.tuples(SIDES, SIDES), min_size=1, max_size=9), st.tuples(SIDES, SIDES))
def test_it_is_silent_exactly_where_no_side_of_an_image_grows(
    images: list[Size], size: Size
) -> None:
    sides = [sorted(image[place] for image in images) for place in (0, 1)]
    places = (0, (len(images) - 1) // 2, len(images) - 1)
    smallest, median, largest = ((sides[0][at], sides[1][at]) for at in places)
    words = ImageSizes(size, smallest, median, largest).enlarged(size)
    grows = any(side > own for image in images for side, own in zip(size, image, strict=True))
    assert (words is not None) == grows
