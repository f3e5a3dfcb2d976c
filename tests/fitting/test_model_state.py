from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from spoonful.errors import SpoonfulError
from spoonful.fitting.checkpoints.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from spoonful.fitting.keras_private import build_all
from spoonful.fitting.model_state import metric_arrays, model_arrays, set_metrics, set_model

pytestmark = pytest.mark.usefixtures("iterators_freed")

SLOW = pytest.mark.slow
X = np.random.default_rng(0).integers(0, 256, (24, 6, 6, 1), dtype=np.uint8)
Y = np.eye(3, dtype=np.float32)[np.arange(24) % 3]


def make_model(
    precision: str = "float32", optimizer: Any = "adam", num_units: int = 5, extra: bool = False
) -> keras.Model:
    """Layers with every kind of variable: weights, running averages, counters of random layers."""
    keras.config.set_dtype_policy(precision)
    layers = [
        keras.layers.Rescaling(1 / 255),
        keras.layers.RandomTranslation(0.1, 0.1),
        keras.layers.Conv2D(2, 3),
        keras.layers.BatchNormalization(),
        keras.layers.Flatten(),
        keras.layers.Dense(num_units, activation="relu"),
        keras.layers.Dropout(0.5),
        *([keras.layers.Dense(4)] if extra else []),
        keras.layers.Dense(3, activation="softmax", dtype="float32"),
    ]
    model = keras.Sequential([keras.Input((6, 6, 1)), *layers])
    model.compile(optimizer, "categorical_crossentropy", metrics=["accuracy"], run_eagerly=True)
    keras.config.set_dtype_policy("float32")
    return model


def train(model: keras.Model, epochs: int = 1) -> list[float]:
    history = model.fit(X, Y, 8, epochs=epochs, shuffle=False, verbose=0).history
    return [value for values in history.values() for value in values]


def same(a: dict[str, Any], b: dict[str, Any]) -> bool:
    return a.keys() == b.keys() and all(
        a[name].dtype == b[name].dtype and np.array_equal(a[name], b[name]) for name in a
    )


@pytest.fixture(autouse=True)
def same_seed() -> None:
    keras.utils.set_random_seed(0)


def test_all_that_training_changes_is_in_the_arrays() -> None:
    model = make_model()
    build_all(model, (X[:8], Y[:8]))
    before = model_arrays(model)
    train(model)
    after = model_arrays(model)
    changed = {name for name in before if not np.array_equal(before[name], after[name])}
    assert before.keys() == after.keys()
    names = [*(v.path for v in model.variables), *(v.path for v in model.optimizer.variables)]
    changed_names = {names[place] for place, name in enumerate(sorted(after)) if name in changed}
    for part in ("kernel", "gamma", "moving_mean", "seed_generator_state", "momentum", "iteration"):
        assert any(part in name for name in changed_names), part


def test_arrays_are_copies_that_further_training_leaves_alone() -> None:
    model = make_model()
    train(model)
    arrays = model_arrays(model)
    kept = {name: array.copy() for name, array in arrays.items()}
    train(model)
    assert same(arrays, kept)
    assert not same(model_arrays(model), kept)


@pytest.mark.parametrize(
    ("precision", "optimizer"),
    [
        ("mixed_float16", lambda: keras.optimizers.AdamW(0.01)),
        pytest.param("float32", lambda: keras.optimizers.Adam(0.01), marks=SLOW),
        pytest.param("mixed_bfloat16", lambda: keras.optimizers.SGD(0.01, 0.9), marks=SLOW),
        pytest.param("bfloat16", lambda: keras.optimizers.SGD(0.01, 0.9, use_ema=True), marks=SLOW),
    ],
)
def test_another_model_goes_on_from_the_arrays_to_the_same_bits(
    precision: str, optimizer: Any, tmp_path: Path
) -> None:
    model = make_model(precision, optimizer())
    train(model)
    write_checkpoint(Checkpoint(3, {}, model_arrays(model)), tmp_path)
    expected = train(model)
    keras.utils.set_random_seed(99)
    other = make_model(precision, optimizer())
    build_all(other, (X[:8], Y[:8]))
    assert not same(model_arrays(other), model_arrays(model))
    set_model(other, read_checkpoint(tmp_path).arrays)
    assert train(other) == expected
    assert same(model_arrays(other), model_arrays(model))


def test_building_changes_no_value() -> None:
    model = make_model()
    weights = [w.copy() for w in model.get_weights()]
    build_all(model, (X[:8], Y[:8]))
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    assert int(model.optimizer.iterations) == 0
    first = train(model)
    keras.utils.set_random_seed(0)
    assert train(make_model()) == first


def test_metrics_go_on_where_they_were() -> None:
    model, other = make_model(), make_model()
    for one in (model, other):
        build_all(one, (X[:8], Y[:8]))
    model.test_on_batch(X[:8], Y[:8])
    arrays = metric_arrays(model)
    assert any(array.any() for array in arrays.values())
    set_model(other, model_arrays(model))
    set_metrics(other, arrays)
    expected = model.test_on_batch(X[8:], Y[8:], return_dict=True)
    assert other.test_on_batch(X[8:], Y[8:], return_dict=True) == expected
    assert same(metric_arrays(other), metric_arrays(model))


@pytest.mark.parametrize(
    ("other", "words"),
    [
        ({"num_units": 6}, ["model variable", "kernel", "float32 [32, 5]", "float32 [32, 6]"]),
        pytest.param({"extra": True}, ["variables of the model"], marks=SLOW),
        pytest.param({"optimizer": "sgd"}, ["variables of the optimizer"], marks=SLOW),
        ({"precision": "bfloat16"}, ["model variable", "float32", "bfloat16"]),
    ],
)
def test_a_model_of_other_variables_is_refused_and_unchanged(
    other: dict[str, Any], words: list[str]
) -> None:
    model, changed = make_model(), make_model(**other)
    for one in (model, changed):
        build_all(one, (X[:8], Y[:8]))
    train(model)
    before = model_arrays(changed)
    with pytest.raises(SpoonfulError) as caught:
        set_model(changed, model_arrays(model))
    text = str(caught.value)
    assert "\n" not in text
    assert "start again" in text
    for word in words:
        assert word in text
    assert same(model_arrays(changed), before)


def test_missing_metrics_are_refused() -> None:
    model = make_model()
    build_all(model, (X[:8], Y[:8]))
    arrays = metric_arrays(model)
    arrays.popitem()
    with pytest.raises(SpoonfulError, match=f"holds {len(arrays)} variables of the metrics"):
        set_metrics(model, arrays)
