"""What Keras 3.15 does with callbacks and short epochs, which resuming inside fit relies on."""

from typing import Any

import keras
import numpy as np
import pytest

STEPS = 4
Lambda = keras.callbacks.LambdaCallback
Batch = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


class Data(keras.utils.PyDataset):
    """Batches of ones, and a log of what is asked for; an epoch can be made shorter."""

    def __init__(self) -> None:
        super().__init__()
        self.left = STEPS
        self.log: list[Any] = []

    @property
    def num_batches(self) -> int:
        return self.left

    def __getitem__(self, index: int) -> Batch:
        self.log.append("read")
        return np.ones((2, 1), np.float32), np.ones((2, 1), np.float32)

    def on_epoch_begin(self) -> None:
        self.log.append("begin")

    def on_epoch_end(self) -> None:
        self.log.append("end")


def make_model() -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse", metrics=["mae"], run_eagerly=True)
    return model


def fit(model: keras.Model, data: Data, *callbacks: Any, **settings: Any) -> None:
    model.fit(data, callbacks=list(callbacks), verbose=0, **settings)


def test_an_epoch_with_fewer_batches_ends_early_and_begins_a_batch_too_many() -> None:
    data = Data()
    begun: list[list[int]] = []
    ended: list[list[int]] = []

    def shorten(epoch: int, logs: Any) -> None:
        data.left = 1 if epoch == 0 else STEPS
        begun.append([])
        ended.append([])

    note = Lambda(
        on_epoch_begin=shorten,
        on_train_batch_begin=lambda batch, logs: begun[-1].append(batch),
        on_train_batch_end=lambda batch, logs: ended[-1].append(batch),
    )
    with pytest.warns(UserWarning, match="Your input ran out of data"):
        fit(make_model(), data, note, epochs=2)
    assert begun == [[0, 1], [0, 1, 2, 3]]
    assert ended == [[0], [0, 1, 2, 3]]


@pytest.mark.parametrize("settings", [{}, {"steps_per_epoch": STEPS}])
def test_an_epoch_is_read_after_its_callbacks_began_and_left_after_its_last_step_s(
    settings: dict[str, int],
) -> None:
    data = Data()
    note = Lambda(
        on_epoch_begin=lambda epoch, logs: data.log.append("callbacks begin"),
        on_train_batch_end=lambda batch, logs: data.log.append("step"),
    )
    fit(make_model(), data, note, epochs=2, **settings)
    events = [entry for entry in data.log if entry != "read"]
    before, *epochs = " ".join(events).split("callbacks begin")
    assert before.split() == ["end"]
    for epoch in epochs:
        assert epoch.split()[0] == "begin"
        assert set(epoch.split()[1 : STEPS + 1]) == {"step"}
        assert set(epoch.split()[STEPS + 1 :]) == {"end"}
    begin = [i for i, entry in enumerate(data.log) if entry == "callbacks begin"]
    for first, stop in zip(begin, [*begin[1:], None], strict=True):
        assert data.log[first:stop].count("read") == STEPS  # none of the next one's


def test_the_logs_of_an_epoch_are_one_sorted_dict_for_all_callbacks() -> None:
    model = make_model()

    def add(epoch: int, logs: dict[str, float]) -> None:
        assert list(logs) == ["loss", "mae", "val_loss", "val_mae"]
        logs["added"] = 1.0

    fit(model, Data(), Lambda(on_epoch_end=add), validation_data=Data())
    assert list(model.history.history)[-1] == "added"


def test_history_is_the_model_s_before_training_begins_and_forgets_its_epochs_then() -> None:
    model, seen = make_model(), []

    def look(logs: Any) -> None:
        seen.append(model.history)
        model.history.history["loss"], model.history.epoch = [5.0], [9]

    history = keras.callbacks.History()
    fit(model, Data(), Lambda(on_train_begin=look), history, epochs=1)
    assert seen == [history]
    assert (history.history["loss"][0], history.epoch) == (5.0, [0])


@pytest.mark.parametrize("key", ["loss", "other"])
def test_an_epoch_s_results_are_the_metrics_where_a_step_s_logs_have_their_names(key: str) -> None:
    class OwnStep(keras.Model):
        def train_step(self, data: Any) -> dict[str, float]:
            return {key: 7.0}

    inputs = keras.Input((1,))
    model = OwnStep(inputs, keras.layers.Dense(1)(inputs))
    model.compile("sgd", "mse", run_eagerly=True)
    fit(model, Data())
    assert model.history.history == ({"loss": [0.0]} if key == "loss" else {"other": [7.0]})
