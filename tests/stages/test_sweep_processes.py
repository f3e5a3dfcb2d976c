"""The processes of a sweep's points: side by side, killed, and their sweep killed."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest

from tests.processes import StartedSpoonful
from tests.stages.pipelines import children, parents

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
TINY = ["model=mlp", "trainer.epochs=1"]
# The last point trains for an hour: it is the one that is ended.
LONG = ["trainer.epochs=1,100000", "model=mlp", "trainer.checkpoint_every_steps=20"]


def test_points_train_side_by_side_and_those_that_fail_stop_no_other_and_are_tried_again(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    # Two points have no data of their size, one diverges, one is trained.
    grid = ["dataset.image_size=[16,16],[8,8]", "optimizer.learning_rate=1e30,0.001", *TINY]
    done = spoonful("sweep", *grid, "sweep.num_parallel=2")
    assert done.returncode == 1, done.stderr
    trained = "[image_size=[8,8] learning_rate=0.001] trained mlp-adam-b32-full-s0"
    assert trained in done.stdout, done.stdout + done.stderr
    for failed in (
        "image_size=[16,16] learning_rate=0.001: data/packed/train was packed otherwise",
        "image_size=[8,8] learning_rate=1e+30: the loss is nan",
    ):
        assert f"failed: {failed}" in done.stdout
    assert "1 point finished, 3 failed" in done.stdout
    assert "Traceback" not in done.stderr
    (parent,) = parents(processes.runs())
    assert parent.info.status == "FAILED"
    found = children(processes.runs())
    assert Counter(run.info.status for run in found) == {"FINISHED": 1, "FAILED": 1}
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {parent.info.run_id}
    # Gone on with one by one, it is the same sweep; the run that failed is taken up again.
    again = spoonful("sweep", *grid)
    assert again.returncode == 1
    assert "continuing, 1 of them finished" in again.stdout
    assert len(parents(processes.runs())) == 1
    found = children(processes.runs())
    assert Counter(run.info.status for run in found) == {"FINISHED": 1, "FAILED": 1}


def marked(mark: str) -> list[int]:
    """Return the processes that have a mark in their environment."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if f"MARK={mark}".encode() in (folder / "environ").read_bytes().split(b"\0"):
                found.append(int(folder.name))
    return found


SERVER = "import sys; from spoonful.sweep.processes import start_server; start_server(); input()"


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_a_server_that_still_imports_ends_with_its_sweep(tmp_path: Path) -> None:
    mark = str(tmp_path)
    sweep = subprocess.Popen(
        [sys.executable, "-c", SERVER], env={**os.environ, "MARK": mark}, stdin=subprocess.PIPE
    )

    def is_importing(pid: int) -> bool:
        with contextlib.suppress(OSError):
            return "/tensorflow/" in Path(f"/proc/{pid}/maps").read_text()
        return False

    while not any(map(is_importing, marked(mark))):
        assert sweep.poll() is None
        time.sleep(0.01)
    sweep.kill()
    sweep.communicate()
    time.sleep(0.5)
    assert not marked(mark)


def holder(project: Path) -> int:
    """Return the process that trains the only unfinished run."""
    (lock,) = (project / "models" / "checkpoints").glob("*/lock")
    return int(lock.read_text())


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
def test_killed_processes_end_neither_the_sweep_nor_outlive_it(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    asked = [*LONG, "sweep.num_parallel=2"]

    def started() -> StartedSpoonful:
        """Start the sweep as a user does, and wait until only its long point is left."""
        before = max(processes.checkpoint_steps(), default=0)
        process = processes.start_command("sweep", *asked, mark=str(digits))

        def is_inside() -> bool:
            is_alone = any((digits / "models" / "sweeps").glob("*/0.json"))
            is_alone &= len(list((digits / "models" / "checkpoints").glob("*/lock"))) == 1
            return is_alone and max(processes.checkpoint_steps(), default=0) > before

        assert processes.wait_for(is_inside, process, "checkpoint"), process.communicate()
        return cast(StartedSpoonful, process)

    process = started()
    os.kill(holder(digits), signal.SIGKILL)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert "1 point finished, 1 failed" in output
    assert "failed: epochs=100000: killed by SIGKILL, perhaps out of memory" in output
    assert "Traceback" not in errors
    statuses = sorted(run.info.status for run in processes.runs())
    assert statuses == ["FAILED", "FAILED", "FINISHED"]
    before = {run.info.run_id for run in processes.runs()}

    process = started()
    other = spoonful("sweep", *LONG)
    assert other.returncode == 2
    assert f"is being run by process {process.pid}: " in other.stderr
    assert len(other.stderr.splitlines()) == 1
    process.kill()
    process.communicate()
    end = time.monotonic() + 20
    while marked(str(digits)):
        assert time.monotonic() < end, marked(str(digits))
        time.sleep(0.1)
    # Only the sweep itself is not marked: its point's process has ended in order.
    (parent,) = parents(processes.runs())
    assert parent.info.status == "RUNNING"
    assert sorted(run.info.status for run in children(processes.runs())) == ["FINISHED", "KILLED"]

    process = started()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "continuing, 1 of them finished" in output
    assert "[epochs=100000] resuming mlp" in output
    assert "training mlp" not in output
    assert "sweep ended after 1 of 2 points; continue it with\n  spoonful sweep" in errors
    assert before == {run.info.run_id for run in processes.runs()}
    statuses = sorted(run.info.status for run in processes.runs())
    assert statuses == ["FINISHED", "KILLED", "KILLED"]
    assert not marked(str(digits))
