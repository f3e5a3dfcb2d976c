"""What Keras 3.15 asks of a PyDataset, and that ours gives the right batches under it."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf

from spoonful import ArraySource, BatchGenerator, FolderSource
from spoonful.fitting.modes import resolved_jit_compile
from spoonful.generator.chunks import Batch

NUM_EXAMPLES = 42
BATCH_SIZE = 4
STEPS = 11  # the last batch of an epoch has 2 examples


class Recorder(keras.utils.PyDataset):
    """Pass everything on to a dataset, and note what Keras asked for."""

    def __init__(self, inner: keras.utils.PyDataset) -> None:
        super().__init__()
        self.inner = inner
        self.log: list[int | str] = []

    @property
    def num_batches(self) -> int | None:
        return self.inner.num_batches  # type: ignore[no-any-return]

    def __getitem__(self, index: int) -> Batch:
        self.log.append(index)
        return self.inner[index]  # type: ignore[no-any-return]

    def on_epoch_begin(self) -> None:
        self.log.append("begin")
        self.inner.on_epoch_begin()

    def on_epoch_end(self) -> None:
        self.log.append("end")
        self.inner.on_epoch_end()

    def epochs(self) -> list[list[int]]:
        """The batch numbers read in each epoch."""
        found: list[list[int]] = []
        for entry in self.log[self.log.index("begin") :]:
            if entry == "begin":
                found.append([])
            elif isinstance(entry, int):
                found[-1].append(entry)
        return found


def one_layer(image_shape: tuple[int, int, int]) -> keras.Model:
    scale, flatten = keras.layers.Rescaling(1 / 255), keras.layers.Flatten()
    dense = keras.layers.Dense(2, activation="softmax")
    return keras.Sequential([keras.Input(image_shape), scale, flatten, dense])


class SeenBatches(keras.Model):
    """A one-layer model that notes the pixels of the batches it is trained and tested on."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = one_layer((1, 1, 1))
        self.notes: dict[str, list[list[int]]] = {"train": [], "test": []}
        self.compile("sgd", "categorical_crossentropy", run_eagerly=True)

    def call(self, images: Any) -> Any:
        return self.layer(images)

    def train_step(self, data: Any) -> Any:
        self.notes["train"].append(np.asarray(data[0]).ravel().tolist())
        return super().train_step(data)

    def test_step(self, data: Any) -> Any:
        self.notes["test"].append(np.asarray(data[0]).ravel().tolist())
        return super().test_step(data)


def source() -> ArraySource:
    """Example i is one pixel of value i."""
    images = np.arange(NUM_EXAMPLES, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return ArraySource(images, np.arange(NUM_EXAMPLES) % 2)


def make_generator(**settings: Any) -> BatchGenerator:
    return BatchGenerator(source(), BATCH_SIZE, **settings)


def batches_of(generator: BatchGenerator, steps: range) -> list[list[int]]:
    return [generator.indices(step).tolist() for step in steps]


@pytest.fixture
def model() -> Iterator[SeenBatches]:
    yield SeenBatches()
    keras.utils.clear_session()


# 1


@pytest.mark.slow
def test_fit_reads_batches_0_and_1_and_ends_an_epoch_before_the_first(model: SeenBatches) -> None:
    recorder = Recorder(make_generator())
    model.fit(recorder, epochs=2, verbose=0)
    assert recorder.log[:4] == [0, 1, "end", "begin"]
    assert [recorder.log.count(name) for name in ("begin", "end")] == [2, 3]


@pytest.mark.parametrize("settings", [{}, {"steps_per_epoch": STEPS}])
def test_each_epoch_of_fit_has_its_own_order(model: SeenBatches, settings: dict[str, int]) -> None:
    generator = make_generator()
    model.fit(generator, epochs=2, shuffle=False, verbose=0, **settings)
    model.fit(generator, epochs=1, shuffle=False, verbose=0, **settings)  # goes on
    assert model.notes["train"] == batches_of(generator, range(3 * STEPS))


# 2


@pytest.mark.slow
def test_fit_permutes_a_finite_dataset_by_pythons_global_generator(model: SeenBatches) -> None:
    orders = []
    for _ in range(2):
        random.seed(0)
        recorder = Recorder(make_generator())
        model.fit(recorder, epochs=2, verbose=0)
        orders.append(recorder.epochs())
    assert [sorted(order) for order in orders[0]] == [list(range(STEPS))] * 2
    assert orders[0][0] != orders[0][1]
    assert orders[0] == orders[1]


@pytest.mark.slow
def test_a_permuted_epoch_still_holds_the_batches_of_its_epoch(model: SeenBatches) -> None:
    generator = make_generator()
    model.fit(generator, epochs=2, verbose=0)
    for epoch in range(2):
        steps = range(epoch * STEPS, (epoch + 1) * STEPS)
        seen = model.notes["train"][steps.start : steps.stop]
        assert sorted(seen) == sorted(batches_of(generator, steps))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`shuffle=True` was passed, but will be ignored")
def test_fit_reads_an_endless_dataset_in_order_over_epochs(model: SeenBatches) -> None:
    generator = make_generator()
    recorder = Recorder(generator.stream())
    validation = make_generator(shuffle="none")
    model.fit(recorder, steps_per_epoch=5, epochs=4, validation_data=validation, verbose=0)
    reads = [index for epoch in recorder.epochs() for index in epoch]
    assert reads == list(range(len(reads)))
    assert model.notes["train"] == batches_of(generator, range(20))


def test_a_start_step_resumes_exactly(model: SeenBatches) -> None:
    generator = make_generator()
    model.fit(generator.stream(), epochs=2, steps_per_epoch=STEPS, shuffle=False, verbose=0)
    whole = list(model.notes["train"])
    model.notes["train"].clear()
    model.fit(generator.stream(start_step=7), steps_per_epoch=2 * STEPS - 7, shuffle=False)
    assert model.notes["train"] == whole[7:]


# 3


@pytest.mark.slow
def test_initial_epoch_replays_the_first_order_of_a_finite_dataset(model: SeenBatches) -> None:
    generator = make_generator()
    model.fit(generator, initial_epoch=2, epochs=3, shuffle=False, verbose=0)
    assert model.notes["train"] == batches_of(generator, range(STEPS))


@pytest.mark.slow
def test_initial_epoch_with_a_stream_goes_on_with_the_next_order(model: SeenBatches) -> None:
    generator = make_generator()
    stream = generator.stream(start_step=2 * len(generator))
    model.fit(stream, initial_epoch=2, epochs=3, steps_per_epoch=STEPS, shuffle=False, verbose=0)
    assert model.notes["train"] == batches_of(generator, range(2 * STEPS, 3 * STEPS))


# 4

KILLED_WORKER = """
import os, signal, sys
import keras, numpy as np
parent = os.getpid()
class Data(keras.utils.PyDataset):
    num_batches = 20
    def __getitem__(self, index):
        if sys.argv[1] == "kill" and index == 5 and os.getpid() != parent:
            os.write(1, b"killed\\n")
            os.kill(os.getpid(), signal.SIGKILL)
        return np.zeros((2, 1), np.float32), np.zeros((2, 1), np.float32)
model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
model.compile("sgd", "mse")
model.fit(Data(workers=1, use_multiprocessing=True), epochs=1, verbose=0)
os.write(1, b"done\\n")
"""


def start_fit_with_worker_process(fate: str) -> "subprocess.Popen[bytes]":
    return subprocess.Popen(
        [sys.executable, "-c", KILLED_WORKER, fate],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


@pytest.mark.slow
def test_a_killed_keras_worker_process_hangs_fit() -> None:
    with start_fit_with_worker_process("live") as healthy:
        assert healthy.communicate(timeout=120)[0] == b"done\n"
    with start_fit_with_worker_process("kill") as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"killed\n"
            with pytest.raises(subprocess.TimeoutExpired):
                process.wait(timeout=10)
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def test_keras_is_given_no_workers_to_start() -> None:
    generator = make_generator()
    for dataset in (generator, generator.stream()):
        assert (dataset.workers, dataset.use_multiprocessing) == (1, False)


# 5


@pytest.mark.slow
def test_validation_reads_every_image_in_the_same_order_every_epoch(model: SeenBatches) -> None:
    validation = make_generator(shuffle="none")
    model.fit(make_generator(), epochs=3, validation_data=validation, verbose=0)
    one_epoch = batches_of(validation, range(STEPS))
    assert model.notes["test"] == one_epoch * 3
    assert sorted(number for batch in one_epoch for number in batch) == list(range(NUM_EXAMPLES))
    assert [len(batch) for batch in one_epoch[-2:]] == [4, 2]


@pytest.mark.slow
def test_a_validation_whose_index_runs_on_reads_the_same_batches(model: SeenBatches) -> None:
    class Endless(BatchGenerator):
        num_batches = None  # type: ignore[assignment]

    validation = Endless(source(), BATCH_SIZE, shuffle="none")
    model.evaluate(validation, steps=2 * STEPS, verbose=0)
    assert model.notes["test"] == batches_of(validation, range(STEPS)) * 2


# 6


@pytest.mark.skipif(
    bool(tf.config.list_physical_devices("GPU")), reason="about machines without a GPU"
)
def test_xla_is_off_without_a_gpu() -> None:
    assert resolved_jit_compile(None) is False
    model = one_layer((1, 1, 1))
    model.compile("sgd", "categorical_crossentropy", jit_compile="auto")
    assert model.jit_compile is False  # Keras 3.15.1 agrees; nothing of ours relies on that


def test_an_execution_that_does_not_divide_the_epoch_overruns_it() -> None:
    model = one_layer((1, 1, 1))
    model.compile("sgd", "categorical_crossentropy", steps_per_execution=2)
    stream = make_generator().stream()
    model.fit(stream, steps_per_epoch=STEPS, epochs=2, shuffle=False, verbose=0)
    assert int(model.optimizer.iterations) == 2 * (STEPS + 1)  # why training hands over epochs
    stream.close()


def test_fit_on_a_folder_of_images(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(40):
        path = tmp_path / ("dark" if number % 2 else "light") / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        brightest = 60 if number % 2 else 256
        pixels = rng.integers(brightest - 60, brightest, (6, 6, 3), dtype=np.uint8)
        path.write_bytes(cv2.imencode(".png", pixels)[1].tobytes())
    keras.utils.set_random_seed(0)
    model = one_layer((8, 8, 3))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    generator = BatchGenerator(FolderSource(tmp_path, (8, 8)), 32)
    history = model.fit(generator, epochs=3, verbose=0).history
    assert len(history["loss"]) == 3
    assert history["loss"][2] < history["loss"][0]
