"""The only module that uses what Keras does not document: each use, and why nothing public serves.

Written for Keras 3.15, the version that pyproject.toml allows. tests/fitting/test_keras_private.py
checks each of them and names the one that a later Keras has changed.
"""

from typing import Any

import keras

# Attributes in which Keras' callbacks keep what on_train_begin resets or what changes later. None
# is documented, and no callback has a method that returns its state.
CALLBACK_STATE: dict[type, tuple[str, ...]] = {
    keras.callbacks.EarlyStopping: (
        "wait",
        "stopped_epoch",
        "best",
        "best_epoch",
        "best_weights",
    ),
    keras.callbacks.ReduceLROnPlateau: ("wait", "best", "cooldown_counter"),
    keras.callbacks.ModelCheckpoint: (
        "best",
        "_batches_seen_since_last_saving",
        "_last_batch_seen",
    ),
    keras.callbacks.SwapEMAWeights: ("_ema_weights_in_model",),
    keras.callbacks.History: ("epoch", "history"),
}


def begin_with_epoch(model: keras.Model, epoch: int | None) -> None:
    """Let the running `fit` begin with an epoch, or with its argument `initial_epoch` (None).

    Uses `Model._initial_epoch`, as Keras' BackupAndRestore does. A callback is called after `fit`
    was given its arguments.
    """
    model._initial_epoch = epoch


def validation_data(model: keras.Model) -> Any:
    """Return the PyDataset that the running `fit` validates on; None: it is none.

    Uses `Model._eval_epoch_iterator.data_adapter.py_dataset`, from validation's beginning on. A
    callback is not told what `fit` validates on.
    """
    iterator = getattr(model, "_eval_epoch_iterator", None)
    return getattr(getattr(iterator, "data_adapter", None), "py_dataset", None)


def build_all(model: keras.Model, batch: tuple[Any, Any]) -> None:
    """Create the variables that Keras otherwise creates when it traces the first step.

    Uses `Model._symbolic_build`. The public methods that create the variables of the metrics and
    the optimizer run a step.

    Args:
        model: a compiled model.
        batch: x and y of the shapes and types that training reads; their values do not matter.
    """
    model._symbolic_build(data_batch=batch)


def epoch_results(model: keras.Model, logs: dict[str, Any]) -> dict[str, Any]:
    """Return what `fit` puts into the history after a step with these logs.

    Uses `Model._get_metrics_result_or_logs`, which chooses between the metrics and the result of a
    user's `train_step`. `get_metrics_result` knows only the metrics.
    """
    results: dict[str, Any] = model._get_metrics_result_or_logs(logs)
    return results


def last_learning_rate(optimizer: Any) -> float:
    """Return the learning rate of the last update.

    Uses `Optimizer._learning_rate`, the schedule: `learning_rate` is the rate of the next update.
    """
    inner = getattr(optimizer, "inner_optimizer", optimizer)  # under loss scaling
    schedule = inner._learning_rate
    if isinstance(schedule, keras.optimizers.schedules.LearningRateSchedule):
        return float(schedule(max(int(inner.iterations) - 1, 0)))
    return float(inner.learning_rate)
