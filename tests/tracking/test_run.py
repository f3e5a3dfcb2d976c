"""What a run records, against a real store."""

import subprocess
import sys
from pathlib import Path

import mlflow
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.tracking.run import tracked_run


@pytest.fixture(autouse=True)
def in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)


def recorded(project: Path, run_id: str) -> Run:
    return MlflowClient(f"sqlite:///{project / 'mlflow.db'}").get_run(run_id)


def test_a_run_shorter_than_the_interval_has_system_metrics_too(project: Path) -> None:
    config = compose_config(["tracking.system_metrics_interval_s=600"]).tracking
    with tracked_run(config, "short", {}, "") as run:
        pass
    metrics = recorded(project, run.run_id).data.metrics
    assert metrics["system/system_memory_usage_megabytes"] > 0


@pytest.mark.parametrize(
    ("error", "status"), [(ValueError("no good"), "FAILED"), (KeyboardInterrupt(), "KILLED")]
)
def test_a_run_that_is_cut_off_is_marked_and_keeps_its_system_metrics(
    project: Path, error: BaseException, status: str
) -> None:
    config = compose_config([]).tracking
    with pytest.raises(type(error)), tracked_run(config, "cut off", {}, "") as run:
        raise error
    run_ = recorded(project, run.run_id)
    assert run_.info.status == status
    assert any(name.startswith("system/") for name in run_.data.metrics)


def test_a_second_ctrl_c_cannot_leave_it_unmarked(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    end_run = mlflow.end_run

    def interrupted(status: str) -> None:
        monkeypatch.setattr(mlflow, "end_run", end_run)
        raise KeyboardInterrupt

    monkeypatch.setattr(mlflow, "end_run", interrupted)
    config = compose_config([]).tracking
    with pytest.raises(KeyboardInterrupt), tracked_run(config, "cut off", {}, "") as run:
        raise KeyboardInterrupt
    assert recorded(project, run.run_id).info.status == "KILLED"
    mlflow.end_run("KILLED")  # still on MLflow's list, as a Ctrl-C leaves it


@pytest.mark.slow
def test_what_is_still_open_when_the_process_ends_is_not_called_finished(project: Path) -> None:
    program = """
import mlflow
from spoonful.config.compose import compose_config
from spoonful.tracking import run

config = compose_config([]).tracking
print(run._start(config, "cut off", {}, "").info.run_id)
raise KeyboardInterrupt  # between the start of the run and the block that ends it
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=project, capture_output=True, text=True, timeout=120
    )
    assert recorded(project, done.stdout.strip()).info.status == "KILLED"
