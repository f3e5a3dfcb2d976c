"""`spoonful summary`: the results of the last pipeline run in a few lines."""

import math
from pathlib import Path

from spoonful.config.check import recorded_component
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.evaluation.report import PREDICTIONS_NAME
from spoonful.files.documents import parsed_table, read_json, read_text, unexpected
from spoonful.project import evaluate_dir, shown_path, train_dir
from spoonful.record.files import CARD_NAME, METRICS_NAME, REPORT_NAME
from spoonful.workflow.trained_model import read_card_and_settings
from spoonful.workflow.unsent import settle_store

_REMAKE = "run `spoonful evaluate` again"


def run(config: Config) -> None:
    """Print test accuracy, run id, report and the command that opens the UI."""
    metrics_path = evaluate_dir() / METRICS_NAME
    card_path = train_dir() / CARD_NAME
    for path in (metrics_path, card_path):
        if not path.exists():
            raise SpoonfulError(f"{path} is missing: run `make repro` or `spoonful evaluate` first")
    card, settings = read_card_and_settings(train_dir())
    task = recorded_component("task", settings["task"])
    metrics = _metrics(metrics_path, task.score)
    train_key = card["train_key"]
    settle_store(config.tracking)
    from spoonful.tracking.finding import find_run

    run_id = find_run(config.tracking, train_key)
    report = shown_path(evaluate_dir() / REPORT_NAME)
    name = f"test {task.score.replace('_', ' ')}"
    lines = {
        name: f"{metrics[task.score]:.4f} ({metrics['num_images']:.0f} images)",
        "MLflow run": run_id or "none in this store: the model was restored by DVC",
        "report": report,
        "open the UI": "make ui",
    }
    for word, value in lines.items():
        print(f"{word:<{max(map(len, lines))}}  {value}")


def _metrics(path: Path, score: str) -> dict[str, float]:
    """Return the metrics of `evaluate`, checked against its predictions: it has no checksum."""
    metrics = read_json(path, dict[str, float], _REMAKE)
    for name in (score, "num_images"):
        if name not in metrics:
            raise unexpected(path, f"a key {name}", "none", _REMAKE)
    predictions = path.with_name(PREDICTIONS_NAME)
    rows = parsed_table(read_text(predictions, _REMAKE), (), predictions, _REMAKE)
    if metrics["num_images"] != len(rows):
        expected = f"{len(rows):,} images, as many as {predictions.name} has"
        raise unexpected(path, expected, f"{metrics['num_images']:,.0f}", _REMAKE)
    _check_accuracy(path, metrics, rows)
    return metrics


def _check_accuracy(path: Path, metrics: dict[str, float], rows: list[dict[str, str]]) -> None:
    if "accuracy" not in metrics or not rows or not {"actual", "predicted"} <= rows[0].keys():
        return
    num_right = sum(row["actual"] == row["predicted"] for row in rows)
    if not math.isclose(metrics["accuracy"] * len(rows), num_right, abs_tol=1e-6):
        expected = f"{num_right:,} of {len(rows):,} images right, as {PREDICTIONS_NAME} says"
        found = f"an accuracy of {metrics['accuracy']} on {len(rows):,}"
        raise unexpected(path, expected, found, _REMAKE)
