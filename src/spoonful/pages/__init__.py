"""Report pages: one HTML file each, which opens from disk and loads nothing else; their colours."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

# The colours of pages and charts, on light and on dark.
# Series colours have the largest distance (in CIELAB, at least 30) also for red-, green- and
# blue-blind eyes.
COLOURS = {
    "series-0": ("#18416d", "#a4c2f8"),
    "series-1": ("#693000", "#d45e08"),
    "series-2": ("#1fa178", "#2ec27b"),
    "series-3": ("#db5ad1", "#a96f93"),
    "series-4": ("#a98b14", "#fdd43c"),
    "series-5": ("#6e09af", "#8c6aec"),
    "series-6": ("#1c1b1b", "#eeeeee"),
    "page": ("#ffffff", "#16181d"),
    "text": ("#1b1f24", "#e6e8eb"),
    "muted": ("#59616c", "#a3abb6"),
    "line": ("#d5d9df", "#3a4049"),
    "heat": ("#1f7fd0", "#4a90d9"),
    "link": ("#0b62b5", "#86b7f5"),
}


def page(template: str, **values: Any) -> str:
    """Fill in a template of this folder.

    Args:
        template: name of the file.
        values: the values to show; text from the user is escaped.
    """
    return _templates().get_template(template).render(**values, colours=colour_variables())


def colour_variables() -> str:
    """Return the CSS that gives every name its colour by the reader's colour scheme."""
    light = "".join(f"--{name}:{on_light};" for name, (on_light, _) in COLOURS.items())
    dark = "".join(f"--{name}:{on_dark};" for name, (_, on_dark) in COLOURS.items())
    return (
        f":root{{color-scheme:light dark;{light}}}\n"
        f"@media (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    )


@cache
def _templates() -> Environment:
    return Environment(
        loader=PackageLoader("spoonful", "pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
