"""What each epoch's report says of the batches and of the training so far."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import keras
import numpy as np
import pytest

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.fitting.epoch_result import EpochResult
from spoonful.fitting.epochs import EpochWatch
from spoonful.fitting.fit import Resuming
from spoonful.fitting.train import Training, train, training_generator
from spoonful.order.quality import CLASS_CHI2, DISPLACEMENT, REPEATED_NEIGHBOURS, ShuffleQuality

NUM_IMAGES, BATCH_SIZE = 100, 16
SETTINGS = [
    "model=mlp",
    "model.num_units=[4]",
    f"generator.batch_size={BATCH_SIZE}",
    "trainer.epochs=3",
    "trainer.steps_per_execution=1",
    "generator.shuffle=full",
]
# None of these is the size that an order has by default.
SHUFFLES = {
    "none": [],
    "full": ["seed=5"],
    "block": ["generator.block_size=5", "generator.window_blocks=3"],
    "buffer": ["generator.buffer_size=20", "generator.drop_remainder=true"],
    "balanced": ["trainer.max_steps_per_epoch=4"],
}


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


def source() -> ArraySource:
    images = np.random.default_rng(0).integers(0, 255, (NUM_IMAGES, 4, 4, 1), dtype=np.uint8)
    return ArraySource(images, np.sort(np.arange(NUM_IMAGES) % 3))


def trained(
    reports: list[EpochResult], *overrides: str, resuming: Resuming | None = None
) -> Training:
    config = compose_config([*SETTINGS, *overrides])
    return train(config, source(), source(), reports.append, resuming or Resuming())


def drawn(*overrides: str) -> list[dict[str, float]]:
    """What the indices of the generator's batches say, epoch by epoch."""
    config = compose_config([*SETTINGS, *overrides])
    generator = training_generator(config, source())
    steps = len(generator)
    epochs = [
        np.concatenate([generator.indices(epoch * steps + step) for step in range(steps)])
        for epoch in range(3)
    ]
    measure = ShuffleQuality(
        lambda epoch, start, stop: epochs[epoch][start:stop],
        source().labels,
        BATCH_SIZE,
        generator.examples_per_epoch,
    )
    return [measure(epoch) for epoch in range(3)]


@pytest.mark.slow
@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_each_epoch_s_shuffle_is_that_of_the_batches_trained_on(shuffle: str) -> None:
    settings = [f"generator.shuffle={shuffle}", *SHUFFLES[shuffle]]
    reports: list[EpochResult] = []
    training = trained(reports, *settings)
    assert [report.shuffle for report in reports] == drawn(*settings)
    assert set(reports[0].shuffle) == {DISPLACEMENT, CLASS_CHI2}
    assert set(reports[2].shuffle) == {DISPLACEMENT, CLASS_CHI2, REPEATED_NEIGHBOURS}
    for report, metrics in zip(reports, training.history, strict=True):
        assert report.metrics == metrics  # of the model alone
        assert not set(metrics) & (set(report.shuffle) | {"images_seen", "train_time_s"})


@pytest.mark.slow
def test_a_resumed_training_reports_what_an_uninterrupted_one_does(tmp_path: Path) -> None:
    settings = ["generator.shuffle=buffer", *SHUFFLES["buffer"]]
    folder = CheckpointFolder(tmp_path / "checkpoints")
    reports: list[EpochResult] = []
    with pytest.raises(KeyboardInterrupt):
        trained(reports, *settings, resuming=Resuming(folder, None, StopAfter(17)))
    start = folder.newest(pytest.fail)
    assert start is not None
    assert (start.state["epoch"], len(reports)) == (1, 1)
    assert 0 < start.state["position"] < 6  # inside the second epoch
    trained(reports, *settings, resuming=Resuming(folder, start))
    assert [report.shuffle for report in reports] == drawn(*settings)
    assert [report.images_seen for report in reports] == [96, 192, 288]
    times = np.cumsum([report.train_s for report in reports])
    assert [report.train_time_s for report in reports] == pytest.approx(times)


class Clock:
    """Goes on by a second whenever it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        self.now += 1.0
        return self.now


def watch_of(clock: Clock, reports: list[EpochResult]) -> EpochWatch:
    """One step an epoch, and a look at the shuffle that takes 1,000 s."""

    def look(epoch: int) -> dict[str, float]:
        clock.now += 1_000.0
        return {DISPLACEMENT: float(epoch)}

    batches = SimpleNamespace(
        steps_per_epoch=1,
        asked_time=0.0,
        waited_s=0.0,
        take_ready_times=lambda first, count: [None],
        take_most_threads=lambda: 2,
    )
    resumable = SimpleNamespace(position=0, digests={})
    watched = (cast(Any, batches), cast(Any, resumable))
    watch = EpochWatch(*watched, 16, 9, 1, look, reports.append, "accuracy")
    watch.set_model(SimpleNamespace(optimizer=keras.optimizers.SGD()))
    return watch


def pass_epoch(watch: EpochWatch, epoch: int) -> None:
    watch.on_epoch_begin(epoch)
    watch.on_train_batch_begin(0)
    watch.on_train_batch_end(0)
    watch.on_test_begin()
    watch.on_epoch_end(epoch, dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"), 0.5))


def test_looking_at_the_shuffle_takes_no_time_of_training_or_validation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock, reports = Clock(), list[EpochResult]()
    monkeypatch.setattr("spoonful.fitting.epochs.time", clock)
    watch = watch_of(clock, reports)
    pass_epoch(watch, 0)
    pass_epoch(watch, 1)
    state = watch.get_state()
    later = watch_of(clock, reports)
    later.set_state(state)
    pass_epoch(later, 2)
    assert [report.shuffle for report in reports] == [{DISPLACEMENT: float(e)} for e in range(3)]
    assert [(report.train_s, report.val_s) for report in reports] == [(2.0, 1.0)] * 3
    assert [report.train_time_s for report in reports] == [2.0, 4.0, 6.0]
    assert [report.images_seen for report in reports] == [16, 32, 48]
