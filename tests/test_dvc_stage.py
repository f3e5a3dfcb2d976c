import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

# Runs a stage as DVC does: a shell whose environment names the stage.
DVC = """
import os, subprocess, sys
command = [sys.executable, "-c", sys.argv[1], sys.argv[2]]
stage = {"DVC_STAGE": "train"} if sys.argv[3] == "stage" else {}
shell = subprocess.Popen(
    ["sh", "-c", '"$@"; true', "sh", *command], env={**os.environ, **stage}, start_new_session=True
)
shell.wait()
"""
STAGE = """
import signal, sys, time
from pathlib import Path
from spoonful.dvc_stage import end_with_dvc
signs = Path(sys.argv[1])
def terminated(number, frame):
    (signs / "terminated").touch()
    sys.exit(143)
signal.signal(signal.SIGTERM, terminated)
end_with_dvc()
(signs / "begun").touch()
time.sleep(4)
(signs / "done").touch()
"""


def wait_for(folder: Path, *names: str) -> str:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for name in names:
            if (folder / name).exists():
                return name
        time.sleep(0.02)
    raise AssertionError(f"none of {names} within 60 s")


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("stage", "terminated"), pytest.param(*("plain", "done"), marks=pytest.mark.slow)],
)
def test_a_stage_ends_with_dvc_and_another_command_does_not_with_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, expected: str
) -> None:
    monkeypatch.delenv("DVC_STAGE", raising=False)
    dvc = subprocess.Popen([sys.executable, "-c", DVC, STAGE, str(tmp_path), kind])
    assert wait_for(tmp_path, "begun") == "begun"
    dvc.send_signal(signal.SIGKILL)
    dvc.wait(timeout=60)
    assert wait_for(tmp_path, "terminated", "done") == expected
