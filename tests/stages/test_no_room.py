"""A disk that takes nothing more: what training makes of it."""

import errno
from pathlib import Path

import pytest

from spoonful.errors import SpoonfulError
from spoonful.project import checkpoints_dir, project_root
from spoonful.workflow.interrupted import RunFolder
from spoonful.workflow.job import Job
from spoonful.workflow.train_words import told_how_to_resume

FULL = OSError(errno.ENOSPC, "No space left on device", "/disk/file")


@pytest.fixture(autouse=True)
def in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    project_root.cache_clear()


def folder_with(steps: list[int]) -> RunFolder:
    for step in steps:
        (checkpoints_dir() / "abc" / f"step-{step:012d}").mkdir(parents=True)
    return RunFolder("abc", {}, is_resumed=False)


JOB = Job(overrides=["model=mlp"], experiment=None, sweep_dir=None)


def test_a_full_disk_names_the_command_that_goes_on() -> None:
    with pytest.raises(SpoonfulError) as caught, told_how_to_resume(JOB, folder_with([40, 80])):
        raise FULL
    assert str(caught.value) == (
        "/disk/file: no space is left on the disk; make room, then resume after step 80 with "
        "`spoonful train model=mlp trainer.resume=abc`"
    )


@pytest.mark.parametrize(
    ("steps", "error"), [([], FULL), ([40], ValueError("a defect")), ([40], SpoonfulError("input"))]
)
def test_without_a_checkpoint_or_for_another_reason_nothing_is_added(
    steps: list[int], error: Exception
) -> None:
    with pytest.raises(type(error)) as caught, told_how_to_resume(JOB, folder_with(steps)):
        raise error
    assert caught.value is error
