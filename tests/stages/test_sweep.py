"""`spoonful sweep` as real processes: gone on with after any end, one bad point among good ones."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
LIMIT_S = 120
TINY = ["model=mlp", "trainer.epochs=1"]
GRID = ["generator.batch_size=32,64", "seed=0,1", *TINY]
# The last point trains for long: it is the one that is interrupted.
LONG = ["trainer.epochs=1,1000", "model=mlp", "trainer.checkpoint_every_steps=20"]


def runs_of(project: Path) -> list[Run]:
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def parents(project: Path) -> list[Run]:
    return [run for run in runs_of(project) if "sweep.num_points" in run.data.tags]


def children(project: Path) -> list[Run]:
    return [run for run in runs_of(project) if "mlflow.parentRunId" in run.data.tags]


def start(project: Path, *overrides: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "spoonful", "sweep", *overrides],
        cwd=project,
        env={k: v for k, v in os.environ.items() if not k.startswith(("SPOONFUL_", "MLFLOW_"))},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended_by(number: int, project: Path, *overrides: str) -> tuple[int, str, str]:
    """Start a sweep, end it once its long point has a checkpoint inside its first epochs."""
    process = start(project, *overrides)
    limit = time.monotonic() + LIMIT_S
    try:
        while not list((project / "models" / "checkpoints").glob("*/step-*2?")) or not list(
            (project / "models" / "sweeps").glob("*/0.json")
        ):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < limit
            time.sleep(0.02)
        time.sleep(0.5)
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, output, errors


@pytest.mark.parametrize("command", [["sweep"], ["train", "--multirun"]])
def test_every_point_is_a_child_of_one_run(
    digits: Path, spoonful: Spoonful, command: list[str]
) -> None:
    done = spoonful(*command, *GRID)
    assert done.returncode == 0, done.stderr
    (parent,) = parents(digits)
    assert parent.info.status == "FINISHED"
    tags = parent.data.tags
    assert json.loads(tags["sweep.axes"]) == ["generator.batch_size", "seed"]
    assert tags["sweep.num_points"] == "4"
    assert tags["sweep.id"] == parent.info.run_id
    assert "spoonful sweep" in tags["mlflow.note.content"]
    found = children(digits)
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {parent.info.run_id}
    assert {run.data.tags["sweep.id"] for run in found} == {parent.info.run_id}
    assert Counter(run.data.tags["sweep.point"] for run in found) == {
        "batch_size=32": 2,
        "batch_size=64": 2,
    }
    assert {run.info.status for run in found} == {"FINISHED"}
    assert {run.info.run_name for run in found} == {
        f"mlp-adam-b{size}-full-s{seed}" for size in (32, 64) for seed in (0, 1)
    }
    folder = digits / "models" / "sweeps" / parent.info.run_id
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == ["0", "1", "2", "3"]
    assert "[4/4] batch_size=64 seed=1: val_accuracy 0." in done.stdout
    assert "; left " in done.stdout
    # It has finished: the same command is another sweep.
    again = spoonful("sweep", "seed=0,1", "generator.batch_size=32", *TINY)
    assert again.returncode == 0, again.stderr
    assert len(parents(digits)) == 2


def test_a_killed_sweep_goes_on_with_the_point_it_was_at(digits: Path, spoonful: Spoonful) -> None:
    code, output, _ = ended_by(signal.SIGKILL, digits, *LONG)
    assert code == -signal.SIGKILL
    assert "[1/2]" in output
    before = {run.info.run_id: run.info.status for run in runs_of(digits)}
    assert sorted(before.values()) == ["FINISHED", "RUNNING", "RUNNING"]
    code, output, errors = ended_by(signal.SIGINT, digits, *LONG)
    assert code == 130, errors
    assert "going on, 1 of them finished" in output
    assert "training mlp" not in output
    assert "resuming mlp" in output
    assert "sweep ended after 1 of 2 points; go on with\n  spoonful sweep" in errors
    after = {run.info.run_id: run.info.status for run in runs_of(digits)}
    assert before.keys() == after.keys()
    assert sorted(after.values()) == ["FINISHED", "KILLED", "KILLED"]
    (parent,) = parents(digits)
    assert after[parent.info.run_id] == "KILLED"


def test_a_point_that_fails_stops_no_other_and_is_tried_again(
    digits: Path, spoonful: Spoonful
) -> None:
    axes = ["optimizer.learning_rate=1e30,0.001", *TINY]
    done = spoonful("sweep", *axes)
    assert done.returncode == 1
    assert "failed: learning_rate=1e+30: the loss is nan" in done.stdout
    assert "1 points finished, 1 failed" in done.stdout
    assert "Traceback" not in done.stderr
    (parent,) = parents(digits)
    assert parent.info.status == "FAILED"
    assert sorted(run.info.status for run in children(digits)) == ["FAILED", "FINISHED"]
    again = spoonful("sweep", *axes)
    assert again.returncode == 1
    assert "going on, 1 of them finished" in again.stdout
    assert len(parents(digits)) == 1
    # The run that failed is taken up again, as any interrupted one is.
    assert sorted(run.info.status for run in children(digits)) == ["FAILED", "FINISHED"]


def test_points_train_side_by_side(digits: Path, spoonful: Spoonful) -> None:
    side_by_side = ["hydra/launcher=joblib", "hydra.launcher.n_jobs=2"]
    done = spoonful("sweep", *GRID, *side_by_side, "optimizer.learning_rate=1e30,0.001")
    assert done.returncode == 1, done.stderr
    (parent,) = parents(digits)
    found = children(digits)
    assert Counter(run.info.status for run in found) == {"FINISHED": 4, "FAILED": 4}
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {parent.info.run_id}
    # Gone on with by the other launcher, it is the same sweep.
    again = spoonful("sweep", *GRID, "optimizer.learning_rate=1e30,0.001")
    assert "going on, 4 of them finished" in again.stdout
    assert len(parents(digits)) == 1


def test_optuna_chooses_the_points(digits: Path, spoonful: Spoonful) -> None:
    axes = ["hydra/sweeper=optuna", "hydra.sweeper.n_trials=4", "hydra.sweeper.direction=maximize"]
    axes += ["optimizer.learning_rate=tag(log, interval(0.0001, 0.01))", *TINY]
    axes += ["hydra.sweeper.sampler.seed=1", "trainer.early_stopping.metric=val_accuracy"]
    done = spoonful("sweep", *axes)
    assert done.returncode == 0, done.stderr
    (parent,) = parents(digits)
    rates = [float(run.data.params["optimizer.learning_rate"]) for run in children(digits)]
    assert len(set(rates)) == 4
    assert all(1e-4 <= rate <= 1e-2 for rate in rates)
    points = (digits / "models" / "sweeps" / parent.info.run_id).glob("[0-9]*.json")
    values = [json.loads(path.read_text())["value"] for path in points]
    best = (
        digits / "models" / "sweeps" / parent.info.run_id / "optimization_results.yaml"
    ).read_text()
    assert f"best_value: {max(values)}" in best


def test_a_sweep_that_others_run_is_left_alone(digits: Path, spoonful: Spoonful) -> None:
    process = start(digits, *LONG)
    try:
        limit = time.monotonic() + LIMIT_S
        while not list((digits / "models" / "sweeps").glob("*/0.json")):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < limit
            time.sleep(0.05)
        second = spoonful("sweep", *LONG)
        assert second.returncode == 2
        assert "is being run by another process" in second.stderr
        assert len(second.stderr.splitlines()) == 1
    finally:
        process.kill()
        process.communicate()


def test_single_trainings_join_a_sweep_by_name(digits: Path, spoonful: Spoonful) -> None:
    for seed in (0, 1):
        point = ["sweep.run_name=grid", f"sweep.point=s{seed}", f"seed={seed}"]
        done = spoonful("train", *TINY, *point)
        assert done.returncode == 0, done.stderr
        assert (digits / "models" / "sweeps" / "grid" / f"s{seed}" / "model.keras").is_file()
    found = children(digits)
    assert len(found) == 2
    assert len({run.data.tags["mlflow.parentRunId"] for run in found}) == 1
    assert len(runs_of(digits)) == 3
    assert {run.info.status for run in runs_of(digits)} == {"FINISHED"}


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model=mlp"], "nothing to sweep over"),
        (["seed=0,1", "model=mlp,foo"], "model=foo"),
        (["seed=0,1", "sweep.resume=abc"], "sweep.resume=abc: expected auto, null or the id"),
        (["seed=0,1", "trainer.resume=auto"], "trainer.resume: a sweep goes on by sweep.resume"),
        (["experiment=nope", "seed=0,1"], "experiment=nope"),
    ],
)
def test_what_cannot_be_swept_is_one_line(
    digits: Path, spoonful: Spoonful, overrides: list[str], words: str
) -> None:
    done = spoonful("sweep", *overrides)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (digits / "models" / "sweeps").exists()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["sweep.point=a"], "give sweep.run_name, too"),
        (["sweep.point=../a", "sweep.run_name=grid"], "sweep.point=../a: expected the name of a"),
        (["sweep.point=a", "sweep.run_name=g/h"], "sweep.run_name=g/h: expected the name of a"),
    ],
)
def test_a_point_has_a_folder_of_its_own_in_the_project(
    digits: Path, spoonful: Spoonful, overrides: list[str], words: str
) -> None:
    done = spoonful("train", *overrides)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (digits / "models").exists()
