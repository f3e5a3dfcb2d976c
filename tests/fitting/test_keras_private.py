"""What `fitting/keras_private.py` uses of Keras is there; where it's not, the failure names it."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from keras.callbacks import LambdaCallback as Lambda

from spoonful.fitting import keras_private
from tests.imports import MODULES, imported, name_of, tree_of

X, Y = np.ones((4, 1), np.float32), np.ones((4, 1), np.float32)


class Data(keras.utils.PyDataset):
    """Two batches."""

    def __init__(self) -> None:
        super().__init__()

    def __len__(self) -> int:
        return 2

    def __getitem__(self, index: int) -> Any:
        return X, Y


def make_model(optimizer: Any = "sgd") -> keras.Model:
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(optimizer, "mse", metrics=["mae"], run_eagerly=True)
    return model


def initial_epoch() -> None:
    model, epochs = make_model(), []
    begin = Lambda(
        on_train_begin=lambda logs: keras_private.begin_with_epoch(model, 2),
        on_epoch_begin=lambda epoch, logs: epochs.append(epoch),
    )
    model.fit(X, Y, epochs=4, callbacks=[begin], verbose=0)
    assert epochs == [2, 3]
    keras_private.begin_with_epoch(model, None)
    begin.on_train_begin = lambda logs: None
    model.fit(X, Y, initial_epoch=3, epochs=4, callbacks=[begin], verbose=0)
    assert epochs == [2, 3, 3]


def eval_epoch_iterator() -> None:
    model, found = make_model(), []
    look = Lambda(on_epoch_end=lambda epoch, logs: None)
    look.on_test_begin = lambda logs: found.append(keras_private.validation_data(model))
    validation = Data()
    model.fit(Data(), validation_data=validation, epochs=2, callbacks=[look], verbose=0)
    model.fit(Data(), validation_data=(X, Y), callbacks=[look], verbose=0)
    model.fit(Data(), callbacks=[Lambda(on_epoch_end=lambda *_: look.on_test_begin({}))], verbose=0)
    assert found == [validation, validation, None, None]


def symbolic_build() -> None:
    model = make_model(keras.optimizers.SGD(momentum=0.9))
    weights = model.get_weights()
    keras_private.build_all(model, (X, Y))
    built = [len(variables) for variables in (model.metrics_variables, model.optimizer.variables)]
    assert int(model.optimizer.iterations) == 0
    assert all(np.array_equal(a, b) for a, b in zip(weights, model.get_weights(), strict=True))
    model.fit(X, Y, verbose=0)
    assert built == [len(model.metrics_variables), len(model.optimizer.variables)]
    assert built[0] > 0


def get_metrics_result_or_logs() -> None:
    model = make_model()
    logs = {name: value[0] for name, value in model.fit(X, Y, verbose=0).history.items()}
    results = keras_private.epoch_results(model, dict.fromkeys(logs, 7.0))
    assert {name: float(value) for name, value in results.items()} == logs
    assert keras_private.epoch_results(model, {"other": 7.0}) == {"other": 7.0}


def learning_rate() -> None:
    halving = keras.optimizers.schedules.ExponentialDecay(1.0, 1, 0.5)
    for optimizer, expected in (
        (keras.optimizers.SGD(halving), 0.25),
        (keras.optimizers.LossScaleOptimizer(keras.optimizers.SGD(halving)), 0.25),
        (keras.optimizers.SGD(0.125), 0.125),
    ):
        model = make_model(optimizer)
        model.fit(Data(), epochs=2, steps_per_epoch=1, verbose=0)
        model.fit(Data(), steps_per_epoch=1, verbose=0)
        assert keras_private.last_learning_rate(model.optimizer) == expected


def callback_state() -> None:
    made: dict[type, Any] = {
        keras.callbacks.ModelCheckpoint: lambda kind: kind("{epoch}.weights.h5"),
        keras.callbacks.SwapEMAWeights: lambda kind: kind(swap_on_epoch=True),
    }
    for kind, names in keras_private.CALLBACK_STATE.items():
        callback = made.get(kind, lambda kind: kind())(kind)
        callback.set_model(make_model(keras.optimizers.SGD(use_ema=True)))
        callback.on_train_begin({})
        callback.on_epoch_begin(0, {})
        missing = set(names) - set(vars(callback))
        assert not missing, f"{kind.__name__} has no {', '.join(missing)}"


USES: dict[str, Callable[[], None]] = {
    "Model._initial_epoch": initial_epoch,
    "Model._eval_epoch_iterator.data_adapter.py_dataset": eval_epoch_iterator,
    "Model._symbolic_build(data_batch=...)": symbolic_build,
    "Model._get_metrics_result_or_logs(logs)": get_metrics_result_or_logs,
    "Optimizer._learning_rate": learning_rate,
    "the attributes of callbacks in CALLBACK_STATE": callback_state,
}


@pytest.mark.parametrize("name", USES)
def test_keras_has_what_is_used_of_it(name: str) -> None:
    try:
        USES[name]()
    except Exception as error:
        pytest.fail(
            f"Keras {keras.__version__} has changed {name}: mend "
            f"src/spoonful/fitting/keras_private.py ({type(error).__name__}: {error})"
        )


def private_names(path: Path) -> Iterator[str]:
    """The names that begin with _ which a module reads from anything but itself, or spells."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Attribute):
            yield from [node.attr] if node.attr[0] == "_" and node.attr[1] != "_" else []
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from [node.value] if node.value.isidentifier() and node.value[0] == "_" else []


def own_names(path: Path) -> Iterator[str]:
    """The names that a module defines."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            yield from [node.attr] if ast.unparse(node.value) == "self" else []


PRIVATE = next(path for path in MODULES if name_of(path) == "fitting.keras_private")
OWN = {name for path in MODULES for name in own_names(path)}
USED = set(private_names(PRIVATE)) - OWN


def test_the_list_of_uses_is_whole() -> None:
    spelled = {word for name in USES for word in name.replace("(", ".").split(".")}
    spelled |= {name for names in keras_private.CALLBACK_STATE.values() for name in names}
    assert {"_initial_epoch", "_learning_rate"} <= USED
    assert spelled >= USED


@pytest.mark.parametrize("path", sorted({*MODULES} - {PRIVATE}), ids=name_of)
def test_no_other_module_uses_what_keras_does_not_document(path: Path) -> None:
    names = set(imported(path))
    assert not [name for name in names if name.startswith("keras.src")]
    found = set(private_names(path)) & USED
    assert not found, f"{name_of(path)} uses {found} of Keras: that belongs into keras_private.py"
    if "keras" in {name.split(".")[0] for name in names}:
        attributes = {n.attr for n in ast.walk(tree_of(path)) if isinstance(n, ast.Attribute)}
        foreign = {name for name in attributes & set(private_names(path)) if name not in OWN}
        assert not foreign, f"{name_of(path)} uses {foreign}: that belongs into keras_private.py"
