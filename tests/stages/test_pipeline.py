"""The whole pipeline as a user runs it: real DVC, real git, real MLflow store."""

import csv
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import mlflow.keras
import numpy as np
import psutil
import pytest
import yaml
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from spoonful.sources.folder import FolderSource
from spoonful.sources.packed.source import PackedSource
from tests.conftest import ANY_NAME
from tests.stages.pipelines import TIMEOUT_S, copy_of, new_project, runs_of, sh, stages_run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline has run once, with a sweep; committed."""
    folder = new_project(tmp_path_factory.mktemp("first") / ANY_NAME, "pipeline")
    sh(folder, "dvc", "repro")
    sh(folder, "git", "add", "-A")
    sh(folder, "git", "commit", "-qm", "ran")
    return folder


def only_run(folder: Path) -> Run:
    """The run of the stage train."""
    (run,) = [run for run in runs_of(folder) if "sweep.id" not in run.data.tags]
    return run


def test_a_second_repro_has_nothing_to_do(first: Path) -> None:
    output = sh(first, "dvc", "repro")
    assert "up to date" in output
    assert stages_run(output) == []


def test_two_runs_from_scratch_make_the_same_bits(first: Path, tmp_path: Path) -> None:
    second = new_project(tmp_path, "pipeline")
    sh(second, "dvc", "repro")
    assert (second / "dvc.lock").read_bytes() == (first / "dvc.lock").read_bytes()
    locked = yaml.safe_load((second / "dvc.lock").read_text())["stages"]
    assert {out["path"] for stage in locked.values() for out in stage["outs"]} >= {
        "data/split",
        "models/train",
        "models/evaluate",
        "models/sweeps/pipeline/b32-full-s1",
        "models/compare/metrics.json",
    }


def test_the_sweep_is_one_run_with_a_child_a_combination(first: Path) -> None:
    (parent,) = [run for run in runs_of(first) if "sweep.name" in run.data.tags]
    assert parent.info.run_name == "pipeline"
    assert parent.info.status == "FINISHED"
    children = [run for run in runs_of(first) if "mlflow.parentRunId" in run.data.tags]
    assert {run.data.tags["mlflow.parentRunId"] for run in children} == {parent.info.run_id}
    assert [run.info.status for run in children] == ["FINISHED", "FINISHED"]
    assert {run.info.run_name for run in children} == {
        "mlp-adam-b32-full-s0",
        "mlp-adam-b32-full-s1",
    }
    compared = json.loads((first / "models" / "compare" / "metrics.json").read_text())
    values = [run.data.metrics["best_val_accuracy"] for run in children]
    assert compared["val_accuracy_mean"] == pytest.approx(np.mean(values))
    assert compared["num_runs"] == 2
    client = MlflowClient(f"sqlite:///{first / 'mlflow.db'}")
    kept = {file.path for file in client.list_artifacts(parent.info.run_id, "compare")}
    assert "compare/report.html" in kept


def test_how_runs_are_compared_trains_none_of_them(first: Path, tmp_path: Path) -> None:
    folder = copy_of(first, tmp_path)
    config = folder / "conf" / "compare" / "default.yaml"
    config.write_text(config.read_text().replace("0.05", "0.01"))
    assert stages_run(sh(folder, "dvc", "repro", "--dry")) == ["compare@pipeline"]


def test_a_sweep_is_trained_only_where_one_is_named(tmp_path: Path) -> None:
    folder = new_project(tmp_path)
    assert sh(folder, "dvc", "stage", "list", "--name-only").split() == [
        "fetch",
        "inspect",
        "split",
        "pack",
        "train",
        "evaluate",
    ]


def test_the_split_holds_every_image_once(first: Path) -> None:
    files = [p.name for p in (first / "data" / "split").rglob("*.png")]
    assert len(files) == len(set(files)) == 1797
    summary = json.loads((first / "data" / "split.json").read_text())
    assert sum(summary["num_images"].values()) == 1797


def test_the_test_metrics_are_on_the_training_run(first: Path) -> None:
    run = only_run(first)
    metrics = json.loads((first / "models" / "evaluate" / "metrics.json").read_text())
    assert run.info.status == "FINISHED"
    assert run.data.metrics["test_accuracy"] == metrics["accuracy"]
    with (first / "models" / "evaluate" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    right = np.mean([row["actual"] == row["predicted"] for row in rows])
    assert metrics["accuracy"] == pytest.approx(right)


def test_the_run_records_what_it_was_made_from(first: Path) -> None:
    run = only_run(first)
    assert run.data.params["model"] == "mlp"
    assert run.data.params["trainer.early_stopping.metric"] == "val_loss"
    assert run.data.tags["overrides"] == "model=mlp trainer.epochs=2"
    assert len(run.data.tags["git.commit"]) == 40
    packed = yaml.safe_load((first / "dvc.lock").read_text())["stages"]["pack"]["outs"]
    assert run.data.tags["dvc.data_packed"] in {out["md5"] for out in packed}
    source = PackedSource(first / "data" / "packed" / "train")
    assert run.data.tags["fingerprint.train"] == source.fingerprint
    names = {d.dataset.name: d.dataset.digest for d in run.inputs.dataset_inputs}
    assert names["digits/train"] == source.fingerprint[:36]
    for name in (
        "images_per_s",
        "input_wait_s",
        "input_wait_fraction",
        "reading_threads",
        "peak_rss_mb",
    ):
        assert run.data.metrics[name] >= 0
    assert run.data.metrics["images_seen"] == 2 * len(source)
    assert run.data.metrics["train_time_s"] > run.data.metrics["epoch_train_s"] > 0
    assert run.data.metrics["shuffle_displacement"] == pytest.approx(1, abs=0.1)
    assert run.data.metrics["shuffle_class_chi2"] == pytest.approx(1, abs=0.3)
    assert run.data.metrics["shuffle_repeated_neighbours"] < 0.01
    assert any(name.startswith("system/") for name in run.data.metrics)


def test_the_recorded_artifacts_are_whole(first: Path) -> None:
    run = only_run(first)
    client = MlflowClient(f"sqlite:///{first / 'mlflow.db'}")
    top = {f.path for f in client.list_artifacts(run.info.run_id)}
    figures = {f.path for f in client.list_artifacts(run.info.run_id, "figures")}
    assert {"config.yaml", "overrides.txt", "environment.json", "evaluation"} <= top
    for name in ("learning_curves", "training_batch", "confusion_matrix", "worst_mistakes"):
        assert f"figures/{name}.png" in figures


def test_the_recorded_model_predicts_the_same(first: Path) -> None:
    mlflow.set_tracking_uri(f"sqlite:///{first / 'mlflow.db'}")
    run = only_run(first)
    model = mlflow.keras.load_model(f"runs:/{run.info.run_id}/model")
    card = mlflow.models.get_model_info(f"runs:/{run.info.run_id}/model")
    assert card.metadata["class_names"] == [str(digit) for digit in range(10)]
    assert card.signature is not None
    assert card.signature.inputs.inputs[0].type == np.dtype("uint8")
    source = FolderSource(first / "data" / "split" / "test", (8, 8), 1)
    probabilities = model.predict(source.read(range(len(source))), verbose=0)
    with (first / "models" / "evaluate" / "predictions.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [source.class_names[i] for i in probabilities.argmax(axis=1)] == [
        row["predicted"] for row in rows
    ]


def test_an_optimizer_change_runs_no_data_stage(first: Path, tmp_path: Path) -> None:
    folder = copy_of(first, tmp_path)
    config = folder / "conf" / "config.yaml"
    config.write_text(config.read_text().replace("optimizer: adam", "optimizer: sgd"))
    dry = stages_run(sh(folder, "dvc", "repro", "--dry"))
    assert dry == ["train", "sweep@pipeline-32-full-0", "sweep@pipeline-32-full-1"]
    sh(folder, "git", "checkout", "conf")
    optimizer = folder / "conf" / "optimizer" / "adam.yaml"
    optimizer.write_text(optimizer.read_text().replace("0.001", "0.002"))
    assert stages_run(sh(folder, "dvc", "repro", "--dry", "evaluate")) == ["train"]


def test_a_dataset_change_runs_everything(first: Path, tmp_path: Path) -> None:
    folder = copy_of(first, tmp_path)
    config = folder / "conf" / "config.yaml"
    config.write_text(config.read_text().replace("dataset: digits", "dataset: mnist"))
    changed = sh(folder, "dvc", "status")
    assert "fetch:" in changed
    assert "split:" in changed


def test_an_experiment_with_overrides_really_changes_training(first: Path, tmp_path: Path) -> None:
    folder = copy_of(first, tmp_path)
    before = json.loads((folder / "models" / "evaluate" / "metrics.json").read_text())
    overrides = 'train.overrides="model=mlp trainer.epochs=2 optimizer=sgd generator.batch_size=64"'
    output = sh(folder, "dvc", "exp", "run", "-S", overrides, "evaluate")
    assert stages_run(output) == ["train", "evaluate"]
    after = json.loads((folder / "models" / "evaluate" / "metrics.json").read_text())
    assert after["loss"] != before["loss"]
    made = yaml.safe_load((folder / "models" / "train" / "config.yaml").read_text())
    assert made["optimizer"]["_target_"] == "spoonful.optimizers.sgd.Sgd"
    assert made["generator"]["batch_size"] == 64
    assert "loss" in sh(folder, "dvc", "metrics", "diff")


def test_push_and_pull_restore_the_split_in_a_fresh_clone(first: Path, tmp_path: Path) -> None:
    remote, clone = tmp_path / "remote", tmp_path / "clone"
    sh(first, "dvc", "remote", "add", "--local", "-d", "-f", "folder", str(remote))
    sh(first, "dvc", "push")
    sh(tmp_path, "git", "clone", "-q", str(first), str(clone))
    sh(clone, "dvc", "remote", "add", "--local", "-d", "folder", str(remote))
    sh(clone, "dvc", "pull", "split")
    ours = FolderSource(first / "data" / "split" / "train", (8, 8), 1)
    theirs = FolderSource(clone / "data" / "split" / "train", (8, 8), 1)
    assert theirs.fingerprint == ours.fingerprint


def training_process(repro: "subprocess.Popen[bytes]") -> psutil.Process | None:
    children = psutil.Process(repro.pid).children(recursive=True)
    return next((c for c in children if "train" in c.cmdline() and "-c" not in c.cmdline()), None)


def test_a_killed_repro_goes_on_with_the_same_run(first: Path, tmp_path: Path) -> None:
    folder = copy_of(first, tmp_path)
    params = (folder / "params.yaml").read_text()
    (folder / "params.yaml").write_text(params.replace("trainer.epochs=2", "trainer.epochs=40"))
    scripts = str(Path(sys.executable).parent)
    environment = {**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"}
    repro = subprocess.Popen(["dvc", "repro", "evaluate"], cwd=folder, env=environment)
    try:
        end = time.monotonic() + TIMEOUT_S
        while not list((folder / "models" / "checkpoints").glob("*/step-*")):
            assert repro.poll() is None
            assert time.monotonic() < end, "no checkpoint"
            time.sleep(0.05)
        training = training_process(repro)
        assert training is not None
        training.kill()
        assert repro.wait(timeout=60) != 0
    finally:
        repro.kill()
    run_id = only_run(folder).info.run_id
    output = sh(folder, "dvc", "repro", "evaluate")
    assert f"run {run_id}, after step" in output
    assert only_run(folder).info.status == "FINISHED"
    assert not list((folder / "models" / "checkpoints").iterdir())
