import json
from typing import Any

import keras
import ml_dtypes
import numpy as np
import pytest
from keras import callbacks as kc

from spoonful.errors import SpoonfulError
from spoonful.fitting.callback_state import (
    KeepsState,
    is_stateful,
    pack,
    put_states,
    take_states,
    unkept_names,
    unpack,
)
from spoonful.fitting.model_state import Arrays


class Counts(kc.Callback):
    def __init__(self, value: Any = None) -> None:
        super().__init__()
        self.value = value

    def get_state(self) -> dict[str, Any]:
        return {"value": self.value}

    def set_state(self, state: dict[str, Any]) -> None:
        self.value = state["value"]


class OwnStopping(kc.EarlyStopping):
    def __init__(self) -> None:
        super().__init__("loss", patience=3)
        self.seen = 0


def through_a_checkpoint(states: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(json.dumps(states))
    return found


@pytest.mark.parametrize(
    "value",
    [
        None,
        True,
        3,
        0.1,
        float("inf"),
        "text",
        [],
        {},
        [1, [2.5, None]],
        {"a/b": {"c": [1]}, "d": "e"},
    ],
)
def test_json_types_come_back_as_they_are(value: Any) -> None:
    arrays: Arrays = {}
    packed = json.loads(json.dumps(pack(value, "x", arrays)))
    assert unpack(packed, arrays) == value
    assert arrays == {}


@pytest.mark.parametrize(
    "array",
    [
        np.arange(6, dtype=np.int16).reshape(2, 3),
        np.array(0.1, np.float32),
        np.array([], np.float64),
        np.array([1.5, -0.0], ml_dtypes.bfloat16),
    ],
    ids=["matrix", "scalar", "empty", "bfloat16"],
)
def test_arrays_come_back_wherever_they_stand(array: Any) -> None:
    value = {"whole": array, "list": [array, 1, {"deep": array}]}
    arrays: Arrays = {}
    packed = json.loads(json.dumps(pack(value, "x", arrays)))
    assert sorted(arrays) == ["x/list/00000", "x/list/00002/deep", "x/whole"]
    found = unpack(packed, arrays)
    for one in (found["whole"], found["list"][0], found["list"][2]["deep"]):
        assert (one.dtype, one.shape, one.tobytes()) == (array.dtype, array.shape, array.tobytes())
    assert found["list"][1] == 1


def test_tensors_become_arrays_numpy_s_numbers_plain_ones_and_tuples_lists() -> None:
    arrays: Arrays = {}
    value = (keras.ops.ones(3), np.float32(0.1), np.int64(7), np.bool_(True))
    packed = pack(value, "x", arrays)
    found = unpack(json.loads(json.dumps(packed)), arrays)
    assert isinstance(found[0], np.ndarray)
    assert found[0].tolist() == [1, 1, 1]
    assert found[1:] == [float(np.float32(0.1)), 7, True]


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ({"a": {1, 2}}, "x/a is of type set"),
        ([1, object()], "x/00001 is of type object"),
        ({"a": {1: 2}}, "x/a is of type dict"),
        (np.array([None]), "x is of type ndarray"),
    ],
)
def test_what_no_checkpoint_can_hold_is_named(value: Any, found: str) -> None:
    with pytest.raises(SpoonfulError, match=f"^{found}: a checkpoint holds numbers"):
        pack(value, "x", {})


def test_what_keras_callbacks_remember_is_taken_and_put_back() -> None:
    def stopping() -> kc.EarlyStopping:
        callback = kc.EarlyStopping("loss", patience=3)
        callback.on_train_begin()
        return callback

    first, other = stopping(), stopping()
    first.wait, first.best, first.best_epoch = 2, np.float64(0.1), 4
    first.best_weights = [np.ones((2, 3)), np.zeros(1, np.float32)]
    states, arrays = take_states([first, Counts(5)])
    counts = Counts()
    put_states([other, counts], through_a_checkpoint(states), arrays)
    assert (other.wait, other.best, other.best_epoch, other.patience) == (2, 0.1, 4, 3)
    assert [w.tolist() for w in other.best_weights] == [[[1] * 3] * 2, [0]]
    assert counts.value == 5


def test_states_of_other_callbacks_are_refused_with_both_lists() -> None:
    states, arrays = take_states([Counts(1), kc.EarlyStopping("loss")])
    with pytest.raises(
        SpoonfulError, match="of the callbacks Counts, EarlyStopping, now they are EarlyStopping: "
    ):
        put_states([kc.EarlyStopping("loss")], states, arrays)
    with pytest.raises(SpoonfulError, match="now they are none: give fit the same ones"):
        put_states([], states, arrays)


def test_an_unkeepable_state_names_its_callback() -> None:
    with pytest.raises(
        SpoonfulError, match=r"^the state of the callback Counts: callbacks/1/value is of type set"
    ):
        take_states([Counts(1), Counts({1})])


@pytest.mark.parametrize(
    ("callback", "expected"),
    [
        (Counts(1), []),
        (kc.EarlyStopping("loss"), []),
        (kc.CSVLogger("x.csv"), []),
        (kc.LambdaCallback(on_epoch_end=print), []),
        (OwnStopping(), ["seen"]),
    ],
)
def test_only_a_user_s_own_attributes_are_told_as_lost(callback: Any, expected: list[str]) -> None:
    callback.set_params({"epochs": 1})
    callback.set_model(None)
    assert unkept_names(callback) == expected
    assert isinstance(callback, KeepsState) == isinstance(callback, Counts)


def test_a_callback_that_adds_nothing_loses_nothing() -> None:
    class OnlyActs(kc.Callback):
        def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
            pass

    class Collects(OnlyActs):
        def __init__(self) -> None:
            super().__init__()
            self.losses: list[float] = []
            self.best = None

    assert unkept_names(OnlyActs()) == []
    assert unkept_names(Collects()) == ["best", "losses"]
    assert not is_stateful(Collects())


def test_a_state_of_another_version_is_one_line() -> None:
    with pytest.raises(SpoonfulError, match="callback Counts has no 'value': another version"):
        put_states([Counts()], [{"class": "Counts", "values": {}}], {})
