"""Keras' TensorFlow backend reads chunks, and sees what it would see batch by batch."""

import itertools
import random
from typing import Any

import keras
import numpy as np
import pytest

from spoonful import ArraySource, BatchGenerator
from spoonful.generator.feed import feed_of

NUM_EXAMPLES, BATCH_SIZE, STEPS = 42, 4, 11  # the last batch of an epoch has 2 examples
CLASS_WEIGHT = {0: 0.1, 2: 3.0}  # class 1 has none


class BatchByBatch(BatchGenerator):
    """The same batches; Keras' own adapter reads them, because `__getitem__` is another."""

    def __getitem__(self, index: int) -> Any:
        return super().__getitem__(index)


class Watched(keras.Model):
    """A one-layer model that notes what it is trained and tested on."""

    def __init__(self, num_outputs: int = 3) -> None:
        super().__init__()
        self.dense = keras.layers.Dense(num_outputs)
        self.trained: list[list[list[float]]] = []
        self.tested: list[list[list[float]]] = []
        self.compile("sgd", "mse", run_eagerly=True)

    def call(self, images: Any) -> Any:
        return self.dense(keras.ops.reshape(images, (-1, 1)))

    def train_step(self, data: Any) -> Any:
        self.trained.append([np.asarray(one).tolist() for one in data])
        return super().train_step(data)

    def test_step(self, data: Any) -> Any:
        self.tested.append([np.asarray(one).tolist() for one in data])
        return super().test_step(data)


def source_of(labels: Any = None) -> ArraySource:
    """Example i is one pixel of value i."""
    images = np.arange(NUM_EXAMPLES, dtype=np.uint8).reshape(-1, 1, 1, 1)
    return ArraySource(images, np.arange(NUM_EXAMPLES) % 3 if labels is None else labels)


def seen_in_fits(kind: type[BatchGenerator], num_fits: int = 1, **arguments: Any) -> Watched:
    """Fit on a new generator, which is validated on, too."""
    random.seed(7)
    model, generator = Watched(), kind(source_of(), BATCH_SIZE, seed=5)
    validation = kind(source_of(), 5, shuffle="none")
    for _ in range(num_fits):
        model.fit(generator, validation_data=validation, verbose=0, **arguments)
    return model


def pixels(seen: list[Any]) -> list[int]:
    return [value for data in seen for value in np.ravel(data[0]).tolist()]


def in_order(first_step: int, num_steps: int) -> list[int]:
    generator = BatchGenerator(source_of(), BATCH_SIZE, seed=5)
    steps = range(first_step, first_step + num_steps)
    return [index for step in steps for index in generator.indices(step).tolist()]


@pytest.mark.parametrize("shuffle", [False, True])
def test_a_model_sees_the_batches_that_it_would_see_one_by_one(shuffle: bool) -> None:
    arguments: dict[str, Any] = {"epochs": 2, "shuffle": shuffle, "class_weight": CLASS_WEIGHT}
    found = seen_in_fits(BatchGenerator, **arguments)
    expected = seen_in_fits(BatchByBatch, **arguments)
    assert found.trained == expected.trained
    assert found.tested == expected.tested
    assert pixels(found.tested) == 2 * list(range(NUM_EXAMPLES))
    assert (pixels(found.trained) == in_order(0, 2 * STEPS)) is not shuffle
    assert len(found.trained[0]) == 3


def test_keras_asks_for_no_batch_but_those_that_tell_it_the_shapes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    generator = BatchGenerator(source_of(), BATCH_SIZE)
    asked: list[int] = []
    serve = feed_of(generator).batch

    def watched(index: int) -> Any:
        asked.append(index)
        return serve(index)

    monkeypatch.setattr(feed_of(generator), "batch", watched)
    Watched().fit(generator, epochs=2, shuffle=False, verbose=0)
    assert asked == [0, 1]


def test_the_epochs_of_the_order_are_those_since_the_first_one_began() -> None:
    model = seen_in_fits(BatchGenerator, num_fits=2, shuffle=False, initial_epoch=5, epochs=6)
    assert pixels(model.trained) == in_order(0, 2 * STEPS)


def test_short_epochs_of_fit_go_on_in_one_epoch_of_the_order() -> None:
    model = seen_in_fits(BatchGenerator, shuffle=False, epochs=2, steps_per_epoch=5)
    assert pixels(model.trained) == in_order(0, 10)


def test_a_stream_goes_on_from_epoch_to_epoch() -> None:
    generator, model = BatchGenerator(source_of(), BATCH_SIZE, seed=5), Watched()
    stream = generator.stream(3)
    model.fit(stream, steps_per_epoch=9, epochs=2, shuffle=False, verbose=0)
    assert pixels(model.trained) == in_order(3, 18)


@pytest.mark.parametrize(
    ("labels", "one_hot"),
    [
        (np.arange(NUM_EXAMPLES) % 3, True),
        (np.arange(NUM_EXAMPLES) % 3, False),
        (np.linspace(-0.5, 2.5, NUM_EXAMPLES, dtype=np.float32), False),
        (np.linspace(0, 2.4, NUM_EXAMPLES, dtype=np.float32)[:, None], False),
        (np.eye(3, dtype=np.float32)[np.arange(NUM_EXAMPLES) % 3], False),
    ],
    ids=["one-hot", "classes", "values", "a column", "columns"],
)
def test_class_weights_are_those_of_keras(labels: Any, one_hot: bool) -> None:
    seen = []
    for kind in (BatchGenerator, BatchByBatch):
        generator = kind(source_of(labels), BATCH_SIZE, one_hot=one_hot)
        model = Watched(3 if one_hot or labels.shape[1:] == (3,) else 1)
        model.fit(generator, shuffle=False, class_weight=CLASS_WEIGHT, verbose=0)
        seen.append(model.trained)
    assert seen[0] == seen[1]
    weights = {weight for data in seen[0] for weight in data[2]}
    assert weights == {float(np.float32(weight)) for weight in (0.1, 1.0, 3.0)}


class WithWeights(BatchGenerator):
    """What a user may derive: batches with a weight for each example."""

    def __getitem__(self, index: int) -> Any:
        x, y = super().__getitem__(index)
        return x, y, x.ravel().astype(np.float32)


def test_sample_weights_of_a_derived_class_are_used() -> None:
    model, generator = Watched(), WithWeights(source_of(), BATCH_SIZE)
    model.fit(generator, shuffle=False, verbose=0)
    assert all(np.ravel(x).tolist() == weights for x, _, weights in model.trained)
    with pytest.raises(ValueError, match="class_weight"):
        model.fit(generator, class_weight=CLASS_WEIGHT, verbose=0)


def test_training_ends_with_the_same_bits() -> None:
    ends = []
    for kind in (BatchGenerator, BatchByBatch):
        keras.utils.set_random_seed(3)
        layers = [keras.Input((1, 1, 1)), keras.layers.Flatten(), keras.layers.Dense(3)]
        model = keras.Sequential(layers)
        model.compile("adam", "mse", metrics=["mae"], steps_per_execution=4)
        history = model.fit(
            kind(source_of(), BATCH_SIZE, drop_remainder=True),
            epochs=3,
            shuffle=False,
            validation_data=kind(source_of(), 5, shuffle="none"),
            class_weight=CLASS_WEIGHT,
            callbacks=[keras.callbacks.ReduceLROnPlateau(patience=1)],
            verbose=0,
        ).history
        ends.append((history, [weight.tolist() for weight in model.get_weights()]))
    assert ends[0] == ends[1]


def test_evaluate_and_predict_see_every_example_once() -> None:
    model, generator = Watched(), BatchGenerator(source_of(), BATCH_SIZE, shuffle="none")
    model.evaluate(generator, verbose=0)
    assert pixels(model.tested) == list(range(NUM_EXAMPLES))
    expected = model.predict(np.arange(NUM_EXAMPLES).reshape(-1, 1, 1, 1), verbose=0)
    assert np.array_equal(model.predict(generator, verbose=0), expected)


def test_a_user_may_still_ask_for_workers_of_keras() -> None:
    generator = BatchGenerator(source_of(), BATCH_SIZE, seed=5)
    assert generator.workers == 1
    generator.workers = 2
    assert generator.workers == 2
    model = Watched()
    model.fit(generator, shuffle=False, verbose=0)
    assert pixels(model.trained) == in_order(0, STEPS)


class Broken(ArraySource):
    """The image 30 cannot be read."""

    def read_into(self, indices: Any, images: Any) -> None:
        if 30 in indices:
            raise OSError("the disk is gone")
        super().read_into(indices, images)


@pytest.mark.parametrize("num_threads", [0, 2])
def test_the_batches_before_one_that_cannot_be_read_are_seen_and_its_cause_is_told(
    num_threads: int,
) -> None:
    source = Broken(source_of().read(range(NUM_EXAMPLES)), np.arange(NUM_EXAMPLES) % 3)
    generator = BatchGenerator(source, BATCH_SIZE, shuffle="none", num_threads=num_threads)
    model = Watched()
    with pytest.raises(
        Exception, match=r"batch 7 of epoch 1 \(step 7\).*OSError: the disk is gone"
    ):
        model.fit(generator, shuffle=False, verbose=0)
    assert pixels(model.trained) == list(range(28))


def test_iterating_outside_keras_is_as_it_was() -> None:
    generator = BatchGenerator(source_of(), BATCH_SIZE, seed=5)
    found = [value for x, _ in itertools.islice(generator, STEPS) for value in x.ravel().tolist()]
    assert found == in_order(0, STEPS)
