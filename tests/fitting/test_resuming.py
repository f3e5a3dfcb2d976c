"""Training that is interrupted anywhere and taken up again ends with the same bits."""

import hashlib
import warnings
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.fitting.fit import Resuming
from spoonful.fitting.model_state import model_arrays
from spoonful.fitting.train import Training, train, training_generator, validation_generator
from spoonful.record.ledger import TRAIN, VAL, WEIGHTS, Ledger

pytestmark = pytest.mark.usefixtures("rows_every_three_steps")
SLOW = pytest.mark.slow
NUM_CLASSES = 3
NUM_IMAGES, BATCH_SIZE = 100, 16
STEPS = 7  # an epoch; the last of 4 images
SETTINGS = [
    f"generator.batch_size={BATCH_SIZE}",
    "optimizer.learning_rate=0.02",
    "trainer.epochs=2",
    "generator.shuffle=full",
]
MLP = ("model=mlp", "model.num_units=[16]", "model.dropout_rate=0.3")
RESNET = ("model=resnet", "model.num_filters=2", "model.num_blocks=[1]")
AUGMENTED = (
    "trainer.augmentation=[{_target_: keras.layers.RandomFlip, mode: horizontal},"
    "{_target_: keras.layers.RandomTranslation, height_factor: 0.1, width_factor: 0.1}]"
)
STOPPING = ["trainer.epochs=6", "trainer.early_stopping.patience_epochs=2"]
NEVER = 1_000_000


@dataclass(frozen=True)
class Case:
    """What is trained.

    Attributes:
        overrides: of the config.
        model: overrides that choose the model.
        size: pixels of an image's side.
        val_shift: added to the validation labels; the better it learns, the worse they fit.
    """

    overrides: tuple[str, ...] = ()
    model: tuple[str, ...] = MLP
    size: int = 4
    val_shift: int = 0


PLAIN = Case()
RANDOM_LAYERS = Case((AUGMENTED, "trainer.precision=mixed_float16"), RESNET, size=8)
STOPS_EARLY = Case((*STOPPING, "optimizer/schedule=warmup_cosine"), val_shift=1)
CASES = {
    "augmented resnet": Case((AUGMENTED, "generator.shuffle=block"), RESNET, size=8),
    "mixed_float16": RANDOM_LAYERS,
    "mixed_bfloat16": Case(("trainer.precision=mixed_bfloat16", "generator.shuffle=buffer")),
    "stops early, best weights": STOPS_EARLY,
    "stops early, last weights": Case(
        (*STOPPING, "trainer.early_stopping.restore_best_weights=false"), val_shift=1
    ),
    "warmup": Case(("optimizer/schedule=warmup_cosine", "optimizer=adamw", AUGMENTED)),
    "class weights": Case(("trainer.class_weights=balanced", "generator.shuffle=balanced")),
    "drop_remainder": Case(("generator.drop_remainder=true", "optimizer=sgd")),
    "short epochs": Case((AUGMENTED, "trainer.max_steps_per_epoch=3", "trainer.epochs=4")),
    "floats": Case(
        ("generator.dtype=float32", "generator.one_hot=false", "generator.shuffle=none")
    ),
}


class StopAfter:
    """Wishes to end once it was asked some times."""

    def __init__(self, num_questions: Any) -> None:
        self.left = int(num_questions)

    @property
    def is_wanted(self) -> bool:
        self.left -= 1
        return self.left < 0

    def now(self) -> None:
        raise KeyboardInterrupt


class CrashAfter(StopAfter):
    """Ends without a word: no checkpoint is written, as where the process is killed."""

    @property
    def is_wanted(self) -> bool:
        if super().is_wanted:
            raise KeyboardInterrupt
        return False


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints")


@cache
def source_of(number: int, size: int, seed: int, shift: int) -> ArraySource:
    """Class c lights row c of an image."""
    rng = np.random.default_rng(seed)
    labels = np.arange(number) % NUM_CLASSES
    images = rng.integers(0, 90, (number, size, size, 1), dtype=np.uint8)
    images[np.arange(number), labels] += 150
    return ArraySource(images, (labels + shift) % NUM_CLASSES)


def run(case: Case, *more: str, resuming: Resuming | None = None) -> Training:
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="Your input ran out of data")
        return train(
            compose_config([*case.model, *SETTINGS, *case.overrides, *more]),
            source_of(NUM_IMAGES, case.size, 0, 0),
            source_of(40, case.size, 1, case.val_shift),
            lambda report: None,
            Resuming() if resuming is None else resuming,
        )


def outcome(training: Training) -> dict[str, Any]:
    """All that must be equal to the bit."""
    return {
        "variables": {
            name: (array.dtype.name, array.shape, hashlib.sha256(array.tobytes()).hexdigest())
            for name, array in model_arrays(training.model).items()
        },
        "history": training.history,
        "ledger": training.ledger,
        "best_epoch": training.best_epoch,
    }


@cache
def uninterrupted(case: Case) -> dict[str, Any]:
    return outcome(run(case))


def resumed(
    case: Case, folder: CheckpointFolder, stops: list[Any], more: list[list[str]]
) -> tuple[Training, list[tuple[int, int]]]:
    """Train with interruptions.

    Returns:
        The training, and for each time it was taken up the epoch and the number of the step in it.
    """
    starts = []
    for stop, settings in zip(stops, more, strict=True):
        start = folder.newest(pytest.fail)
        if start is not None:
            starts.append((start.state["epoch"], start.state["position"]))
        try:
            return run(case, *settings, resuming=Resuming(folder, start, stop)), starts
        except KeyboardInterrupt:
            assert stop.left < 0
    raise AssertionError("the last training was interrupted, too")


def settings_of(rng: np.random.Generator) -> list[str]:
    """How the data are read and run, which changes no bit and may differ at each start."""
    return [
        f"generator.num_threads={rng.integers(0, 4)}",
        f"trainer.steps_per_execution={rng.choice([1, 2, 5, 16])}",
    ]


@pytest.mark.slow
def test_a_resnet_in_half_precision_with_random_layers_goes_on_to_the_same_bits(
    folder: CheckpointFolder,
) -> None:
    stops = [StopAfter(4), StopAfter(5), StopAfter(NEVER)]
    more = [["trainer.steps_per_execution=1"], ["trainer.steps_per_execution=2"], []]
    training, starts = resumed(RANDOM_LAYERS, folder, stops, more)
    assert starts == [(0, 5), (1, 4)]
    assert outcome(training) == uninterrupted(RANDOM_LAYERS)


@pytest.mark.slow
def test_early_stopping_and_a_schedule_go_on_to_the_same_bits(folder: CheckpointFolder) -> None:
    stops = [StopAfter(11), StopAfter(4), StopAfter(NEVER)]
    more = [["trainer.steps_per_execution=1", "generator.num_threads=0"], [], []]
    training, starts = resumed(STOPS_EARLY, folder, stops, more)
    assert starts == [(1, 1), (2, STEPS)]  # of the second epoch, validation alone is left
    assert outcome(training) == uninterrupted(STOPS_EARLY)
    assert training.best_epoch == 1  # its weights are kept from before the first interruption
    assert len(training.history) == 3 < 6


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_a_crash_costs_what_was_done_since_the_last_checkpoint_and_no_bit(
    seed: int, folder: CheckpointFolder
) -> None:
    rng = np.random.default_rng(seed)
    stops = [*(CrashAfter(rng.integers(6, 16)) for _ in range(2)), StopAfter(NEVER)]
    more = [["trainer.checkpoint_every_steps=3", *settings_of(rng)] for _ in stops]
    more[0][-1] = "trainer.steps_per_execution=1"
    training, starts = resumed(PLAIN, folder, stops, more)
    assert starts
    assert starts[0] != (0, 0)
    assert outcome(training) == uninterrupted(PLAIN)


@SLOW
@pytest.mark.parametrize("name", CASES)
def test_interrupted_anywhere_it_ends_with_the_same_bits(
    name: str, folder: CheckpointFolder
) -> None:
    rng = np.random.default_rng(list(name.encode()))
    stops = [StopAfter(rng.integers(0, 5)), StopAfter(NEVER)]
    training, starts = resumed(CASES[name], folder, stops, [settings_of(rng) for _ in stops])
    assert starts
    assert outcome(training) == uninterrupted(CASES[name])


@SLOW
def test_interrupted_at_each_question_it_ends_with_the_same_bits(tmp_path: Path) -> None:
    shuffle = ("generator.shuffle=block", "generator.block_size=5")
    case = Case(("generator.batch_size=40", *shuffle))
    more = [["trainer.steps_per_execution=1"], ["trainer.steps_per_execution=2"]]
    seen = []
    for question in range(100):
        folder = CheckpointFolder(tmp_path / str(question))
        stops = [StopAfter(question), StopAfter(NEVER)]
        training, starts = resumed(case, folder, stops, more)
        assert outcome(training) == uninterrupted(case)
        if not starts:
            break
        seen += starts
    one_epoch = [1, 2, 3, 3]  # after each step, before and after the step of validation
    first, second = ([(epoch, position) for position in one_epoch] for epoch in (0, 1))
    # At the end once more: whether the sources' check is to be waited for.
    assert seen == [*first, (1, 0), *second, (2, 0), (2, 0)]


def test_the_ledger_is_that_of_the_batches() -> None:
    config = compose_config([*MLP, *SETTINGS])
    source, val_source = source_of(NUM_IMAGES, 4, 0, 0), source_of(40, 4, 1, 0)
    expected = Ledger()
    for stream, generator in (
        (TRAIN, training_generator(config, source)),
        (VAL, validation_generator(config, val_source)),
    ):
        for epoch in range(2):
            first = epoch * len(generator) if stream == TRAIN else 0
            expected.begin(stream, epoch + 1, first)
            steps = range(first, first + len(generator))
            expected.add(stream, [bytes.fromhex(generator.digest(step)) for step in steps])
            expected.end(stream)
    rows = uninterrupted(PLAIN)["ledger"]
    for stream in (TRAIN, VAL):
        found = [row for row in rows if row.stream == stream]
        assert found == [row for row in expected.rows if row.stream == stream]
    assert [(row.epoch, row.step) for row in rows if row.stream == WEIGHTS] == [(1, 7), (2, 14)]
