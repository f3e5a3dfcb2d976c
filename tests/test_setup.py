"""`make setup`: done once for each requirements.lock and each place of the folder."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT

UV = """#!/bin/sh
test "$1" = venv && mkdir .venv
exit 0
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with what `make setup` needs, and a uv that installs nothing."""
    folder = tmp_path / "ö 'x"
    (folder / ".ci").mkdir(parents=True)
    for name in ("Makefile", ".ci/setup", "requirements.lock"):
        shutil.copy(CHECKOUT / name, folder / name)
    uv = tmp_path / "commands" / "uv"
    uv.parent.mkdir()
    uv.write_text(UV)
    uv.chmod(0o755)
    return folder


def make_setup(folder: Path) -> str:
    commands = folder.parent / "commands"
    # Under `make test`, make's own variables would make this one its child, which says more.
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("MAKE", "MFLAGS"))}
    environment = {**kept, "PATH": f"{commands}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(
        ["make", "setup"], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    return done.stdout


def test_it_is_done_again_for_another_lock_and_after_a_move(folder: Path) -> None:
    assert "setting up .venv" in make_setup(folder)
    assert make_setup(folder) == ""
    with (folder / "requirements.lock").open("a") as file:
        file.write("# another\n")
    assert "setting up .venv" in make_setup(folder)
    moved = folder.rename(folder.parent / "moved")
    # The commands of a virtual environment name the folder it was made in.
    assert "setting up .venv" in make_setup(moved)
    assert make_setup(moved) == ""


def test_one_that_was_cut_short_is_done_again(folder: Path) -> None:
    make_setup(folder)
    (folder / ".venv" / "requirements.lock").unlink()
    assert "setting up .venv" in make_setup(folder)
