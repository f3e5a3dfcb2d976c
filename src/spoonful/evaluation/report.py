"""The evaluation's files: numbers for DVC, and one page for readers."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from spoonful.evaluation.judgement import Judgement
from spoonful.files.tables import write_csv
from spoonful.files.whole import write_json
from spoonful.pages import page
from spoonful.record.files import METRICS_NAME, REPORT_NAME

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREDICTIONS_NAME = "predictions.csv"


def write_tables(folder: Path, judgement: Judgement) -> None:
    """Write metrics.json and the tables that dvc.yaml plots into an existing folder."""
    write_json(folder / METRICS_NAME, judgement.metrics)
    for name, table in {PREDICTIONS_NAME: judgement.predictions, **judgement.tables}.items():
        write_csv(folder / name, table.columns, table.rows)


def write_report(folder: Path, title: str, judgement: Judgement, facts: dict[str, str]) -> None:
    """Write the page: facts, metrics, table and figures, all in one file.

    Args:
        folder: exists.
        title: the page's heading.
        judgement: the results.
        facts: facts about the evaluated model, by name.
    """
    metrics = [
        (name, f"{value:.4f}".removesuffix(".0000")) for name, value in judgement.metrics.items()
    ]
    text = page(
        "evaluation.html",
        title=title,
        facts=facts,
        metrics=metrics,
        heading=judgement.heading,
        columns=judgement.summary.columns,
        rows=[[str(cell) for cell in row] for row in judgement.summary.rows],
        images={heading: _encoded(figure) for heading, figure in judgement.figures.items()},
    )
    (folder / REPORT_NAME).write_text(text, encoding="utf-8", newline="\n")


def _encoded(figure: "Figure") -> str:
    """Return a figure as PNG in base 64."""
    from spoonful.figures import save

    data = io.BytesIO()
    # Matplotlib would write its version into the file.
    save(figure, data, format="png", metadata={"Software": None})
    return base64.b64encode(data.getvalue()).decode()
