"""A sweep's run ends the runs that killed processes left, also where its server is away."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.config.schema import TrackingConfig
from spoonful.tracking import outlets
from spoonful.tracking.journal import new_journal
from spoonful.tracking.parent import begin_parent, child_tags, end_children, end_sweep
from spoonful.tracking.store import prepare_store
from spoonful.tracking.sync import settle

ERROR = "killed by SIGKILL, perhaps out of memory"


class Sweep:
    """A sweep whose points run; one has finished."""

    def __init__(self, config: TrackingConfig) -> None:
        self.client = MlflowClient(prepare_store(config))
        self.run_id = begin_parent(config, "s", ["seed"], 3, {}, "")
        self.points = [self.begin(number) for number in range(3)]
        self.client.set_terminated(self.points[2])

    def begin(self, number: int) -> str:
        experiment = self.client.get_run(self.run_id).info.experiment_id
        tags = child_tags(self.run_id, f"seed={number}", number)
        return str(self.client.create_run(experiment, tags=tags).info.run_id)

    def statuses(self, *more: str) -> list[str]:
        """Of the sweep, its points, and more runs."""
        ids = (self.run_id, *self.points, *more)
        return [str(self.client.get_run(run_id).info.status) for run_id in ids]

    def error(self, number: int) -> str | None:
        tags: dict[str, str] = self.client.get_run(self.points[number]).data.tags
        return tags.get("error")


@pytest.fixture
def config(in_project: None) -> TrackingConfig:
    return compose_config([]).tracking


def test_the_runs_that_are_left_are_marked_and_no_others(config: TrackingConfig) -> None:
    other, sweep = Sweep(config), Sweep(config)
    end_children(config, sweep.run_id, "FAILED", 0, ERROR)
    assert sweep.statuses() == ["RUNNING", "FAILED", "RUNNING", "FINISHED"]
    assert (sweep.error(0), sweep.error(1)) == (ERROR, None)
    end_sweep(config, sweep.run_id, "KILLED")
    assert sweep.statuses() == ["KILLED", "FAILED", "KILLED", "FINISHED"]
    assert other.statuses() == ["RUNNING", "RUNNING", "RUNNING", "FINISHED"]


def test_a_server_that_is_away_is_told_later_and_of_no_run_that_began_since(
    config: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outlets, "_GRACE_S", 0.5)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    sweep = Sweep(config)
    with socket.socket() as nobody:  # listens on no port
        nobody.bind(("127.0.0.1", 0))
        away = replace(config, uri=f"http://127.0.0.1:{nobody.getsockname()[1]}", timeout_s=1)
        end_children(away, sweep.run_id, "FAILED", 0, ERROR)
    again = sweep.begin(0)
    (path,) = Path("models/journal").iterdir()
    lines = (path / "entries.jsonl").read_text().splitlines()
    assert len(lines) == 2
    # The server is there again, at the project's own store.
    journal = new_journal("sent", {"kind": "about", "store": "null", "run_id": sweep.run_id})
    with (journal.path / "entries.jsonl").open("a") as file:
        file.write(f"{lines[1]}\n")
    journal.close()
    settle(config, print)
    assert sweep.statuses(again) == ["RUNNING", "FAILED", "RUNNING", "FINISHED", "RUNNING"]
    assert sweep.error(0) == ERROR
