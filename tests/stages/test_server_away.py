"""Trainings whose tracking server goes away: killed, hanging, answering 500, losing its answers."""

import base64
import csv
import json
import os
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.servers import Between, mlflow_server

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
NUM_EPOCHS = 40
# A checkpoint each epoch: without, the training may end before the one that a kill waits for.
TRAIN = (
    "train",
    "model=mlp",
    f"trainer.epochs={NUM_EPOCHS}",
    "trainer.checkpoint_every_steps=40",
    "tracking.timeout_s=4",
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mlflow_server(tmp_path_factory.mktemp("server")) as uri:
        yield uri


@pytest.fixture
def between(server: str) -> Iterator[Between]:
    found = Between(server)
    yield found
    found.close()


class Runs:
    """What the server has of one experiment.

    Args:
        server: its own address.
        name: of the experiment.
    """

    def __init__(self, server: str, name: str) -> None:
        self.client = MlflowClient(server)
        self._name = name

    def all(self) -> list[Run]:
        experiment = self.client.get_experiment_by_name(self._name)
        return list(self.client.search_runs([experiment.experiment_id])) if experiment else []

    def has_an_epoch(self) -> bool:
        return any("loss" in run.data.metrics for run in self.all())

    def check_whole(self, project: Path) -> None:
        """Check that all is there, and once."""
        (run,) = self.all()
        run_id = run.info.run_id
        assert run.info.status == "FINISHED"
        for name in run.data.metrics:
            steps = Counter(m.step for m in self.client.get_metric_history(run_id, name))
            assert max(steps.values()) == 1, f"{name} has a step twice"
        with (project / "models" / "train" / "history.csv").open() as file:
            losses = {int(row["epoch"]): float(row["loss"]) for row in csv.DictReader(file)}
        recorded = {m.step: m.value for m in self.client.get_metric_history(run_id, "loss")}
        assert recorded == losses
        assert len(losses) == NUM_EPOCHS
        top = {file.path for file in self.client.list_artifacts(run_id)}
        assert {"config.yaml", "overrides.txt", "environment.json", "ledger.csv"} <= top
        models = self.client.search_logged_models([run.info.experiment_id])
        assert [str(model.status) for model in models] == ["READY"]
        assert run.data.params["model"] == "mlp"
        assert "train_key" in run.data.tags


@pytest.fixture
def begun(
    digits: Path, processes: Any, between: Between, server: str, request: pytest.FixtureRequest
) -> Iterator[tuple[Any, Runs, list[str]]]:
    """A training that has recorded an epoch: its process, its runs, and its store as overrides."""
    name = f"away-{request.node.name}"
    uri = f"tracking.uri=http://bob:s3cret@127.0.0.1:{between.port}"
    store = [uri, f"tracking.experiment_name={name.replace('[', '-').replace(']', '')}"]
    runs = Runs(server, store[1].partition("=")[2])
    process = processes.start(*TRAIN, *store)
    try:
        assert processes.wait_for(runs.has_an_epoch, process, "epoch"), process.communicate()
        yield process, runs, store
    finally:
        process.kill()


def test_runs_go_to_a_server(digits: Path, server: str, spoonful: Spoonful, processes: Any) -> None:
    store = [f"tracking.uri={server}", "tracking.experiment_name=there"]
    done = spoonful("train", "model=mlp", "trainer.epochs=1", *store)
    assert done.returncode == 0, done.stderr
    judged = spoonful("evaluate", *store)
    assert judged.returncode == 0, judged.stderr
    (run,) = Runs(server, "there").all()
    assert run.info.status == "FINISHED"
    metrics = json.loads((digits / "models" / "evaluate" / "metrics.json").read_text())
    assert run.data.metrics["test_accuracy"] == metrics["accuracy"]
    assert processes.runs() == []  # none in the project's own store


@pytest.mark.parametrize("mode", ["hang", "500", "closed"])
def test_training_ends_with_its_model_and_sync_sends_the_rest(
    digits: Path, between: Between, begun: Any, spoonful: Spoonful, mode: str
) -> None:
    process, runs, store = begun
    between.mode = mode
    output, errors = process.communicate(timeout=120)
    assert process.returncode == 3, errors
    assert "spoonful sync" in errors
    assert (digits / "models" / "train" / "model.keras").is_file()
    (run,) = runs.all()
    assert run.info.status == "RUNNING"
    judged = spoonful("evaluate", *store, "tracking.timeout_s=4") if mode == "closed" else None
    if judged is not None:
        assert judged.returncode == 3, judged.stderr
        assert (digits / "models" / "evaluate" / "report.html").is_file()
    away = spoonful("sync", *store, "tracking.timeout_s=2")
    assert away.returncode == 2
    assert len(away.stderr.strip().splitlines()) == 1
    between.mode = "pass"
    done = spoonful("sync", *store)
    assert done.returncode == 0, done.stderr
    runs.check_whole(digits)
    assert not list((digits / "models" / "journal").iterdir())
    if judged is not None:
        assert "test_accuracy" in runs.all()[0].data.metrics
    assert spoonful("sync", *store).stdout == "there is nothing to send\n"
    _check_no_login(digits, between, [output, errors, away.stderr, done.stdout, done.stderr])


def _check_no_login(project: Path, between: Between, written: list[str]) -> None:
    expected = "Basic " + base64.b64encode(b"bob:s3cret").decode()
    assert expected in between.logins
    files = [path for path in project.rglob("*") if path.is_file()]
    assert not [path for path in files if b"s3cret" in path.read_bytes()]
    assert not [text for text in written if "s3cret" in text]


def test_a_server_that_comes_back_gets_everything_once(
    digits: Path, between: Between, begun: Any
) -> None:
    process, runs, _ = begun
    for mode in ("lost", "500", "lost"):
        between.mode = mode
        time.sleep(1)
    between.mode = "pass"
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    runs.check_whole(digits)
    assert not list((digits / "models" / "journal").iterdir())


def test_killed_while_the_server_was_away_it_goes_on_and_sends_all_of_it(
    digits: Path, between: Between, begun: Any, processes: Any, spoonful: Spoonful
) -> None:
    process, runs, store = begun
    between.mode = "500"
    before = processes.checkpoint_steps()
    assert processes.wait_for(partial(processes.have_moved, before), process, "checkpoint")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    between.mode = "pass"
    done = spoonful(*TRAIN, *store, "trainer.resume=auto")
    assert done.returncode == 0, done.stderr
    assert "resuming" in done.stdout
    runs.check_whole(digits)
    assert not list((digits / "models" / "journal").iterdir())
    assert not list((digits / "models" / "open_runs").iterdir())


def test_a_server_that_hangs_at_the_start_is_one_line(
    digits: Path, between: Between, spoonful: Spoonful
) -> None:
    between.mode = "hang"
    environment = {"MLFLOW_TRACKING_URI": f"http://127.0.0.1:{between.port}"}
    done = spoonful("train", "model=mlp", "tracking.timeout_s=2", environment=environment)
    assert done.returncode == 2
    assert len(done.stderr.strip().splitlines()) == 1
    assert f"MLFLOW_TRACKING_URI=http://127.0.0.1:{between.port}" in done.stderr
    assert "(MLFLOW_TRACKING_URI)" in done.stdout


def test_a_sweep_goes_on_when_a_point_is_killed_while_the_server_is_away(
    digits: Path, processes: Any, between: Between, server: str, spoonful: Spoonful
) -> None:
    store = [f"tracking.uri=http://127.0.0.1:{between.port}", "tracking.experiment_name=swept"]
    sweep = ["sweep", "seed=0,1", *TRAIN[1:4], *store, "tracking.timeout_s=2"]
    runs = Runs(server, "swept")
    process = processes.start(*sweep, "sweep.num_parallel=2")

    def points() -> list[Run]:
        return [run for run in runs.all() if "loss" in run.data.metrics]

    try:
        assert processes.wait_for(lambda: len(points()) == 2, process, "two points")
        between.mode = "closed"
        killed = next(run for run in points() if run.data.tags["sweep.number"] == "0")
        lock = digits / "models" / "checkpoints" / killed.info.run_id / "lock"
        os.kill(int(lock.read_text()), signal.SIGKILL)
        output, errors = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 1, errors
    assert "1 point finished, 1 failed" in output
    assert "spoonful sync" in errors
    assert "Traceback" not in errors
    assert {run.info.status for run in runs.all()} == {"RUNNING"}
    between.mode = "pass"
    done = spoonful("sync", *store)
    assert done.returncode == 0, done.stderr
    status = {run.data.tags.get("sweep.number"): run.info.status for run in runs.all()}
    assert status == {None: "FAILED", "0": "FAILED", "1": "FINISHED"}
    error = runs.client.get_run(killed.info.run_id).data.tags["error"]
    assert error == "killed by SIGKILL, perhaps out of memory"
