"""A script that leaves a loop over photographs early ends with its own exit code."""

import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import simplejpeg

SCRIPT = Path(__file__).with_name("ends_early.py")
NUM_STARTS = 40  # of which 4 to 7 were aborted before the threads ended at exit


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """120 photographs of 533x400: the threads are inside the decoder most of the time."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (400, 533, 3), dtype=np.uint8)
    content = simplejpeg.encode_jpeg(np.ascontiguousarray(cv2.GaussianBlur(noise, (0, 0), 3)))
    for class_name in ("ant", "bee"):
        (folder / class_name).mkdir()
        for number in range(60):
            (folder / class_name / f"{number}.jpg").write_bytes(content)
    return folder


def ended(folder: Path, way: str, count: int) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, str(SCRIPT), str(folder), way, str(count)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("way", "code"),
    [
        ("return", 0),
        ("stream", 0),
        ("stream in a cycle", 0),
        ("exception", 1),
        ("sys.exit", 7),
        ("ctrl-c", -2),
    ],
)
def test_every_script_ends_with_its_own_exit_code(photographs: Path, way: str, code: int) -> None:
    done = ended(photographs, way, NUM_STARTS)
    assert json.loads(done.stdout) == {str(code): NUM_STARTS}
    assert done.stderr == ""


def test_a_read_that_is_stuck_does_not_hang_the_end(tmp_path: Path) -> None:
    done = ended(tmp_path, "stuck", 1)
    assert json.loads(done.stdout) == {"0": 1}
    assert done.stderr.startswith("spoonful: 1 reads did not end within 0.3 s")
