"""The evaluation's files: numbers for DVC, and one page for readers."""

import base64
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spoonful.evaluation.scores import Scores
from spoonful.files.tables import write_csv
from spoonful.files.whole import write_json
from spoonful.pages import page
from spoonful.record.files import METRICS_NAME, REPORT_NAME

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PREDICTIONS_NAME = "predictions.csv"


def write_tables(folder: Path, scores: Scores, predictions: Sequence[Sequence[Any]]) -> None:
    """Write metrics.json and the tables that dvc.yaml plots.

    Args:
        folder: exists.
        scores: scores of the whole test split.
        predictions: one row per image: file, actual, predicted, confidence.
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
        scores: scores of the whole test split.
        figures: figures by heading.
        facts: facts about the evaluated model, by name.
    """
    metrics = [
        (name, f"{value:.4f}".removesuffix(".0000")) for name, value in scores.metrics.items()
    ]
    classes = [
        (c.class_name, f"{c.precision:.3f}", f"{c.recall:.3f}", f"{c.f1:.3f}", str(c.num_images))
        for c in scores.classes
    ]
    text = page(
        "evaluation.html",
        title=title,
        facts=facts,
        metrics=metrics,
        classes=classes,
        images={heading: _encoded(figure) for heading, figure in figures.items()},
    )
    (folder / REPORT_NAME).write_text(text, encoding="utf-8", newline="\n")


def _encoded(figure: "Figure") -> str:
    """Return a figure as PNG in base 64."""
    from spoonful.figures import save

    data = io.BytesIO()
    # Matplotlib would write its version into the file.
    save(figure, data, format="png", metadata={"Software": None})
    return base64.b64encode(data.getvalue()).decode()
