"""Charts are one text, readable on light and dark and for eyes that see fewer colours."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful.compare.charts.theme import (
    MUTED,
    Chart,
    finished_chart,
    house_style,
    new_figure,
    series_style,
    standalone_svg,
)
from spoonful.pages import colour_variables

# What eyes see that lack one of the three kinds of cones (Machado et al., 2009), on linear RGB.
EYES = {
    "all": np.eye(3),
    "no red": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "no green": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.01182, 0.04294, 0.968881],
        ]
    ),
    "no blue": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.3039],
        ]
    ),
}


@house_style()
def drawn(name: str = "lines", title: str = "a title") -> Chart:
    figure = new_figure(200)
    axes = figure.add_subplot()
    for number in range(9):
        axes.plot([1, 2, 3], [number, 2, 1], label=f"<{number}> & $x", **series_style(number))
    axes.set_title("a grey title", color=MUTED)
    figure.legend(loc="outside lower center", ncols=3)
    return finished_chart(figure, name, title)


def colours(scheme: int) -> dict[str, str]:
    """The tokens' colours on light (0) or dark (1)."""
    sets = colour_variables().split("@media")
    return dict(re.findall(r"--([a-z0-9-]+):(#[0-9a-f]{6})", sets[scheme]))


def linear(colour: str) -> NDArray[np.float64]:
    rgb = np.array([int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


def contrast(a: str, b: str) -> float:
    """The contrast of the Web Content Accessibility Guidelines."""
    light, dark = sorted(
        (float(linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (a, b)), reverse=True
    )
    return (light + 0.05) / (dark + 0.05)


def lab(rgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """CIELAB of linear RGB."""
    to_xyz = [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
    xyz = np.array(to_xyz) @ np.clip(rgb, 0, 1) / [0.9505, 1, 1.089]
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


def test_a_chart_has_no_colour_of_its_own() -> None:
    svg = drawn().svg
    assert not re.findall(r"#[0-9a-f]{6}", svg)
    assert "var(--series-0)" in svg
    assert "var(--series-6)" in svg
    assert "var(--muted)" in svg
    assert set(re.findall(r"var\(--([a-z0-9-]+)\)", svg)) <= set(colours(0))


def test_both_schemes_have_all_colours() -> None:
    assert colours(0).keys() == colours(1).keys()
    assert "color-scheme:light dark" in colour_variables()


def test_the_same_figure_is_the_same_text() -> None:
    assert drawn() == drawn()


def test_two_charts_share_no_id() -> None:
    ids = [set(re.findall(r' id="([^"]+)"', drawn(name).svg)) for name in ("a", "b")]
    assert ids[0]
    assert not ids[0] & ids[1]
    for name in ("a", "b"):
        svg = drawn(name).svg
        targets = set(re.findall(r'href="#([^"]+)"', svg)) | set(
            re.findall(r"url\(#([^)]+)\)", svg)
        )
        assert targets
        assert targets <= set(re.findall(r' id="([^"]+)"', svg))


def test_words_stay_words_and_no_mathematics() -> None:
    svg = drawn().svg
    assert ">&lt;0&gt; &amp; $x</text>" in svg
    assert "DejaVu" not in svg
    assert "<metadata" not in svg


def test_a_chart_has_no_size_but_its_shape() -> None:
    chart = drawn(title='"quoted" <title>')
    head = chart.svg.partition(">")[0]
    assert (
        head
        == '<svg viewBox="0 0 340 200" role="img" aria-label="&quot;quoted&quot; &lt;title&gt;"'
    )
    assert chart.width == 340


def test_a_chart_of_its_own_is_whole_xml_with_its_title_and_colours() -> None:
    root = ET.fromstring(standalone_svg(drawn(title="a & b")))
    assert root.get("viewBox") == "0 -20 340 220"
    text = "".join(root.itertext())
    assert "a & b" in text
    assert "prefers-color-scheme:dark" in text


def test_lines_differ_in_more_than_colour() -> None:
    styles = [series_style(number) for number in range(28)]
    looks = {(s["color"], s["marker"], s["linestyle"]) for s in styles}
    assert len(looks) == 28
    assert len({s["marker"] for s in styles[:7]}) == 7


@pytest.mark.parametrize("scheme", [0, 1])
def test_colours_stand_out_from_the_page(scheme: int) -> None:
    known = colours(scheme)
    for token, colour in known.items():
        if token.startswith("series"):
            assert contrast(colour, known["page"]) >= 3, token  # what graphics need
    for token in ("text", "muted", "link"):
        assert contrast(known[token], known["page"]) >= 4.5, token  # what text needs


@pytest.mark.parametrize("scheme", [0, 1])
def test_text_stands_out_from_the_strongest_cell_of_a_heat_map(scheme: int) -> None:
    known = colours(scheme)
    parts = [np.array([int(known[t][p : p + 2], 16) for p in (1, 3, 5)]) for t in ("heat", "page")]
    mixed = "#" + "".join(f"{round(v):02x}" for v in 0.55 * parts[0] + 0.45 * parts[1])
    assert contrast(known["text"], mixed) >= 4.5


@pytest.mark.parametrize("eyes", EYES)
@pytest.mark.parametrize("scheme", [0, 1])
def test_series_differ_for_eyes_that_see_fewer_colours(scheme: int, eyes: str) -> None:
    seen = [lab(EYES[eyes] @ linear(c)) for t, c in colours(scheme).items() if "series" in t]
    assert len(seen) == 7
    distances = [np.linalg.norm(a - b) for n, a in enumerate(seen) for b in seen[:n]]
    assert min(distances) > 25
