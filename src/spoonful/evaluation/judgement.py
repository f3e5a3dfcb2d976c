"""What an evaluation found, in the form that files, pages and MLflow take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Table:
    """Rows under the names of their columns."""

    columns: Sequence[str]
    rows: Iterable[Sequence[Any]]


@dataclass(frozen=True)
class Judgement:
    """The results of one evaluation.

    Attributes:
        metrics: numbers by name, for the whole test split.
        headline: the result in a few words, such as "98.05% of test images right".
        predictions: one row for each image; the first column is its file.
        tables: further tables, by the name of their file.
        summary: the table on the page, as text.
        heading: of the table on the page.
        figures: by heading.
    """

    metrics: dict[str, float]
    headline: str
    predictions: Table
    tables: dict[str, Table] = field(default_factory=dict)
    summary: Table = field(default_factory=lambda: Table((), ()))
    heading: str = "Classes"
    figures: "dict[str, Figure]" = field(default_factory=dict)
