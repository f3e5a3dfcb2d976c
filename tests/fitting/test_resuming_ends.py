"""What an interrupted training writes, reports and refuses; test_resuming.py has its bits."""

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.fitting.checkpoints.checkpoint import Checkpoint
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.fitting.epoch_result import EpochResult
from spoonful.fitting.fit import Resuming
from spoonful.fitting.model_state import model_arrays
from spoonful.fitting.train import Training, train
from spoonful.record.ledger import TRAIN, VAL

STEPS = 7  # an epoch of 100 images
SETTINGS = [
    "model=mlp",
    "model.num_units=[16]",
    "generator.batch_size=16",
    "trainer.epochs=2",
    "trainer.steps_per_execution=1",
    "generator.shuffle=full",
]


class StopAfter:
    """Wishes to end once it was asked some times."""

    def __init__(self, num_questions: int) -> None:
        self.left = num_questions

    @property
    def is_wanted(self) -> bool:
        self.left -= 1
        return self.left < 0

    def now(self) -> None:
        raise KeyboardInterrupt


class NotedFolder(CheckpointFolder):
    """Keeps the steps and states of the checkpoints that were written.

    Attributes:
        num_rows: of the ledger, as told at each checkpoint.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.written: list[tuple[int, dict[str, Any]]] = []
        self.num_rows: list[int] = []

    def write(self, checkpoint: Checkpoint) -> None:
        super().write(checkpoint)
        self.written.append((checkpoint.step, checkpoint.state))

    def resuming(self, stop: Any = None) -> Resuming:
        start = self.newest(pytest.fail)
        return Resuming(self, start, stop, lambda rows: self.num_rows.append(len(rows)))


def source_of(number: int) -> ArraySource:
    images = np.random.default_rng(number).integers(0, 256, (number, 4, 4, 1), dtype=np.uint8)
    return ArraySource(images, np.arange(number) % 3)


def run(resuming: Resuming, *more: str, reports: list[EpochResult] | None = None) -> Training:
    on_epoch = ([] if reports is None else reports).append
    return train(
        compose_config([*SETTINGS, *more]), source_of(100), source_of(40), on_epoch, resuming
    )


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> tuple[Training, NotedFolder]:
    """A training that has ended, and its checkpoints."""
    folder = NotedFolder(tmp_path_factory.mktemp("ended") / "checkpoints")
    return run(folder.resuming(), "trainer.checkpoint_every_steps=3"), folder


@pytest.fixture(scope="module")
def training(ended: tuple[Training, NotedFolder]) -> Training:
    return ended[0]


@pytest.fixture(scope="module")
def folder(ended: tuple[Training, NotedFolder]) -> NotedFolder:
    return ended[1]


def test_checkpoints_stand_at_the_steps_asked_for(training: Training, folder: NotedFolder) -> None:
    steps = [step for step, _ in folder.written]
    assert steps == sorted(steps)
    assert {3, 6, 9, 12, 14} <= set(steps) <= {3, 6, 7, 9, 12, 14}
    assert folder.steps() == steps[-2:]
    assert [state["is_finished"] for _, state in folder.written].index(True) == len(steps) - 1


def test_the_rows_of_the_ledger_are_told_at_each_checkpoint(
    training: Training, folder: NotedFolder
) -> None:
    assert len(folder.num_rows) == len(folder.written)
    assert folder.num_rows == sorted(folder.num_rows)
    assert folder.num_rows[-1] == len(training.ledger) == 6  # two epochs of three streams


def test_a_finished_training_is_returned_as_it_ended(
    training: Training, folder: NotedFolder
) -> None:
    num_written = len(folder.written)
    reports: list[EpochResult] = []
    again = run(folder.resuming(StopAfter(0)), reports=reports)
    arrays = model_arrays(training.model)
    found = model_arrays(again.model)
    assert found.keys() == arrays.keys()
    assert all(np.array_equal(found[name], arrays[name]) for name in arrays)
    assert again.history == training.history
    assert again.ledger == training.ledger
    assert again.best_epoch == training.best_epoch
    assert reports == []
    assert len(folder.written) == num_written


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("generator.batch_size=8", "batch_size (saved 16, now 8)"),
        ("generator.seed=1", "seed (saved 0, now 1)"),
        ("generator.shuffle=none", "shuffle (saved 'full', now 'none')"),
        ("generator.drop_remainder=true", "drop_remainder (saved False, now True)"),
        ("model.num_units=[17]", "kernel: the checkpoint holds float32 [16, 16], now"),
        ("optimizer=sgd", "variables of the optimizer"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    override: str, words: str, folder: NotedFolder
) -> None:
    with pytest.raises(SpoonfulError) as caught:
        run(folder.resuming(), override)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_each_epoch_is_reported_once_over_all_interruptions(
    training: Training, tmp_path: Path
) -> None:
    folder = NotedFolder(tmp_path)
    reports: list[EpochResult] = []
    for stop in (StopAfter(9), StopAfter(6), StopAfter(1000)):
        with contextlib.suppress(KeyboardInterrupt):
            run(folder.resuming(stop), reports=reports)
    stops = [(state["epoch"], state["position"]) for _, state in folder.written]
    assert {(0, STEPS), (1, 2)} <= set(stops)  # in validation, and inside the second epoch
    assert [report.epoch for report in reports] == [1, 2]
    assert [report.metrics for report in reports] == training.history
    for report in reports:
        ends = {row.stream: row.digest for row in training.ledger if row.epoch == report.epoch}
        assert report.digests == {TRAIN: ends[TRAIN], VAL: ends[VAL]}
        assert report.train_s > 0
        assert 0 <= report.input_wait_s <= report.train_s


def test_without_a_folder_the_wish_to_end_is_obeyed_all_the_same() -> None:
    stop: Any = StopAfter(0)
    with pytest.raises(KeyboardInterrupt):
        run(Resuming(stop=stop))
