import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.errors import SpoonfulError
from spoonful.sources.images.resize import RESIZES, Box, boxes, checked_resize

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=300)
SIDES = st.tuples(*[st.integers(1, 5000)] * 4)
WHOLE, TARGET = Box(0, 0, 400, 533), Box(0, 0, 224, 224)


@pytest.mark.parametrize(
    ("resize", "source", "target"),
    [
        ("stretch", WHOLE, TARGET),
        ("fit", WHOLE, Box(28, 0, 168, 224)),
        ("crop", Box(0, 66, 400, 400), TARGET),
    ],
)
def test_a_photograph_in_a_square(resize: str, source: Box, target: Box) -> None:
    assert boxes(resize, 400, 533, 224, 224) == (source, target)


@pytest.mark.parametrize(
    ("resize", "source", "target"),
    [
        ("fit", Box(0, 0, 533, 400), Box(0, 28, 224, 168)),
        ("crop", Box(66, 0, 400, 400), TARGET),
    ],
)
def test_a_portrait_in_a_square(resize: str, source: Box, target: Box) -> None:
    assert boxes(resize, 533, 400, 224, 224) == (source, target)


def centred(inner: Box, outer: Box) -> bool:
    """Tell whether margins are equal, or an odd pixel more at the bottom or right."""
    bottom = outer.height - inner.top - inner.height
    right = outer.width - inner.left - inner.width
    return 0 <= bottom - inner.top <= 1 and 0 <= right - inner.left <= 1


@PROPERTY
@given(SIDES)
def test_stretch_fills_all_with_all(sides: tuple[int, int, int, int]) -> None:
    height, width, rows, columns = sides
    assert boxes("stretch", *sides) == (Box(0, 0, height, width), Box(0, 0, rows, columns))


@PROPERTY
@given(SIDES)
def test_fit_shows_all_in_the_middle(sides: tuple[int, int, int, int]) -> None:
    height, width, rows, columns = sides
    source, target = boxes("fit", *sides)
    assert source == Box(0, 0, height, width)
    assert centred(target, Box(0, 0, rows, columns))
    factor = min(rows / height, columns / width)
    assert target.height == pytest.approx(max(1, factor * height), abs=0.5001)
    assert target.width == pytest.approx(max(1, factor * width), abs=0.5001)


@PROPERTY
@given(SIDES)
def test_crop_shows_the_middle_in_all(sides: tuple[int, int, int, int]) -> None:
    height, width, rows, columns = sides
    source, target = boxes("crop", *sides)
    assert target == Box(0, 0, rows, columns)
    assert centred(source, Box(0, 0, height, width))
    factor = max(rows / height, columns / width)
    assert source.height == pytest.approx(max(1, rows / factor), abs=0.5001)
    assert source.width == pytest.approx(max(1, columns / factor), abs=0.5001)


@PROPERTY
@given(SIDES, st.integers(1, 20))
def test_all_policies_agree_where_the_aspect_is_the_same(
    sides: tuple[int, int, int, int], times: int
) -> None:
    height, width = sides[:2]
    for small, large in ((sides[:2], (times * height, times * width)),) * 2:
        assert len({boxes(resize, *small, *large) for resize in RESIZES}) == 1
        assert len({boxes(resize, *large, *small) for resize in RESIZES}) == 1


def test_an_unknown_policy_is_named_with_those_there_are() -> None:
    for call in (lambda: checked_resize("squash"), lambda: boxes("squash", 1, 1, 1, 1)):
        with pytest.raises(SpoonfulError, match=r"resize='squash': .*stretch, fit, crop"):
            call()
    assert [checked_resize(resize) for resize in RESIZES] == list(RESIZES)


def test_the_names_cost_the_config_no_slow_import() -> None:
    code = (
        "import sys, spoonful.sources.images.resize\n"
        "print([name for name in ('cv2', 'simplejpeg', 'deflate') if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
