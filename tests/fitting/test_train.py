import math
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.fitting.epoch_result import EpochResult
from spoonful.fitting.model_file import save_model
from spoonful.fitting.train import Training, train

NUM_CLASSES = 3
TINY = [
    "model=mlp",
    "model.num_units=[16]",
    "model.dropout_rate=0.1",
    "dataset.image_size=[4,4]",
    "generator.batch_size=16",
    "optimizer.learning_rate=0.02",
    "trainer.epochs=2",
    "generator.shuffle=full",
]


class SpySource(ArraySource):
    """Class c lights row c of an image; keeps what was read, and fails at one image if told to."""

    def __init__(self, number: int, seed: int = 0, fail_at: int | None = None) -> None:
        rng = np.random.default_rng(seed)
        labels = np.arange(number) % NUM_CLASSES
        images = rng.integers(0, 90, (number, 4, 4, 1), dtype=np.uint8)
        images[np.arange(number), labels] += 150
        super().__init__(images, labels)
        self.seen: list[int] = []
        self.fail_at = fail_at
        self.failure = SpoonfulError("image 7 of the test cannot be read")

    def read_into(self, indices: Sequence[int] | NDArray[Any], images: NDArray[np.uint8]) -> None:
        self.seen += [int(index) for index in indices]
        if self.fail_at in self.seen:
            raise self.failure
        super().read_into(indices, images)


def trained(
    *overrides: str, source: SpySource | None = None, val_source: SpySource | None = None
) -> tuple[Training, list[EpochResult]]:
    reports: list[EpochResult] = []
    training = train(
        compose_config([*TINY, *overrides]),
        source or SpySource(100),
        val_source or SpySource(40, seed=1),
        reports.append,
    )
    return training, reports


def saved(training: Training, path: Path) -> bytes:
    save_model(training.model, path)
    return path.read_bytes()


def test_it_learns_what_can_be_told_apart_and_reports_each_epoch() -> None:
    training, reports = trained("trainer.epochs=6")
    assert max(epoch["val_accuracy"] for epoch in training.history) > 0.95
    assert [report.epoch for report in reports] == [1, 2, 3, 4, 5, 6]
    assert [report.metrics for report in reports] == training.history
    assert set(training.history[0]) == {
        *("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
    }
    for report in reports:
        assert report.num_epochs == 6
        assert report.train_s > 0
        assert report.val_s > 0
        assert 0 <= report.input_wait_s <= report.train_s
        assert report.images_per_s == pytest.approx(100 / report.train_s)
    losses = [epoch["val_loss"] for epoch in training.history]
    assert training.best_epoch == int(np.argmin(losses)) + 1


AUGMENTED = "trainer.augmentation=[{_target_: keras.layers.RandomFlip, mode: horizontal}]"


@pytest.mark.slow
def test_the_same_seed_gives_the_same_bytes_and_another_seed_does_not(tmp_path: Path) -> None:
    first, _ = trained(AUGMENTED)
    second, _ = trained(AUGMENTED)
    other, _ = trained(AUGMENTED, "seed=1")
    assert first.history == second.history
    assert saved(first, tmp_path / "1.keras") == saved(second, tmp_path / "2.keras")
    assert first.history != other.history
    assert saved(first, tmp_path / "1.keras") != saved(other, tmp_path / "3.keras")


@pytest.mark.slow
def test_another_process_trains_the_same_bytes(tmp_path: Path) -> None:
    code = (
        "import runpy, sys; from pathlib import Path\n"
        f"space = runpy.run_path({__file__!r})\n"
        "training, _ = space['trained'](space['AUGMENTED'])\n"
        "space['saved'](training, Path(sys.argv[1]))\n"
        "print(training.history)\n"
    )
    path = tmp_path / "another.keras"
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    ours, _ = trained(AUGMENTED)
    # Above the history are lines with the speed of each epoch.
    assert done.stdout.splitlines()[-1] == str(ours.history)
    assert path.read_bytes() == saved(ours, tmp_path / "ours.keras")
    assert "val_loss" in ours.history[0]


@pytest.mark.slow
def test_class_numbers_train_as_one_hot_labels_do() -> None:
    one_hot, _ = trained("generator.one_hot=true")
    numbers, _ = trained("generator.one_hot=false")
    for a, b in zip(one_hot.history, numbers.history, strict=True):
        assert a == pytest.approx(b, rel=1e-5)


@pytest.mark.slow
def test_floats_train_as_bytes_do() -> None:
    of_bytes, _ = trained()
    of_floats, _ = trained("generator.dtype=float32")
    for a, b in zip(of_bytes.history, of_floats.history, strict=True):
        assert a == pytest.approx(b, abs=0.02)


@pytest.mark.parametrize(
    "steps_per_execution", [pytest.param(n, marks=pytest.mark.slow) for n in (1, 4, 6, 100)]
)
def test_how_many_steps_run_at_a_time_changes_no_bit(
    steps_per_execution: int, tmp_path: Path
) -> None:
    # Six steps an epoch, the last of 10 images; 4 do not divide them.
    overrides = ["trainer.epochs=3", f"trainer.steps_per_execution={steps_per_execution}"]
    one, _ = trained("trainer.epochs=3", source=SpySource(90))
    many, reports = trained(*overrides, source=SpySource(90))
    assert int(many.model.optimizer.iterations) == 18
    assert one.history == many.history
    assert saved(one, tmp_path / "1.keras") == saved(many, tmp_path / "2.keras")
    assert all(0 <= report.input_wait_s <= report.train_s for report in reports)


@pytest.mark.slow
@pytest.mark.parametrize("num_threads", [0, 8])
def test_threads_change_no_bit(num_threads: int, tmp_path: Path) -> None:
    one, _ = trained("generator.num_threads=1")
    other, _ = trained(f"generator.num_threads={num_threads}", "generator.prefetch_batches=1")
    assert one.history == other.history
    assert saved(one, tmp_path / "1.keras") == saved(other, tmp_path / "2.keras")


@pytest.mark.slow
def test_training_leaves_no_reading_thread() -> None:
    def reading() -> list[str]:
        return [t.name for t in threading.enumerate() if t.name == "spoonful-reader"]

    trained("generator.num_threads=8")
    assert reading() == []
    with pytest.raises(SpoonfulError):
        trained("generator.num_threads=8", source=SpySource(100, fail_at=77))
    assert reading() == []


@pytest.mark.slow
def test_the_last_metrics_are_those_of_the_whole_validation_set() -> None:
    val_source = SpySource(40, seed=1)
    training, _ = trained("trainer.early_stopping.restore_best_weights=false")
    images, labels = val_source.read(range(40)), val_source.labels
    probabilities = training.model.predict(images, verbose=0)
    loss = -np.log(probabilities[np.arange(40), labels]).mean()
    last = training.history[-1]
    assert last["val_loss"] == pytest.approx(loss, rel=1e-4)
    assert last["val_accuracy"] == pytest.approx((probabilities.argmax(1) == labels).mean())


@pytest.mark.parametrize("restore", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_early_stopping_stops_and_keeps_the_weights_it_says(restore: bool) -> None:
    # Validation labels are wrong: the better the training, the worse the validation.
    val_source = SpySource(40, seed=1)
    val_source.labels = (val_source.labels + 1) % NUM_CLASSES
    training, reports = trained(
        "trainer.epochs=20",
        "trainer.early_stopping.patience_epochs=2",
        f"trainer.early_stopping.restore_best_weights={restore}",
        val_source=val_source,
    )
    losses = [epoch["val_loss"] for epoch in training.history]
    best = int(np.argmin(losses)) + 1
    assert len(losses) == len(reports) == best + 2 < 20
    assert training.best_epoch == (best if restore else best + 2)
    probabilities = training.model.predict(val_source.read(range(40)), verbose=0)
    loss = -np.log(probabilities[np.arange(40), val_source.labels]).mean()
    assert losses[training.best_epoch - 1] == pytest.approx(loss, rel=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(precision: str) -> None:
    training, _ = trained(f"trainer.precision={precision}", "trainer.epochs=4")
    assert training.history[-1]["val_accuracy"] > 0.9
    assert training.history[-1]["learning_rate"] == pytest.approx(0.02)
    assert training.model.get_layer("dense_1").compute_dtype == precision.removeprefix("mixed_")
    assert training.model.get_layer("dense_1").kernel.dtype == "float32"


@pytest.mark.parametrize(
    ("steps_per_execution", "num_threads"),
    [(7, 2), *(pytest.param(*pair, marks=pytest.mark.slow) for pair in [(7, 0), (1, 2), (1, 0)])],
)
def test_an_error_of_the_source_ends_training_with_its_batch_and_cause(
    steps_per_execution: int, num_threads: int
) -> None:
    source = SpySource(100, fail_at=42)
    settings = [
        f"trainer.steps_per_execution={steps_per_execution}",
        f"generator.num_threads={num_threads}",
        "generator.shuffle=none",
    ]
    with pytest.raises(SpoonfulError) as caught:
        trained(*settings, source=source)
    assert "\n" not in str(caught.value)
    assert str(source.failure) in str(caught.value)
    assert caught.value.__cause__ is source.failure


@pytest.mark.slow
def test_an_error_of_the_validation_source_ends_training_as_itself() -> None:
    val_source = SpySource(40, seed=1, fail_at=5)
    with pytest.raises(SpoonfulError) as caught:
        trained(val_source=val_source)
    assert caught.value.__cause__ is val_source.failure


@pytest.mark.slow
def test_an_error_of_the_listener_ends_training_as_itself() -> None:
    failure = OSError("the disk is full")

    def on_epoch(report: EpochResult) -> None:
        raise failure

    with pytest.raises(OSError, match="disk") as caught:
        train(compose_config(TINY), SpySource(100), SpySource(40), on_epoch)
    assert caught.value is failure


def test_a_training_that_diverges_is_ended_with_what_to_do() -> None:
    with pytest.raises(SpoonfulError, match=r"the loss is nan after epoch 1") as caught:
        trained("optimizer.learning_rate=1e30")
    assert "optimizer.learning_rate" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_the_history_holds_the_learning_rate_of_each_epoch_s_last_step() -> None:
    overrides = ["optimizer/schedule=warmup_cosine", "trainer.epochs=4"]
    training, _ = trained(*overrides)
    steps = math.ceil(100 / 16)

    def rate(step: int) -> float:
        if step < steps:
            return 0.02 * step / steps
        return 0.01 * (1 + math.cos(math.pi * (step - steps) / (3 * steps)))

    found = [epoch["learning_rate"] for epoch in training.history]
    assert found == pytest.approx([rate(steps * (e + 1) - 1) for e in range(4)], rel=1e-4)
