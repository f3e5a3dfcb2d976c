"""Write the tables of the README: what the recipe reached, and what each precision's speed is."""

import json
import os
import shutil
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.files.tables import markdown, put_between, read_csv, write_csv
from spoonful.project import evaluate_dir, train_dir
from spoonful.quiet import import_tensorflow
from spoonful.tracking.environment import hardware
from spoonful.tracking.finding import find_run
from spoonful.tracking.store import open_store

NAME = "recipe.csv"
PRECISION_NAME = "precision.csv"
PRECISIONS = ("float32", "mixed_bfloat16")
FIGURES = ("learning_curves.png", "worst_mistakes.png")
# A row each: title, and how its value is written.
_ROWS = (
    ("test accuracy, %", lambda row: f"**{100 * float(row['test_accuracy']):.2f}**"),
    ("test images that are wrong", lambda row: f"{row['num_wrong']} of {int(row['images']):,}"),
    ("validation accuracy, %", lambda row: f"{100 * float(row['val_accuracy']):.2f}"),
    ("parameters", lambda row: f"{int(float(row['num_parameters'])):,}"),
    ("epochs", lambda row: row["epochs"]),
    ("training, images/s", lambda row: f"{float(row['images_per_s']):,.0f}"),
    ("`spoonful train` from start to end, min", lambda row: f"{float(row['minutes']):.1f}"),
    ("peak memory, MiB", lambda row: f"{float(row['peak_rss_mb']):,.0f}"),
    ("processor", lambda row: f"{row['cores']} cores of {row['processor']}"),
)


def publish(folder: Path) -> None:
    """Write the recipe's table as csv and into the README."""
    import_tensorflow()  # without its notes, which the hardware's description would bring
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"
    run_id = _run_id()
    row = _row(run_id)
    write_csv(folder / "results" / NAME, list(row), [list(row.values())])
    client = _client()
    for figure in FIGURES:
        kept = client.download_artifacts(run_id, f"figures/{figure}")
        shutil.copyfile(kept, folder / "results" / figure)
    for name, content in contents(folder / "results").items():
        put_between(folder / "README.md", name, content)


def publish_precision(folder: Path) -> None:
    """Write the table of precisions into the README, from what was measured."""
    rows = read_csv(folder / "results" / PRECISION_NAME)
    put_between(folder / "README.md", "precision", _precision_table(rows))


def contents(results: Path) -> dict[str, str]:
    """Return what stands between the README's lines, by name."""
    (row,) = read_csv(results / NAME)
    return {"result": markdown(("", ""), [(title, shown(row)) for title, shown in _ROWS])}


def _precision_table(rows: Sequence[Mapping[str, str]]) -> str:
    """Write the speed of each precision, and what it was measured on."""
    header = ("precision", "training, images/s", "lowest to highest")
    names = ("images_per_s", "lowest", "highest")
    lines = []
    for row in rows:
        speed, lowest, highest = (f"{float(row[name]):,.0f}" for name in names)
        lines.append((row["precision"], speed, f"{lowest} to {highest}"))
    first = rows[0]
    has = "has" if first["bfloat16"] == "yes" else "**lacks**"
    table = markdown(header, lines)
    return f"{table}\n\n{first['cores']} cores of {first['processor']}, which {has} bfloat16."


def _client() -> MlflowClient:
    return open_store(compose_config([]).tracking)


def _run_id() -> str:
    card = json.loads((train_dir() / "model.json").read_text(encoding="utf-8"))
    run_id = find_run(compose_config([]).tracking, card["train_key"])
    if run_id is None:
        raise SystemExit("MLflow has no run that made models/train: run experiments/recipe/run.sh")
    return run_id


def _row(run_id: str) -> Mapping[str, object]:
    tested = json.loads((evaluate_dir() / "metrics.json").read_text(encoding="utf-8"))
    client = _client()
    run = client.get_run(run_id)
    speeds = [value.value for value in client.get_metric_history(run_id, "images_per_s")]
    machine = hardware()
    return {
        "test_accuracy": tested["accuracy"],
        "num_wrong": round((1 - tested["accuracy"]) * tested["num_images"]),
        "images": tested["num_images"],
        "val_accuracy": run.data.metrics["best_val_accuracy"],
        "num_parameters": run.data.metrics["num_parameters"],
        "epochs": run.data.params["trainer.epochs"],
        "images_per_s": statistics.median(speeds[1:]),
        "minutes": (run.info.end_time - run.info.start_time) / 60_000,
        "peak_rss_mb": run.data.metrics["peak_rss_mb"],
        "cores": machine["hardware.num_cores"],
        "processor": machine["hardware.cpu"],
    }


if __name__ == "__main__":
    publish(Path(__file__).resolve().parent)
