"""Data that cannot be read during training: what the user is told to do."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from spoonful.errors import SpoonfulError
from spoonful.generator.read_errors import ReadError
from spoonful.project import checkpoints_dir, project_root
from spoonful.sources.packed.check import ShardChangedError
from spoonful.sources.packed.meta import REMAKE
from spoonful.workflow.folder_split import REMEDY, _bad_image
from spoonful.workflow.interrupted import RunFolder
from spoonful.workflow.job import Job
from spoonful.workflow.train_words import told_how_to_resume

BATCH = "batch 3 of epoch 6 (step 28)"


@pytest.fixture(autouse=True)
def in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    project_root.cache_clear()


def told(steps: list[int], sweep_dir: Path | None = None) -> str:
    for step in steps:
        (checkpoints_dir() / "abc" / f"step-{step:012d}").mkdir(parents=True)
    job = Job(overrides=["model=mlp"], experiment=None, sweep_dir=sweep_dir)
    folder = RunFolder("abc", {}, is_resumed=False)
    error = ReadError(BATCH, f"cannot be read: a.png: ends early{REMEDY} (images a.png)", 28)
    with pytest.raises(SpoonfulError) as caught, told_how_to_resume(job, folder):
        raise error
    text = str(caught.value)
    assert text.startswith(f"{BATCH} cannot be read: a.png: ends early (images a.png); ")
    assert "\n" not in text
    return text


def test_a_run_says_which_remedies_let_it_continue() -> None:
    text = told([25, 28])
    assert "the run has ended with 28 steps done, which are kept: with the same file" in text
    assert "continue with `spoonful train model=mlp trainer.resume=abc`" in text
    assert "with another image under its name, run `spoonful fetch`" in text
    assert "add trainer.accept_changed_data=true; without the image only a new run" in text


def test_before_the_first_step_there_is_nothing_to_resume() -> None:
    text = told([])
    assert "ended before its first step, so there is nothing to resume" in text
    assert "trainer.resume" not in text


@pytest.mark.parametrize(
    ("steps", "where"),
    [([], "from its start"), ([20], "with the 20 steps before it that are sound")],
)
def test_a_changed_shard_says_where_the_run_continues(steps: list[int], where: str) -> None:
    for step in steps:
        (checkpoints_dir() / "abc" / f"step-{step:012d}").mkdir(parents=True)
    job = Job(overrides=["model=mlp"], experiment=None, sweep_dir=None)
    folder = RunFolder("abc", {}, is_resumed=False)
    with pytest.raises(SpoonfulError) as caught, told_how_to_resume(job, folder):
        raise ShardChangedError(f"raw-0.npy: expected a, found b; {REMAKE}")
    assert str(caught.value) == (
        "raw-0.npy: expected a, found b; remove the folder and run `spoonful pack` again; what was "
        f"read of it may also be wrong: the run continues {where}, by `spoonful train model=mlp "
        "trainer.resume=abc`"
    )


def test_a_sweep_continues_only_with_the_same_data(tmp_path: Path) -> None:
    text = told([28], tmp_path)
    assert "this point has ended with 28 steps done: with the same file from a backup" in text
    assert "the same command begins a new sweep" in text
    assert "accept_changed_data" not in text


@pytest.mark.parametrize("is_there", [False, True])
def test_a_link_of_the_split_is_not_told_to_the_user(is_there: bool, project: Path) -> None:
    own, placed = project / "photos" / "6.png", project / "data" / "split" / "train" / "a__6.png"
    for path in (own, placed):
        path.parent.mkdir(parents=True)
    placed.symlink_to(own)
    if is_there:
        own.write_bytes(b"")
    config: Any = SimpleNamespace(dataset=SimpleNamespace(original_path=lambda *_: str(own)))
    text = _bad_image(config, "train", "a__6.png", f": a link to {own}, or whatever is wrong")
    if is_there:
        assert text == f"{own}: a link to {own}, or whatever is wrong{REMEDY}"
    else:
        assert text == f"{own}: is missing; bring it back{REMEDY}"
