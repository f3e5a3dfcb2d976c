"""What a run records, against a real store."""

import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from unittest import mock

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import write_checked
from spoonful.tracking.added import added_to
from spoonful.tracking.beginning import begin_run
from spoonful.tracking.recording import TrackedRun
from spoonful.tracking.run import tracked_run
from spoonful.tracking.store import prepare_store
from spoonful.tracking.sync import settle
from tests.processes import forked

pytestmark = pytest.mark.usefixtures("in_project")


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
    mark = TrackedRun.mark

    def interrupted(run: TrackedRun, status: int) -> None:
        monkeypatch.setattr(TrackedRun, "mark", mark)
        raise KeyboardInterrupt

    monkeypatch.setattr(TrackedRun, "mark", interrupted)
    config = compose_config([]).tracking
    with pytest.raises(KeyboardInterrupt), tracked_run(config, "cut off", {}, "") as run:
        raise KeyboardInterrupt
    assert recorded(project, run.run_id).info.status == "KILLED"


def dead_process() -> int:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    return dead.pid


def end_its_process(project: Path) -> None:
    """Note of the only open run that a process began it that is dead."""
    (path,) = (project / "models" / "open_runs").glob("*.json")
    facts = json.loads(path.read_text())
    del facts["sha256"]
    write_checked(path, {**facts, "pid": dead_process()})
    path.with_suffix(".lock").unlink()  # this process may hold it still
    path.with_suffix(".lock").touch()


@pytest.mark.slow
def test_a_run_that_a_full_store_could_not_mark_is_marked_by_the_next_command(
    project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    config = compose_config(["tracking.system_metrics_interval_s=600"]).tracking
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        with tracked_run(config, "no room", {}, "") as run:
            resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
            run.set_tags({"anything": "at all"})
    except SpoonfulError as error:
        said = str(error)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert re.fullmatch(r"MLflow at .*mlflow\.db: disk I/O error; make room[^\n]*", said)
    assert "Traceback" not in capfd.readouterr().err
    assert recorded(project, run.run_id).info.status == "RUNNING"
    end_its_process(project)
    settle(config, print)
    assert recorded(project, run.run_id).info.status == "KILLED"
    assert list((project / "models" / "open_runs").iterdir()) == []


def begin_and_be_killed(wait_s: float) -> None:
    """End between the start of a run and the block that ends it."""
    config = compose_config([]).tracking
    client = MlflowClient(prepare_store(config))
    print(begin_run(config, client, "killed", {}, "")[1].info.run_id, flush=True)
    time.sleep(wait_s)
    os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.slow
def test_a_run_whose_process_was_killed_at_its_start_is_marked_by_the_next_command(
    project: Path,
) -> None:
    process, output = forked(begin_and_be_killed, project, 0)
    with output:
        run_id = output.read().strip()
    process.join()
    assert recorded(project, run_id).info.status == "RUNNING"
    said: list[str] = []
    settle(compose_config([]).tracking, said.append)
    assert recorded(project, run_id).info.status == "KILLED"
    assert run_id in said[0]
    assert list((project / "models" / "open_runs").iterdir()) == []


def add_half(run_id: str) -> None:
    """Be killed where what is added to a run would be renamed."""

    def killed(*names: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with (
        added_to(compose_config([]).tracking, run_id) as tracked,
        mock.patch("os.replace", killed),
    ):
        tracked.log_text("half", "figures/half.txt")


@pytest.mark.slow
@pytest.mark.parametrize("status", ["RUNNING", "FINISHED"])
def test_half_an_artifact_goes_and_the_run_it_was_added_to_stays_as_it_is(
    project: Path, status: str
) -> None:
    config = compose_config([]).tracking
    client = MlflowClient(prepare_store(config))
    noted, run = begin_run(config, client, "of another process", {}, "")
    client.update_run(run.info.run_id, status)
    process, output = forked(add_half, project, run.info.run_id)
    with output:
        process.join()
    assert process.exitcode == -signal.SIGKILL
    assert any(name.startswith(".") for name in names_in(project / "mlruns"))
    assert "half.txt" in names_in(project / "models" / "open_runs")
    settle(config, print)
    assert "half.txt" not in names_in(project / "models" / "open_runs")
    assert not any(name.startswith(".") for name in names_in(project / "mlruns"))
    assert client.get_run(run.info.run_id).info.status == status
    noted.close()


def names_in(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*")]


@pytest.mark.slow
def test_a_run_whose_process_lives_is_not_touched(project: Path) -> None:
    process, output = forked(begin_and_be_killed, project, 600)
    try:
        run_id = output.readline().strip()
        settle(compose_config([]).tracking, print)
        assert recorded(project, run_id).info.status == "RUNNING"
        # A copy of the project does not see the lock: the process itself must be dead, too.
        for lock in (project / "models" / "open_runs").glob("*.lock"):
            shutil.copy(lock, lock.with_suffix(".copy"))
            lock.with_suffix(".copy").replace(lock)
        settle(compose_config([]).tracking, print)
        assert recorded(project, run_id).info.status == "RUNNING"
    finally:
        output.close()
        process.kill()
        process.join()
    settle(compose_config([]).tracking, print)
    assert recorded(project, run_id).info.status == "KILLED"


def test_a_run_of_another_machine_is_not_touched(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = compose_config([]).tracking
    client = MlflowClient(prepare_store(config))
    noted, run = begin_run(config, client, "elsewhere", {}, "")
    path = project / "models" / "open_runs" / f"{noted.token}.json"
    facts = json.loads(path.read_text())
    del facts["sha256"]
    pid = dead_process()
    noted.close()
    path.with_suffix(".lock").touch()
    write_checked(path, {**facts, "pid": pid, "host": "another"})
    settle(config, print)
    assert client.get_run(run.info.run_id).info.status == "RUNNING"
    write_checked(path, {**facts, "pid": pid})
    settle(config, print)
    assert client.get_run(run.info.run_id).info.status == "KILLED"


def test_a_damaged_note_of_an_open_run_is_said_and_marks_nothing(project: Path) -> None:
    config = compose_config([]).tracking
    client = MlflowClient(prepare_store(config))
    noted, run = begin_run(config, client, "noted", {}, "")
    path = project / "models" / "open_runs" / f"{noted.token}.json"
    content = path.read_text()
    noted.close()
    path.with_suffix(".lock").touch()
    path.write_text(content.replace('"pid": ', '"pid": 9'))
    said: list[str] = []
    settle(config, said.append)
    assert client.get_run(run.info.run_id).info.status == "RUNNING"
    assert len(said) == 1
    assert f"{path}: expected content with the SHA-256 " in said[0]
    assert "remove it, and set the run's status in MLflow" in said[0]
