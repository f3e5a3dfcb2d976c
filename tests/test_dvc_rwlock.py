"""DVC's note of who uses which file, cut short by a kill."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from dvc.lock import make_lock

from spoonful.dvc_rwlock import remove_cut_note

NOTE = json.dumps({"write": {}, "read": {"data": [{"pid": 1, "cmd": "dvc repro"}]}})


@pytest.fixture
def note(tmp_path: Path) -> Path:
    """The note of a project that DVC knows."""
    subprocess.run(
        [sys.executable, "-m", "dvc", "init", "--no-scm", "-q"], cwd=tmp_path, check=True
    )
    return tmp_path / ".dvc" / "tmp" / "rwlock"


@pytest.mark.slow
def test_a_note_that_was_cut_short_is_removed_and_dvc_runs_again(
    note: Path, tmp_path: Path
) -> None:
    (tmp_path / "dvc.yaml").write_text("stages: {a: {cmd: touch b, outs: [b]}}")
    repro = [sys.executable, "-m", "dvc", "repro", "-q"]
    for length in (0, 1, len(NOTE) // 2, len(NOTE) - 1):
        note.write_text(NOTE[:length])
        if length == 1:
            assert subprocess.run(repro, cwd=tmp_path, check=False).returncode != 0
        remove_cut_note(tmp_path)
        assert not note.exists()
    subprocess.run(repro, cwd=tmp_path, check=True)
    assert (tmp_path / "b").exists()


def test_a_whole_note_and_none_at_all_are_left_alone(note: Path, tmp_path: Path) -> None:
    remove_cut_note(tmp_path)
    assert not note.exists()
    note.write_text(NOTE)
    remove_cut_note(tmp_path)
    assert note.read_text() == NOTE


@pytest.mark.slow
def test_a_note_that_another_dvc_writes_is_left_alone(note: Path, tmp_path: Path) -> None:
    note.write_text(NOTE[:5])
    with make_lock(str(note.with_name("rwlock.lock"))):
        remove_cut_note(tmp_path)
        assert note.read_text() == NOTE[:5]
