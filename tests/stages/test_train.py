"""`spoonful train` as real processes: status at every end, bad data."""

import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from spoonful.fitting.modes import emulates_bfloat16
from tests.processes import run_spoonful

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
START_LIMIT_S = 120


def runs_of(uri: str) -> list[Run]:
    client = MlflowClient(uri)
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


def store_of(project: Path) -> str:
    return f"sqlite:///{project / 'mlflow.db'}"


def wait_for(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + START_LIMIT_S
    while not condition():
        assert time.monotonic() < end, f"no {what} within {START_LIMIT_S} s"
        time.sleep(0.5)


def has_logged_an_epoch(uri: str) -> bool:
    return any("loss" in run.data.metrics for run in runs_of(uri))


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_is_marked_killed(
    digits: Path, processes: Any, number: int, code: int
) -> None:
    process = processes.start("train", "trainer.epochs=10000", "model=mlp")
    try:
        wait_for(lambda: has_logged_an_epoch(store_of(digits)), "epoch")
        process.send_signal(number)
        _, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == code
    assert "Traceback" not in errors
    (run,) = runs_of(store_of(digits))
    assert run.info.status == "KILLED"
    assert not (digits / "models" / "train").exists()


def test_an_image_that_changed_since_the_split_is_named_before_a_run_begins(
    digits: Path, spoonful: Spoonful
) -> None:
    broken = sorted((digits / "data" / "split" / "train" / "3").iterdir())[0]
    broken.write_bytes(b"no image")
    done = spoonful("train", "source=folder", "model=mlp", "trainer.epochs=1")
    assert done.returncode == 2
    assert broken.name in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert runs_of(store_of(digits)) == []


def test_a_diverged_loss_fails_the_run(digits: Path, spoonful: Spoonful) -> None:
    done = spoonful("train", "model=mlp", "trainer.epochs=2", "optimizer.learning_rate=1e30")
    assert done.returncode == 2
    assert "learning_rate" in done.stderr
    (run,) = runs_of(store_of(digits))
    assert run.info.status == "FAILED"


def test_bfloat16_that_the_processor_lacks_is_warned_of(digits: Path, spoonful: Spoonful) -> None:
    done = spoonful("train", "model=mlp", "trainer.epochs=1", "trainer.precision=mixed_bfloat16")
    assert done.returncode == 0, done.stderr
    is_warned = "this processor has no bfloat16" in done.stderr
    assert is_warned == emulates_bfloat16()


def test_train_refuses_a_split_of_other_settings(digits: Path, spoonful: Spoonful) -> None:
    done = spoonful("train", "dataset.val_fraction=0.3")
    assert done.returncode == 2
    assert "val_fraction (config 0.3, split 0.1)" in done.stderr


def test_from_a_subfolder_outputs_stay_in_the_project(digits: Path) -> None:
    below = digits / "below"
    below.mkdir()
    done = run_spoonful(below, "train", "model=mlp", "trainer.epochs=1")
    assert done.returncode == 0, done.stderr
    assert list(below.iterdir()) == []
    assert (digits / "models" / "train" / "model.keras").is_file()


def test_a_server_that_is_not_there_is_one_line(digits: Path, spoonful: Spoonful) -> None:
    done = spoonful("train", "model=mlp", "tracking.uri=http://127.0.0.1:9")
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert "tracking.uri=http://127.0.0.1:9" in done.stderr


def test_evaluate_without_a_model_says_what_to_run(digits: Path, spoonful: Spoonful) -> None:
    shutil.rmtree(digits / "models", ignore_errors=True)
    done = spoonful("evaluate")
    assert done.returncode == 2
    assert "spoonful train" in done.stderr


def test_a_model_outside_the_project_is_judged_where_it_lies(
    digits: Path, spoonful: Spoonful, tmp_path: Path
) -> None:
    assert spoonful("train", "model=mlp", "trainer.epochs=1").returncode == 0
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(digits / "models" / "train", elsewhere)
    given = f"evaluation.model_dir={elsewhere}"
    done = spoonful("evaluate", given)
    assert done.returncode == 0, done.stderr
    assert str(elsewhere / "evaluate" / "report.html") in done.stdout
    with (elsewhere / "model.keras").open("r+b") as file:
        file.truncate(1000)
    cut = spoonful("evaluate", given)
    assert cut.returncode == 2
    assert "model.keras: expected SHA-256" in cut.stderr
    assert len(cut.stderr.strip().splitlines()) == 1
