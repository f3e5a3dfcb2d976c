"""Labels stand where there is room, and numbers are short."""

import pytest
from matplotlib.text import Annotation

from spoonful.compare.charts.curves import _band
from spoonful.compare.charts.labels import legend_height, place_labels, short_number
from spoonful.compare.charts.theme import house_style, new_figure
from spoonful.compare.points import spread


@house_style()
def placed(points: list[tuple[float, float]], labels: list[str]) -> dict[str, tuple[float, float]]:
    """The labels that found a place, and how far it is from their points, in px."""
    figure = new_figure(300)
    axes = figure.add_subplot()
    axes.set(xlim=(0, 10), ylim=(0, 10))
    place_labels(figure, axes, points, labels)
    return {
        text.get_text(): text.get_position() for text in axes.texts if isinstance(text, Annotation)
    }


def test_points_far_apart_all_have_their_label_at_the_upper_right() -> None:
    found = placed([(1, 1), (5, 5), (9, 2)], ["a", "b", "c"])
    assert set(found) == {"a", "b", "c"}
    assert all(x > 0 and y > 0 for x, y in found.values())


def test_a_label_gives_way_to_a_point() -> None:
    # The second point stands where the first one's label would.
    found = placed([(5, 5), (5.4, 5.3)], ["1024", "512"])
    assert set(found) == {"1024", "512"}
    assert found["1024"] != placed([(5, 5)], ["1024"])["1024"]


def test_where_there_is_no_room_there_is_no_label() -> None:
    names = [str(number) * 6 for number in range(30)]
    found = placed([(5 + number / 100, 5) for number in range(30)], names)
    assert 1 <= len(found) < 15


@pytest.mark.parametrize(
    ("value", "text"), [(0, "0"), (512, "512"), (2500, "2.5k"), (60000, "60k"), (1.2e6, "1.2M")]
)
def test_large_numbers_are_short(value: float, text: str) -> None:
    assert short_number(value) == text


def test_a_legend_takes_the_rows_that_its_titles_need() -> None:
    assert legend_height(["16", "32"]) == legend_height(["16"])
    many = [str(number) for number in range(12)]
    assert legend_height(many) > legend_height(["16"])
    assert legend_height(["x" * 200] * 3) > legend_height(["16"] * 3)


def test_a_band_is_a_deviation_of_three_seeds_and_the_range_of_two() -> None:
    three, two = spread([1.0, 2.0, 3.0]), spread([1.0, 3.0])
    assert three is not None
    assert two is not None
    assert _band(three) == (1.0, 3.0)
    assert _band(two) == (1.0, 3.0)
    wide, pair = spread([0.1, 0.2, 2.0]), spread([0.5, 0.6])
    assert wide is not None
    assert pair is not None
    low, high = _band(wide)
    assert 0 < low < 0.1  # a loss is drawn on a scale of powers
    assert high == pytest.approx(0.7666667 + 1.0692677)
    assert _band(pair) == (0.5, 0.6)
