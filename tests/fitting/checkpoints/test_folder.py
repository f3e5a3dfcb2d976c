import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spoonful.errors import SpoonfulError
from spoonful.fitting.checkpoints.checkpoint import (
    ARRAYS_NAME,
    STATE_NAME,
    Checkpoint,
    read_checkpoint,
)
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from tests.processes import ROOT


def checkpoint(step: int, version: str = "") -> Checkpoint:
    return Checkpoint(step, {"version": version}, {"x": np.arange(10) + step})


def place_of(folder: CheckpointFolder, step: int) -> Path:
    return folder.path / f"step-{step:012d}"


def damage(folder: CheckpointFolder, step: int, name: str = ARRAYS_NAME) -> None:
    path = place_of(folder, step) / name
    path.write_bytes(path.read_bytes()[:-1])


def names_in(folder: CheckpointFolder) -> list[str]:
    return sorted(path.name for path in folder.path.iterdir())


def newest_step(folder: CheckpointFolder) -> tuple[int | None, list[str]]:
    """The step of the newest whole checkpoint, and the warnings."""
    warnings: list[str] = []
    found = folder.newest(warnings.append)
    return None if found is None else found.step, warnings


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "deep" / "checkpoints")


def test_a_folder_that_is_not_there_has_no_checkpoints_and_is_not_made(
    folder: CheckpointFolder,
) -> None:
    assert newest_step(folder) == (None, [])
    assert folder.steps() == []
    folder.remove()
    assert not folder.path.exists()


def test_the_newest_two_are_kept(folder: CheckpointFolder) -> None:
    for step, kept in [(3, [3]), (7, [3, 7]), (8, [7, 8]), (1000, [8, 1000])]:
        folder.write(checkpoint(step))
        assert folder.steps() == kept
        assert len(names_in(folder)) == len(kept)
        assert newest_step(folder) == (step, [])
    assert read_checkpoint(place_of(folder, 8)).step == 8


def test_the_newest_is_the_one_of_the_largest_step_not_the_one_written_last(
    folder: CheckpointFolder, tmp_path: Path
) -> None:
    folder.write(checkpoint(9))
    folder.write(checkpoint(10))
    os.utime(place_of(folder, 9))
    assert newest_step(folder) == (10, [])


@pytest.mark.parametrize("name", [ARRAYS_NAME, STATE_NAME])
def test_a_damaged_newest_is_passed_over_with_one_warning(
    name: str, folder: CheckpointFolder
) -> None:
    folder.write(checkpoint(10))
    folder.write(checkpoint(20))
    damage(folder, 20, name)
    step, warnings = newest_step(folder)
    assert step == 10
    (warning,) = warnings
    assert str(place_of(folder, 20)) in warning
    assert "damaged" in warning
    assert "\n" not in warning


def test_where_all_are_damaged_there_is_none(folder: CheckpointFolder) -> None:
    folder.write(checkpoint(10))
    folder.write(checkpoint(20))
    damage(folder, 10)
    (place_of(folder, 20) / STATE_NAME).unlink()
    step, warnings = newest_step(folder)
    assert step is None
    for number, warning in zip((20, 10), warnings, strict=True):
        assert str(place_of(folder, number)) in warning
    folder.write(checkpoint(5))  # training has begun anew
    assert names_in(folder) == ["step-000000000005"]


@pytest.mark.parametrize(
    ("written", "kept"), [(15, [10, 15]), (20, [10, 20]), (30, [10, 30]), (10, [10])]
)
def test_after_a_fall_back_the_damaged_one_goes_and_the_whole_one_stays(
    written: int, kept: list[int], folder: CheckpointFolder
) -> None:
    folder.write(checkpoint(10))
    folder.write(checkpoint(20))
    damage(folder, 20)
    newest_step(folder)
    folder.write(checkpoint(written, "new"))
    assert folder.steps() == kept
    found = folder.newest(pytest.fail)
    assert found is not None
    assert (found.step, found.state["version"]) == (written, "new")
    damage(folder, written)
    assert newest_step(folder)[0] == (10 if written > 10 else None)


def test_those_of_later_steps_go_where_training_was_taken_up_before_them(
    folder: CheckpointFolder,
) -> None:
    for step in (10, 20, 7):
        folder.write(checkpoint(step))
    assert folder.steps() == [7]


def test_a_step_written_again_replaces_its_checkpoint(folder: CheckpointFolder) -> None:
    folder.write(checkpoint(10))
    for version in ("first", "second"):
        folder.write(checkpoint(20, version))
        found = folder.newest(pytest.fail)
        assert found is not None
        assert found.state == {"version": version}
        assert folder.steps() == [10, 20]
    assert len(names_in(folder)) == 2


def test_what_killed_writes_left_is_removed_and_what_is_not_ours_stays(
    folder: CheckpointFolder,
) -> None:
    folder.write(checkpoint(10))
    for name in (".step-000000000010.0123abcd.tmp", ".step-000000000015.89ab4567.tmp"):
        (folder.path / name).mkdir()
        (folder.path / name / ARRAYS_NAME).write_bytes(b"half")
    (folder.path / "run.json").write_text("{}")
    (folder.path / "step-1").mkdir()
    assert newest_step(folder) == (10, [])
    folder.write(checkpoint(20))
    expected = ["run.json", "step-000000000010", "step-000000000020", "step-1"]
    assert names_in(folder) == expected
    folder.remove()
    assert names_in(folder) == ["run.json", "step-1"]


def test_a_checkpoint_moved_away_by_a_killed_write_is_put_back(folder: CheckpointFolder) -> None:
    folder.write(checkpoint(10, "moved"))
    place_of(folder, 10).rename(folder.path / ".step-000000000010.0123abcd.tmp")
    found = folder.newest(pytest.fail)
    assert found is not None
    assert found.state == {"version": "moved"}
    assert names_in(folder) == ["step-000000000010"]


def test_removing_leaves_no_folder(folder: CheckpointFolder) -> None:
    folder.write(checkpoint(10))
    (folder.path / ".step-000000000010.0123abcd.tmp").mkdir()
    folder.remove()
    assert not folder.path.exists()
    assert folder.path.parent.exists()


def test_a_write_that_fails_leaves_what_was_there(folder: CheckpointFolder) -> None:
    folder.write(checkpoint(10))
    folder.write(checkpoint(20))
    for step in (20, 30):
        with pytest.raises(ValueError, match="allow_pickle"):
            folder.write(Checkpoint(step, {}, {"x": np.array([None])}))
        with pytest.raises(TypeError, match="JSON"):
            folder.write(Checkpoint(step, {"x": object()}, {}))
        assert names_in(folder) == ["step-000000000010", "step-000000000020"]
        assert newest_step(folder) == (20, [])


def test_a_full_disk_is_one_line_and_leaves_what_was_there(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder.write(checkpoint(10))

    def full(path: Path) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("spoonful.files.whole.sync", full)
    with pytest.raises(SpoonfulError, match=r"step 20 cannot be written \(No space") as caught:
        folder.write(checkpoint(20))
    assert str(folder.path) in str(caught.value)
    assert "\n" not in str(caught.value)
    assert names_in(folder) == ["step-000000000010"]
    assert newest_step(folder) == (10, [])


def test_a_path_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SpoonfulError, match="cannot be written") as caught:
        CheckpointFolder(tmp_path / "file" / "checkpoints").write(checkpoint(1))
    assert "\n" not in str(caught.value)


def test_all_of_it_is_on_the_disk_before_it_has_its_name(
    folder: CheckpointFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[Any] = []
    rename, fsync = Path.rename, os.fsync

    def noted_rename(self: Path, target: Path) -> Path:
        events.append("rename")
        return rename(self, target)

    def noted_fsync(descriptor: int) -> None:
        events.append(os.fstat(descriptor).st_ino)
        fsync(descriptor)

    monkeypatch.setattr(Path, "rename", noted_rename)
    monkeypatch.setattr(os, "fsync", noted_fsync)
    folder.write(checkpoint(10))
    place = place_of(folder, 10)
    named = events.index("rename")
    inodes = {path.stat().st_ino for path in (place, place / ARRAYS_NAME, place / STATE_NAME)}
    assert set(events[:named]) == inodes
    assert events[named + 1 :] == [folder.path.stat().st_ino]


def test_a_write_killed_at_each_of_its_steps_leaves_a_whole_checkpoint(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "tests.fitting.checkpoints.kill_at_each_step", str(tmp_path)]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    expected = {
        "first": {"none", "10 new"},
        "next": {"20 old", "30 new"},
        "same": {"20 old", "20 new"},
        "same, alone": {"20 old", "20 new"},
        "newest damaged": {"10 old", "15 new"},
        "newest damaged, written later": {"10 old", "30 new"},
    }
    # Killed before the new one had its name, and after.
    assert {name: set(counts) for name, counts in found.items()} == expected
    assert all(sum(counts.values()) >= 8 for counts in found.values())
