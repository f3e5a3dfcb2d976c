"""What a process that was killed while it wrote leaves behind, and what another one makes of it."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spoonful.files.unfinished import remove_leftovers_in
from spoonful.files.whole import replaced_folder, write_text

KILLED_WHILE_WRITING = """
import os, signal, sys
from pathlib import Path
from spoonful.files.whole import replaced_file, replaced_folder
path = Path(sys.argv[2])
with (replaced_file if sys.argv[1] == "file" else replaced_folder)(path) as beside:
    (beside if sys.argv[1] == "file" else beside / "half").write_text("half")
    print("half", flush=True)
    if sys.argv[3] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    sys.stdin.read()
"""


def writing(kind: str, path: Path, end: str) -> "subprocess.Popen[str]":
    """Start a process that has written half of a file or folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED_WHILE_WRITING, kind, str(path), end],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "half\n"
    return process


def write_whole(kind: str, path: Path) -> None:
    if kind == "file":
        write_text(path, "whole")
    else:
        with replaced_folder(path) as beside:
            (beside / "whole").write_text("whole")


@pytest.mark.parametrize("kind", ["file", "folder"])
@pytest.mark.parametrize("name", ["out.json", "a[b]=1,ü'"])
def test_what_a_killed_process_left_is_removed_at_the_next_write(
    tmp_path: Path, kind: str, name: str
) -> None:
    path = tmp_path / name
    with writing(kind, path, "killed") as process:
        process.wait(timeout=60)
    assert any(tmp_path.iterdir())
    assert not path.exists()
    write_whole(kind, path)
    assert [entry.name for entry in tmp_path.iterdir()] == [name]


def test_what_killed_processes_left_of_folders_of_any_name_is_removed(tmp_path: Path) -> None:
    for name in ("[out]_1", "other"):
        with writing("folder", tmp_path / name, "killed") as process:
            process.wait(timeout=60)
    with writing("folder", tmp_path / "[out]_2", "alive") as process:
        remove_leftovers_in(tmp_path, "[out]_")
        left = sorted(path.name.split(".")[1] for path in tmp_path.iterdir())
        assert left == ["[out]_2", "other"]
        process.communicate("", timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_another_process_still_writes_is_left_alone(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    with writing(kind, path, "alive") as process:
        write_whole(kind, path)
        assert len(list(tmp_path.iterdir())) == 2
        process.communicate("", timeout=60)
    assert process.returncode == 0
    assert [entry.name for entry in tmp_path.iterdir()] == ["out"]
    assert "half" in (
        path.read_text() if kind == "file" else [entry.name for entry in path.iterdir()]
    )


def test_a_folder_that_is_replaced_is_never_absent(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    write_whole("folder", path)
    was_absent: list[bool] = []

    def look(event: str, arguments: Any) -> None:
        if watched and event in ("os.rename", "shutil.rmtree", "os.rmdir", "os.remove"):
            was_absent.append(not path.exists())

    watched = True
    sys.addaudithook(look)
    write_whole("folder", path)
    watched = False
    assert was_absent
    assert not any(was_absent)
