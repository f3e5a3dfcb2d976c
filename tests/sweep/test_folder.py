"""The locks of a sweep's folder: who runs it, and who still trains a point of it."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest

from spoonful.errors import SpoonfulError
from spoonful.sweep import folder as sweep_folders
from spoonful.sweep.folder import SweepFolder

# Runs a sweep, or trains its point 3, until it is killed.
WORK = """
import sys
from pathlib import Path
from spoonful.sweep.folder import SweepFolder
folder = SweepFolder(Path(sys.argv[2]))
with folder.held() if sys.argv[1] == "run" else folder.joined(3):
    print("working", flush=True)
    sys.stdin.read()
"""


def working(what: str, path: Path) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", WORK, what, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "working\n"
    return process


def kill(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=60)


@pytest.fixture
def folder(tmp_path: Path) -> SweepFolder:
    path = tmp_path / "sweep"
    path.mkdir()
    return SweepFolder(path)


def test_a_sweep_that_another_process_runs_is_refused_at_once(folder: SweepFolder) -> None:
    process = working("run", folder.path)
    try:
        with pytest.raises(SpoonfulError) as caught, folder.held():
            pass
    finally:
        kill(process)
    assert str(caught.value) == (
        f"sweep sweep is being run by process {process.pid}: wait for it, end it, or begin "
        "another one with sweep.resume=null"
    )
    with folder.held():
        pass


def test_a_killed_sweep_waits_for_the_points_that_still_train(folder: SweepFolder) -> None:
    sweep, point = working("run", folder.path), working("train", folder.path)
    kill(sweep)
    killing = threading.Timer(0.5, point.kill)
    killing.start()
    try:
        with folder.held():
            assert point.wait(timeout=60) < 0
            assert [path.name for path in folder.path.iterdir()] == ["lock"]
    finally:
        killing.join()
        kill(point)


def test_points_that_do_not_end_are_named(
    folder: SweepFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweep_folders, "_ORPHANS_S", 0.2)
    point = working("train", folder.path)
    try:
        with pytest.raises(SpoonfulError) as caught, folder.held():
            pass
        assert f"a point of sweep sweep is being run by process {point.pid} " in str(caught.value)
        with pytest.raises(SpoonfulError) as caught, folder.joined(3):
            pass
        assert f"point 3 of sweep sweep is being trained by process {point.pid} (waited 0.2 s)" in (
            str(caught.value)
        )
        with folder.joined(4):
            assert (folder.path / "4.lock").exists()
        assert not (folder.path / "4.lock").exists()
    finally:
        kill(point)


def test_the_points_of_a_sweep_train_while_it_is_held(folder: SweepFolder) -> None:
    with folder.held():
        point = working("train", folder.path)
        kill(point)
        with folder.joined(3):
            pass
