from pathlib import Path

import pytest

from spoonful.project import checkpoints_dir, project_root, store_root, train_dir


def new_project(root: Path, git: str | None = "folder") -> Path:
    (root / "conf").mkdir(parents=True)
    (root / "conf" / "config.yaml").touch()
    (root / "dvc.yaml").touch()
    if git is not None:
        make_git(root, git)
    return root


def make_git(root: Path, kind: str = "folder") -> None:
    """A checkout's .git; that of a worktree is a file."""
    if kind == "folder":
        (root / ".git").mkdir(parents=True)
    else:
        (root / ".git").write_text("gitdir: /elsewhere/.git/worktrees/mine")


@pytest.mark.parametrize("queue", ["tmp1234", "standalone/tmp1234"])
@pytest.mark.parametrize("git", ["folder", "file"])
def test_runs_of_dvc_s_copies_are_kept_in_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, queue: str, git: str
) -> None:
    project = new_project(tmp_path / "mine", git)
    copy = new_project(project / ".dvc" / "tmp" / "exps" / queue)
    monkeypatch.chdir(copy / "conf")
    assert project_root() == copy
    assert store_root() == project
    assert checkpoints_dir() == project / "models" / "checkpoints"
    assert train_dir() == copy / "models" / "train"


def test_a_project_in_a_larger_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_git(tmp_path)
    project = new_project(tmp_path / "vision" / "mine", git=None)
    copied = project / ".dvc" / "tmp" / "exps" / "tmp1234"
    make_git(copied)
    monkeypatch.chdir(new_project(copied / "vision" / "mine", git=None))
    assert store_root() == project


@pytest.mark.parametrize("place", ["mine", "mine/.dvc/tmp/other", "exps/mine"])
def test_elsewhere_the_project_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    project = new_project(tmp_path / place)
    monkeypatch.chdir(project)
    assert store_root() == project_root() == project


def test_without_git_the_project_keeps_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = new_project(tmp_path / ".dvc" / "tmp" / "exps" / "mine", git=None)
    monkeypatch.chdir(project)
    assert store_root() == project
