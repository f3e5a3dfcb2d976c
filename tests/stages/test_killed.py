"""Stages killed at random moments and run again: the same files, the same runs, nothing left.

A short part of experiments/kill_resume, whose scripts kill what needs no TensorFlow.
"""

import csv
import hashlib
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient

from tests.processes import ROOT

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
TINY = ["model=mlp", "trainer.epochs=1"]
NUM_KILLS = 2
# Ids and times, which differ from run to run.
UNIQUE = re.compile(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}\b")


def test_fetch_and_split_killed_at_changes_of_the_disk(tmp_path: Path) -> None:
    script = ROOT / "experiments" / "kill_resume" / "run_stages.py"
    cases = ["fetch", "split"]
    done = subprocess.run(
        [sys.executable, script, "--case", *cases, "--share", "0.25", "--data", tmp_path],
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with (tmp_path / "results" / "stage_kills.csv").open() as file:
        kills = list(csv.DictReader(file))
    assert {kill["case"] for kill in kills} == set(cases)
    assert sum(kill["moment"].startswith("before ") for kill in kills) >= 4
    assert all(kill["exit_code"] == "-9" for kill in kills if kill["signal"] == "SIGKILL")


def digests(folder: Path) -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            text = UNIQUE.sub("", path.read_bytes().decode("latin-1"))
            found[str(path.relative_to(folder))] = hashlib.sha256(text.encode()).hexdigest()
    return found


def metrics_twice(project: Path) -> list[str]:
    """Name the metrics that a run has more than once at a step."""
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    found = []
    for run in client.search_runs([e.experiment_id for e in client.search_experiments()]):
        for name in run.data.metrics:
            if not name.startswith("system/"):
                steps = [m.step for m in client.get_metric_history(run.info.run_id, name)]
                found += [name] if len(steps) != len(set(steps)) else []
    return found


@pytest.mark.parametrize("stage", ["evaluate", "compare"])
def test_what_reports_killed_at_random_moments(
    digits: Path, processes: Any, spoonful: Spoonful, stage: str
) -> None:
    before = ["train", *TINY] if stage == "evaluate" else ["sweep", "seed=0,1", *TINY]
    done = spoonful(*before)
    assert done.returncode == 0, done.stderr
    folder = digits / "models" / stage
    begin = time.monotonic()
    process = processes.start(stage)
    output = process.communicate(timeout=120)
    assert process.wait() == 0, output
    seconds = time.monotonic() - begin
    expected = digests(folder)
    rng, num_kills = random.Random(3), 0
    for _ in range(4 * NUM_KILLS):
        process = processes.start(stage)
        time.sleep(rng.uniform(0.2, 1.0) * seconds)
        process.send_signal(signal.SIGKILL)
        num_kills += process.wait(60) == -signal.SIGKILL
        # At every moment whole: the report of before, or the new one, which is the same.
        assert digests(folder) == expected
        if num_kills == NUM_KILLS:
            break
    assert num_kills == NUM_KILLS
    process = processes.start(stage)
    output = process.communicate(timeout=120)
    assert process.wait() == 0, output
    assert digests(folder) == expected
    assert not list((digits / "models").rglob(".*.tmp*"))
    assert {run.info.status for run in processes.runs()} == {"FINISHED"}
    assert metrics_twice(digits) == []
