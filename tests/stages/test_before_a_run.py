"""What `train` checks and says before a run begins, and what it says during one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spoonful import ArraySource, progress
from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.project import project_root
from spoonful.stages import fetch, pack, split
from spoonful.workflow.data import check_balance
from spoonful.workflow.interrupted import RunFolder
from spoonful.workflow.job import Job
from spoonful.workflow.train_words import say_what_begins
from spoonful.workflow.training import train_and_record

IMAGES = np.zeros((6, 4, 4, 1), np.uint8)
CLASSES = ArraySource(IMAGES, np.array([0, 0, 0, 0, 1, 1]))
LABELS = {
    "multilabel": ArraySource(IMAGES, np.eye(6, 2, dtype=np.uint8), ("a", "b")),
    "regression": ArraySource(IMAGES, np.linspace(0, 1, 6, dtype=np.float32)),
}
WEIGHTS, SHUFFLE = "trainer.class_weights=balanced", "generator.shuffle=balanced"


@pytest.mark.parametrize("task", LABELS)
@pytest.mark.parametrize("override", [WEIGHTS, SHUFFLE])
def test_balancing_needs_one_class_per_image(task: str, override: str) -> None:
    with pytest.raises(
        SpoonfulError, match=f"^{override}: .*one class per image.*; use "
    ) as caught:
        check_balance(compose_config([f"task={task}", override]), LABELS[task])
    assert "\n" not in str(caught.value)


def test_balancing_twice_is_warned_of() -> None:
    for overrides in ([], [WEIGHTS], [SHUFFLE]):
        assert check_balance(compose_config(overrides), CLASSES) is None
    words = check_balance(compose_config([WEIGHTS, SHUFFLE]), CLASSES)
    assert words is not None
    assert "together weight small classes twice" in words


@pytest.mark.parametrize(("max_steps", "is_told"), [(2, True), (3, False), (99999, False)])
def test_only_a_limit_that_limits_makes_it_a_quick_look(
    max_steps: int, is_told: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    limit = f"trainer.max_steps_per_epoch={max_steps}"
    config = compose_config(["generator.batch_size=2", limit])
    say_what_begins(config, "mlp", CLASSES, RunFolder("abc", {}, is_resumed=False), None)
    assert (f"(a quick look: {limit})" in capsys.readouterr().out) == is_told


@pytest.fixture
def packed(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    project_root.cache_clear()
    for stage in (fetch, split, pack):
        stage.run(compose_config([]))
    return project


@pytest.mark.slow
def test_between_epochs_progress_says_that_it_trains(packed: Path) -> None:
    said: list[str] = []

    def note(epoch: int, metrics: dict[str, float]) -> bool:
        voice: Any = progress._voice
        said.append(voice.activities[-1].words)
        return False

    job = Job(overrides=["model=mlp"], experiment=None, sweep_dir=None)
    config = compose_config(["model=mlp", "trainer.epochs=2"])
    with progress.told("train", "preparing the training"):
        train_and_record(config, job, packed / "models" / "train", note)
    assert said == ["training", "training"]


def test_a_setting_that_the_labels_do_not_allow_leaves_no_run(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = LABELS["multilabel"]
    monkeypatch.setattr("spoonful.workflow.training.open_train_and_val", lambda _: (source, source))
    config = compose_config(["task=multilabel", WEIGHTS])
    job = Job(overrides=[], experiment=None, sweep_dir=None)
    with pytest.raises(SpoonfulError, match=f"^{WEIGHTS}: "):
        train_and_record(config, job, packed / "models" / "train")
    assert not (packed / "mlflow.db").exists()
