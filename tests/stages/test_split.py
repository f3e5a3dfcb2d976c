"""`spoonful split`, killed at any moment or run twice at once."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.files.lock import locked
from spoonful.stages import fetch, split
from tests.processes import ROOT


@pytest.mark.slow
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


def test_a_split_that_another_process_writes_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    config = compose_config([])
    fetch.run(config)
    with locked(Path("data/.split.lock"), "split"), pytest.raises(SpoonfulError) as caught:
        split.run(config)
    said = f"data/split is being written by process {os.getpid()}: wait until it is done"
    assert said in str(caught.value)
    assert not Path("data/split").exists()
