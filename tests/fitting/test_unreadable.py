"""A batch that cannot be read ends training with a checkpoint after the step before it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spoonful import ArraySource, BatchGenerator, ExactResume
from spoonful.errors import SpoonfulError
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.fitting.fit import Resuming
from spoonful.fitting.train import Training, train
from spoonful.generator.read_errors import ReadError
from spoonful.sources.packed.check import ShardChangedError
from tests.fitting.test_exact_resume import compiled_model
from tests.fitting.test_resuming import (
    NUM_IMAGES,
    PLAIN,
    SETTINGS,
    STEPS,
    STOPS_EARLY,
    Case,
    outcome,
    source_of,
    uninterrupted,
)

pytestmark = pytest.mark.usefixtures("iterators_freed", "rows_every_three_steps")
SLOW = pytest.mark.slow


class GoesBad(ArraySource):
    """Images of which one cannot be read after some reads of it."""

    bad: int = -1
    num_good_reads = 0

    def read_into(self, indices: Any, images: Any) -> None:
        if self.bad in np.asarray(indices).tolist():
            if not self.num_good_reads:
                raise SpoonfulError(f"{self.bad}.jpg: cut short")
            self.num_good_reads -= 1
        super().read_into(indices, images)


def bad(source: ArraySource, index: int, num_good_reads: int = 0) -> GoesBad:
    made = GoesBad(source.read(range(len(source))), source.labels)
    made.bad, made.num_good_reads = index, num_good_reads
    made.fingerprint = source.fingerprint  # otherwise it would read all images
    return made


@pytest.fixture
def folder(tmp_path: Path) -> CheckpointFolder:
    return CheckpointFolder(tmp_path / "checkpoints")


def run(
    case: Case, folder: CheckpointFolder, train_source: Any, val_source: Any, *more: str
) -> Training:
    from spoonful.config.compose import compose_config

    return train(
        compose_config([*case.model, *SETTINGS, *case.overrides, *more]),
        train_source,
        val_source,
        lambda result: None,
        Resuming(folder, folder.newest(pytest.fail)),
    )


def sources_of(case: Case) -> tuple[ArraySource, ArraySource]:
    return source_of(NUM_IMAGES, case.size, 0, 0), source_of(40, case.size, 1, case.val_shift)


@pytest.mark.parametrize(
    ("case", "num_together", "num_threads", "num_good_reads"),
    [
        (PLAIN, 1, 2, 0),
        pytest.param(PLAIN, 4, 0, 1, marks=SLOW),
        pytest.param(PLAIN, 16, 2, 0, marks=SLOW),
        pytest.param(STOPS_EARLY, 1, 0, 1, marks=SLOW),
        pytest.param(STOPS_EARLY, 4, 2, 0, marks=SLOW),
    ],
)
def test_training_ends_before_the_step_that_cannot_be_read_and_goes_on_to_the_same_bits(
    case: Case, num_together: int, num_threads: int, num_good_reads: int, folder: CheckpointFolder
) -> None:
    more = (f"trainer.steps_per_execution={num_together}", f"generator.num_threads={num_threads}")
    good, val = sources_of(case)
    order = BatchGenerator(good, 16)
    step = num_good_reads * STEPS + 4
    index = int(order.indices(step)[3])
    # A read that fails is tried again one image at a time, and before that a chunk of its steps.
    source = bad(good, index)
    source.num_good_reads = num_good_reads
    expected = next(at for at in range(num_good_reads * STEPS, 99) if index in order.indices(at))
    assert expected == step
    words = (
        rf"batch 4 of epoch {num_good_reads + 1} \(step {step}\) cannot be read: {index}\.jpg: cut"
    )
    with pytest.raises(ReadError, match=words):
        run(case, folder, source, val, *more)
    assert folder.steps()[-1] == step
    assert outcome(run(case, folder, good, val, *more)) == uninterrupted(case)


@pytest.mark.slow
@pytest.mark.parametrize("num_together", [1, 4])
def test_the_first_step_of_all_and_one_right_after_resuming_can_be_those(
    num_together: int, folder: CheckpointFolder
) -> None:
    more = f"trainer.steps_per_execution={num_together}"
    good, val = sources_of(PLAIN)
    order = BatchGenerator(good, 16)
    for step in (0, 3, 3):
        with pytest.raises(ReadError, match=rf"\(step {step}\)"):
            run(PLAIN, folder, bad(good, int(order.indices(step)[0])), val, more)
        assert folder.steps() == ([step] if step else [])  # at step 0 there is nothing to keep
    assert outcome(run(PLAIN, folder, good, val, more)) == uninterrupted(PLAIN)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("num_together", "num_good_reads"),
    [pytest.param(1, 0, marks=SLOW), (1, 1), pytest.param(16, 0, marks=SLOW)],
)
def test_a_validation_image_ends_it_at_the_end_of_the_epoch(
    num_together: int, num_good_reads: int, folder: CheckpointFolder
) -> None:
    more = f"trainer.steps_per_execution={num_together}"
    good, val = sources_of(PLAIN)
    # The next epoch's validation may be read ahead, and a read that failed is tried again.
    words = rf"^validation of epoch {num_good_reads + 1}: batch 1 cannot be read: 20\.jpg"
    with pytest.raises(ReadError, match=words):
        run(PLAIN, folder, good, bad(val, 20, num_good_reads), more)
    start = folder.newest(pytest.fail)
    assert start is not None
    num_done = (num_good_reads + 1) * STEPS
    assert (start.step, start.state["position"]) == (num_done, STEPS)
    assert outcome(run(PLAIN, folder, good, val, more)) == uninterrupted(PLAIN)


class Check:
    """A check of shards that finds one changed when it is told to."""

    error: ShardChangedError | None = None
    is_passed = False

    def begin(self) -> None: ...

    def stop(self) -> None: ...

    def raise_if_failed(self) -> None:
        if self.error is not None:
            raise self.error

    def finish(self, limit_s: float) -> None:
        self.raise_if_failed()


class Checked(GoesBad):
    """Images with a check."""

    check = Check()

    def shard_check(self) -> Any:
        return self.check


def checked(source: ArraySource, bad_index: int = -1) -> Checked:
    made = Checked(source.read(range(len(source))), source.labels)
    made.bad, made.check = bad_index, Check()
    made.fingerprint = source.fingerprint
    return made


def changed() -> ShardChangedError:
    return ShardChangedError("raw-0.npy: expected SHA-256 a, found b")


def fail_at(source: Checked, step: int) -> Callable[[Any], None]:
    """Let the check fail once an epoch is over."""

    def on_epoch(result: Any) -> None:
        if result.epoch * STEPS >= step:
            source.check.error = changed()

    return on_epoch


@pytest.mark.slow
@pytest.mark.parametrize("is_checked_before", [False, True])
def test_a_shard_that_has_changed_takes_the_checkpoints_with_it_that_may_depend_on_it(
    is_checked_before: bool, folder: CheckpointFolder
) -> None:
    from spoonful.config.compose import compose_config

    good, val = sources_of(PLAIN)
    order = BatchGenerator(good, 16)
    first = checked(good, int(order.indices(2)[0]))
    first.check.is_passed = is_checked_before
    with pytest.raises(ReadError):
        run(PLAIN, folder, first, val)
    assert folder.steps() == [2]
    source = checked(good)
    config = compose_config([*PLAIN.model, *SETTINGS, "trainer.checkpoint_every_steps=1"])
    resuming = Resuming(folder, folder.newest(pytest.fail))
    with pytest.raises(ShardChangedError, match=r"^raw-0\.npy: expected"):
        train(config, source, val, fail_at(source, STEPS), resuming)
    assert folder.steps() == ([2] if is_checked_before else [])
    assert outcome(run(PLAIN, folder, good, val)) == uninterrupted(PLAIN)


@pytest.mark.slow
@pytest.mark.parametrize("num_together", [1, 3])
def test_a_plain_fit_ends_at_the_execution_before_and_goes_on_to_the_same_bits(
    num_together: int, tmp_path: Path
) -> None:
    images = np.random.default_rng(0).integers(0, 256, (18, 4, 4, 1), dtype=np.uint8)
    good = ArraySource(images, np.arange(18) % 3)
    val = source_of(10, 4, 1, 0)

    def fit(source: Any, val_source: Any, path: Path, bad_later: int = -1) -> Any:
        def on_epoch_end(epoch: int, logs: Any) -> None:
            source.bad = bad_later

        model = compiled_model(steps_per_execution=num_together)
        generator = BatchGenerator(source, 4)
        validation = BatchGenerator(val_source, 4, shuffle="none")
        damage = keras.callbacks.LambdaCallback(on_epoch_end=on_epoch_end)
        resume = ExactResume(path, generator, [damage], delete_checkpoint=False)
        model.fit(generator, validation_data=validation, epochs=3, callbacks=[resume], verbose=0)
        return [np.asarray(v).tobytes() for v in (*model.variables, *model.optimizer.variables)]

    expected = fit(good, val, tmp_path / "reference")
    order, folder = BatchGenerator(good, 4), CheckpointFolder(tmp_path / "resumed")
    step = 5 + 2
    index = int(order.indices(step)[0])
    with pytest.raises(ReadError, match=rf"\(step {step}\) cannot be read"):
        fit(bad(good, -1), val, folder.path, index)
    assert folder.steps()[-1] == (step if num_together == 1 else 5)
    with pytest.raises(ReadError, match=r"^validation of epoch 2: batch 2 cannot be read"):
        fit(good, bad(val, 9), folder.path)
    assert folder.steps()[-1] == 10
    assert fit(good, val, folder.path) == expected
