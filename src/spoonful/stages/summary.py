"""`spoonful summary`: what the last pipeline run made, in a few lines."""

import json

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.evaluation.report import METRICS_NAME, REPORT_NAME
from spoonful.project import evaluate_dir, shown_path, train_dir
from spoonful.stages.train import CARD_NAME


def run(config: Config) -> None:
    """Print test accuracy, run id, report and the command that opens the UI."""
    metrics_path = evaluate_dir() / METRICS_NAME
    card_path = train_dir() / CARD_NAME
    for path in (metrics_path, card_path):
        if not path.is_file():
            raise SpoonfulError(f"{path} is missing: run `make repro` or `spoonful evaluate` first")
    from spoonful.tracking.run import find_run

    metrics = json.loads(metrics_path.read_text(encoding="utf-8"))
    train_key = json.loads(card_path.read_text(encoding="utf-8"))["train_key"]
    run_id = find_run(config.tracking, train_key)
    report = shown_path(evaluate_dir() / REPORT_NAME)
    print(f"test accuracy  {metrics['accuracy']:.4f} ({metrics['num_images']} images)")
    print(f"MLflow run     {run_id or 'none in this store: the model was restored by DVC'}")
    print(f"report         {report}")
    print("open the UI    make ui")
