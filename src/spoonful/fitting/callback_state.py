"""What Keras' callbacks remember from epoch to epoch."""

from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import keras
import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.fitting.model_state import Arrays

# The attributes that on_train_begin resets or on_epoch_end changes.
_REMEMBERED: dict[type, tuple[str, ...]] = {
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
        "epochs_since_last_save",
        "_batches_seen_since_last_saving",
        "_last_batch_seen",
    ),
}


@runtime_checkable
class KeepsState(Protocol):
    """A callback that says itself what it remembers."""

    def get_state(self) -> dict[str, Any]:
        """Return JSON types, NumPy arrays, or lists of arrays by name."""
        ...

    def set_state(self, state: dict[str, Any]) -> None:
        """Put back what `get_state` returned."""
        ...


def take_states(callbacks: Iterable[Any]) -> tuple[list[dict[str, Any]], Arrays]:
    """Return what the callbacks remember.

    Returns:
        For each callback its class and its plain values; and all arrays by name.
    """
    states, arrays = [], {}
    for number, callback in enumerate(callbacks):
        plain: dict[str, Any] = {}
        lists: dict[str, int] = {}
        for name, value in _remembered(callback).items():
            key = f"callbacks/{number}/{name}"
            if isinstance(value, np.ndarray):
                arrays[key] = value
            elif isinstance(value, list) and value and isinstance(value[0], np.ndarray):
                lists[name] = len(value)
                arrays.update({f"{key}/{i:05d}": item for i, item in enumerate(value)})
            else:
                plain[name] = value.item() if isinstance(value, np.generic) else value
        states.append({"class": type(callback).__name__, "plain": plain, "lists": lists})
    return states, arrays


def put_states(callbacks: Iterable[Any], states: list[dict[str, Any]], arrays: Arrays) -> None:
    """Put back what `take_states` returned.

    Raises:
        SpoonfulError: the callbacks are others; names the saved and the current ones.
    """
    callbacks = list(callbacks)
    saved = [state["class"] for state in states]
    now = [type(callback).__name__ for callback in callbacks]
    if saved != now:
        raise SpoonfulError(
            f"the checkpoint holds the state of the callbacks {', '.join(saved) or 'none'}, now "
            f"they are {', '.join(now) or 'none'}: give fit the same ones, or start anew"
        )
    for number, (callback, state) in enumerate(zip(callbacks, states, strict=True)):
        values = dict(state["plain"])
        prefix = f"callbacks/{number}/"
        for key, array in arrays.items():
            if key.startswith(prefix) and "/" not in key.removeprefix(prefix):
                values[key.removeprefix(prefix)] = array
        for name, length in state["lists"].items():
            values[name] = [arrays[f"{prefix}{name}/{i:05d}"] for i in range(length)]
        if isinstance(callback, KeepsState):
            callback.set_state(values)
        else:
            vars(callback).update(values)


def is_stateful(callback: Any) -> bool:
    """Return whether a callback's state can be kept."""
    return isinstance(callback, (KeepsState, *_REMEMBERED))


def _remembered(callback: Any) -> dict[str, Any]:
    if isinstance(callback, KeepsState):
        return callback.get_state()
    return {
        name: getattr(callback, name, None)
        for kind, names in _REMEMBERED.items()
        if isinstance(callback, kind)
        for name in names
    }
