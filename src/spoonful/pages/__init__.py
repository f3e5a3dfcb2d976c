"""Report pages: one HTML file each, which opens from disk and loads nothing else."""

from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from spoonful.pages.colours import colour_variables


def page(template: str, **values: Any) -> str:
    """Fill in a template of this folder.

    Args:
        template: name of the file.
        values: the values to show; text from the user is escaped.
    """
    return _templates().get_template(template).render(**values, colours=colour_variables())


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
