"""The commit that is recorded is that of the code that runs."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parents[2]
ASK = """
import json
from spoonful.tracking.environment import code_from_elsewhere, code_version
print(json.dumps([code_version(), code_from_elsewhere()]))
"""


def git(folder: Path, *arguments: str) -> str:
    own = ["-c", "user.name=a", "-c", "user.email=a@b"]
    done = subprocess.run(
        ["git", *own, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def checkout(folder: Path, text: str) -> str:
    """A checkout of its own with the package; returns its commit."""
    folder.mkdir()
    (folder / "conf").mkdir()
    shutil.copy(CHECKOUT / "conf" / "config.yaml", folder / "conf")
    shutil.copy(CHECKOUT / "dvc.yaml", folder)
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(CHECKOUT / "src", folder / "src", ignore=ignored)
    (folder / "note.txt").write_text(text)
    git(folder, "init", "--quiet")
    git(folder, "add", "--all", "--force")
    git(folder, "commit", "--quiet", "--message", text)
    return git(folder, "rev-parse", "HEAD")


def asked(cwd: Path, code: Path) -> tuple[dict[str, str], str | None]:
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(code)},
        capture_output=True,
        text=True,
        check=True,
    )
    version, elsewhere = json.loads(done.stdout)
    return version, elsewhere


@pytest.fixture
def two(tmp_path: Path) -> tuple[Path, str, Path, str]:
    one, other = tmp_path / "one", tmp_path / "other"
    return one, checkout(one, "one"), other, checkout(other, "other")


def test_in_a_second_clone_the_code_of_the_first_is_recorded_and_warned_of(
    two: tuple[Path, str, Path, str],
) -> None:
    one, commit, other, other_commit = two
    version, elsewhere = asked(one, one / "src")
    assert version == {"git.commit": commit, "git.dirty": "false"}
    assert elsewhere is None
    version, elsewhere = asked(other, one / "src")
    assert version["git.commit"] == commit
    assert version["git.project_commit"] == other_commit
    assert elsewhere is not None
    assert str(one / "src" / "spoonful") in elsewhere
    (one / "src" / "spoonful" / "errors.py").open("a").write("\n")
    version, _ = asked(other, one / "src")
    assert version["git.dirty"] == "true"
    assert version["git.project_dirty"] == "false"


def test_code_that_was_installed_into_a_checkout_is_not_of_its_commit(
    two: tuple[Path, str, Path, str],
) -> None:
    one, commit, _, _ = two
    installed = one / ".venv" / "lib"
    shutil.copytree(one / "src", installed)
    version, elsewhere = asked(one, installed)
    assert version["git.commit"] == "none"
    assert version["git.project_commit"] == commit
    assert elsewhere is not None
