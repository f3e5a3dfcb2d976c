"""The evaluation's files: numbers for DVC, and one page for people."""

import base64
import html
import io
from collections.abc import Iterable, Sequence
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from spoonful.evaluation.scores import Scores
from spoonful.files.tables import write_csv
from spoonful.files.whole import write_json
from spoonful.record.files import METRICS_NAME, REPORT_NAME

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREDICTIONS_NAME = "predictions.csv"


def write_tables(folder: Path, scores: Scores, predictions: Sequence[Sequence[Any]]) -> None:
    """Write metrics.json and the tables that dvc.yaml plots.

    Args:
        folder: exists.
        scores: of the whole test split.
        predictions: one row an image: file, actual, predicted, confidence.
    """
    write_json(folder / METRICS_NAME, scores.metrics)
    write_csv(
        folder / "classes.csv",
        ("class", "precision", "recall", "f1", "images"),
        ((c.class_name, c.precision, c.recall, c.f1, c.num_images) for c in scores.classes),
    )
    write_csv(
        folder / "calibration.csv",
        ("low", "high", "confidence", "accuracy", "images"),
        (
            (b.low, b.high, b.mean_confidence, b.accuracy, b.num_images)
            for b in scores.calibration
            if b.num_images
        ),
    )
    columns = ("file", "actual", "predicted", "confidence")
    write_csv(folder / PREDICTIONS_NAME, columns, predictions)


def write_report(
    folder: Path, title: str, scores: Scores, figures: "dict[str, Figure]", facts: dict[str, str]
) -> None:
    """Write the page: facts, metrics, per-class table and figures, all in one file.

    Args:
        folder: exists.
        title: the page's heading.
        scores: of the whole test split.
        figures: by heading.
        facts: what was judged, by name.
    """
    metrics = [
        (name, f"{value:.4f}".removesuffix(".0000")) for name, value in scores.metrics.items()
    ]
    classes = [
        (c.class_name, f"{c.precision:.3f}", f"{c.recall:.3f}", f"{c.f1:.3f}", str(c.num_images))
        for c in scores.classes
    ]
    parts = [
        f"<h1>{html.escape(title)}</h1>",
        _table(("", ""), facts.items()),
        "<h2>Test metrics</h2>",
        _table(("metric", "value"), metrics),
        "<h2>Classes</h2>",
        _table(("class", "precision", "recall", "F1", "images"), classes),
    ]
    for heading, figure in figures.items():
        parts += [f"<h2>{html.escape(heading)}</h2>", _image(figure, heading)]
    page = _PAGE.substitute(title=html.escape(title), body="\n".join(parts))
    (folder / REPORT_NAME).write_text(page, encoding="utf-8", newline="\n")


_PAGE = Template("""<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; }
body { font: 15px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; }
td, th { padding: .15rem .8rem .15rem 0; text-align: left; border-bottom: 1px solid #8884; }
img { max-width: 100%; background: white; }
</style>
$body
</html>
""")


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in header)
    lines = ["<tr>" + "".join(f"<td>{html.escape(c)}</td>" for c in row) + "</tr>" for row in rows]
    return f"<table>\n<tr>{head}</tr>\n" + "\n".join(lines) + "\n</table>"


def _image(figure: "Figure", alt: str) -> str:
    from spoonful.figures import save

    data = io.BytesIO()
    # Matplotlib would write its version into the file.
    save(figure, data, format="png", metadata={"Software": None})
    encoded = base64.b64encode(data.getvalue()).decode()
    return f'<img alt="{html.escape(alt)}" src="data:image/png;base64,{encoded}">'
