"""One look for all charts: drawn once, readable on light and on dark.

Matplotlib draws with placeholder colours; in the SVG text these become CSS variables, which the
page sets by the reader's colour scheme.
"""

import html
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from spoonful.pages import COLOURS, colour_variables

WIDTH = 340.0  # of a usual chart, in px: fits a phone without scaling its letters

# The placeholder for each colour in a drawing: no chart uses these colours itself.
_DRAWN = {name: f"#fe01{number:02x}" for number, name in enumerate(COLOURS)}
PAGE, TEXT, MUTED, LINE, HEAT = (_DRAWN[name] for name in ("page", "text", "muted", "line", "heat"))
_SERIES = [drawn for name, drawn in _DRAWN.items() if name.startswith("series")]
BAR = _SERIES[0]
_MARKERS = ("o", "s", "^", "D", "v", "P", "X", "<")
_LINES = ("-", "--", "-.", ":")
_TITLE_HEIGHT = 20
_FONT = "system-ui, sans-serif"
_DRAWING: dict[str, Any] = {
    "svg.fonttype": "none",
    "svg.hashsalt": "spoonful",  # otherwise each drawing has other ids
    "font.family": "DejaVu Sans",  # comes with Matplotlib; wider than the font of the page
    "font.size": 10,
    "text.parse_math": False,  # a name may contain "$"
    "text.color": TEXT,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "savefig.facecolor": "none",
    "axes.edgecolor": MUTED,
    "axes.labelcolor": TEXT,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.formatter.useoffset": False,
    "grid.color": LINE,
    "grid.linewidth": 0.7,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": TEXT,
    "ytick.labelcolor": TEXT,
    "xtick.labelsize": 9,
    "ytick.labelsize": 9,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "lines.markersize": 5,
}


@dataclass(frozen=True)
class Chart:
    """A chart as SVG text with the page's CSS variables for colours.

    Attributes:
        name: unique on the page; the name of its file.
        title: what it shows.
        note: how to read it; may be empty.
        width: in px at the letters' natural size.
        svg: the element, without its own size.
    """

    name: str
    title: str
    note: str
    width: float
    svg: str


@contextmanager
def house_style() -> Iterator[None]:
    """Draw in the style of the report; can also be used as a decorator."""
    settings: Any = _DRAWING
    with rc_context(settings):
        yield


def new_figure(height: float, width: float = WIDTH) -> Figure:
    """Make a figure with a size in px that needs neither a display nor pyplot state."""
    figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
    FigureCanvasSVG(figure)
    return figure


def series_style(number: int) -> dict[str, Any]:
    """Return the distinct colour, marker and line of the series with a number from 0."""
    return {
        "color": _SERIES[number % len(_SERIES)],
        "marker": _MARKERS[number % len(_MARKERS)],
        "linestyle": _LINES[number // len(_SERIES) % len(_LINES)],
        "markeredgecolor": PAGE,
        "markeredgewidth": 0.6,
    }


def finished_chart(figure: Figure, name: str, title: str, note: str = "") -> Chart:
    """Turn a figure into a chart; the same figure always gives the same text."""
    text = io.StringIO()
    # Matplotlib would write its version and the time into the file.
    nothing = dict.fromkeys(("Creator", "Date", "Format", "Type"))
    figure.savefig(text, format="svg", metadata=nothing)
    svg = text.getvalue()
    svg = svg[svg.index("<svg") :].strip()
    _, _, body = svg.partition(">")
    # Ids must differ between the charts of a page.
    body = re.sub(r'((?: id="|xlink:href="#|url\(#))', rf"\g<1>{name}-", body)
    body = re.sub(r"font-family: [^;\"]*", f"font-family: {_FONT}", body)
    for colour, drawn in _DRAWN.items():
        body = body.replace(drawn, f"var(--{colour})")
    width, height = (72 * inches for inches in figure.get_size_inches())
    head = f'<svg viewBox="0 0 {width:g} {height:g}" role="img" aria-label="{html.escape(title)}">'
    return Chart(name, title, note, width, head + body)


def standalone_svg(chart: Chart) -> str:
    """Return a chart as a separate file, with its title and the reader's colour scheme."""
    names = 'xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink"'
    head, _, body = chart.svg.partition(">")
    _, _, width, height = head.split('"')[1].split()
    view = f'viewBox="0 {-_TITLE_HEIGHT} {width} {float(height) + _TITLE_HEIGHT:g}"'
    whole = f'x="0" y="{-_TITLE_HEIGHT}" width="100%" height="100%" style="fill: var(--page)"'
    words = html.escape(chart.title)
    return (
        f'<svg {names} {view} role="img" aria-label="{words}">'
        f"<style>{colour_variables()}</style><rect {whole}/>"
        f'<text x="4" y="-6" style="font: bold 10px {_FONT}; fill: var(--text)">{words}</text>'
        f"{body}\n"
    )
