"""`spoonful split`, killed at any moment or run twice at once."""

import fcntl
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.processes import ROOT

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]


def test_killed_at_each_of_its_steps_no_mixture_of_two_splits_is_believed(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.stages.kill_split_at_each_step", str(project)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["steps"] > 25
    assert min(counts["old"], counts["new"], counts["refused"]) >= 1


def test_a_split_that_another_process_writes_is_one_line(project: Path, spoonful: Spoonful) -> None:
    assert spoonful("fetch").returncode == 0
    with (project / "data" / ".split.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711\n")
        lock.flush()
        done = spoonful("split")
    assert done.returncode == 2
    assert "data/split is being written by process 4711: wait until it is done" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (project / "data" / "split").exists()
