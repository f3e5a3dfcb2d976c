"""`spoonful summary`: the results of the last pipeline run in a few lines."""

import math
from dataclasses import dataclass
from pathlib import Path

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.evaluation.report import PREDICTIONS_NAME
from spoonful.files.documents import read_json, read_table, unexpected
from spoonful.project import evaluate_dir, shown_path, train_dir
from spoonful.record.files import CARD_NAME, METRICS_NAME, REPORT_NAME
from spoonful.workflow.trained_model import read_card
from spoonful.workflow.unsent import settle_store

_REMAKE = "run `spoonful evaluate` again"


@dataclass(frozen=True)
class _Metrics:
    accuracy: float
    num_images: int


def run(config: Config) -> None:
    """Print test accuracy, run id, report and the command that opens the UI."""
    metrics_path = evaluate_dir() / METRICS_NAME
    card_path = train_dir() / CARD_NAME
    for path in (metrics_path, card_path):
        if not path.exists():
            raise SpoonfulError(f"{path} is missing: run `make repro` or `spoonful evaluate` first")
    metrics = _metrics(metrics_path)
    train_key = read_card(train_dir())["train_key"]
    settle_store(config.tracking)
    from spoonful.tracking.finding import find_run

    run_id = find_run(config.tracking, train_key)
    report = shown_path(evaluate_dir() / REPORT_NAME)
    print(f"test accuracy  {metrics.accuracy:.4f} ({metrics.num_images} images)")
    print(f"MLflow run     {run_id or 'none in this store: the model was restored by DVC'}")
    print(f"report         {report}")
    print("open the UI    make ui")


def _metrics(path: Path) -> _Metrics:
    """Return the metrics of `evaluate`, checked against its predictions: it has no checksum.

    Raises:
        SpoonfulError: one of the two files is damaged.
    """
    metrics = read_json(path, _Metrics, _REMAKE)
    predictions = path.with_name(PREDICTIONS_NAME)
    rows = read_table(predictions, ("actual", "predicted"), _REMAKE)
    num_right = sum(row["actual"] == row["predicted"] for row in rows)
    is_right = math.isclose(metrics.accuracy * len(rows), num_right, abs_tol=1e-6)
    if metrics.num_images != len(rows) or not is_right:
        expected = f"{num_right:,} of {len(rows):,} images right, as {predictions.name} says"
        found = f"an accuracy of {metrics.accuracy} on {metrics.num_images:,}"
        raise unexpected(path, expected, found, _REMAKE)
    return metrics
