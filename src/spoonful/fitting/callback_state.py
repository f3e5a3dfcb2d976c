"""The state that Keras' callbacks keep from epoch to epoch."""

import inspect
from collections.abc import Iterable
from typing import Any, Protocol, runtime_checkable

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.fitting.keras_private import CALLBACK_STATE
from spoonful.fitting.model_state import Arrays

_ARRAY = "__array__"  # the only key of a dict that represents an array in JSON


@runtime_checkable
class KeepsState(Protocol):
    """A callback that saves and restores its own state."""

    def get_state(self) -> dict[str, Any]:
        """Return numbers, text, None, arrays, and lists and dicts of them."""

    def set_state(self, state: dict[str, Any]) -> None:
        """Restore the state from `get_state`."""


def take_states(callbacks: Iterable[Any]) -> tuple[list[dict[str, Any]], Arrays]:
    """Return the state of the callbacks.

    Returns:
        The class and the values of each callback as JSON types, and all arrays by name.

    Raises:
        SpoonfulError: a value that a checkpoint cannot hold; names it and its callback.
    """
    states: list[dict[str, Any]] = []
    arrays: Arrays = {}
    for number, callback in enumerate(callbacks):
        name = type(callback).__name__
        try:
            values = pack(_remembered(callback), f"callbacks/{number}", arrays)
        except SpoonfulError as error:
            raise SpoonfulError(f"the state of the callback {name}: {error}") from error
        states.append({"class": name, "values": values})
    return states, arrays


def put_states(callbacks: Iterable[Any], states: list[dict[str, Any]], arrays: Arrays) -> None:
    """Restore the states from `take_states`.

    Raises:
        SpoonfulError: the callbacks differ; names the saved and the current ones.
    """
    callbacks = list(callbacks)
    saved = [state["class"] for state in states]
    now = [type(callback).__name__ for callback in callbacks]
    if saved != now:
        raise SpoonfulError(
            f"the checkpoint holds the state of the callbacks {', '.join(saved) or 'none'}, now "
            f"they are {', '.join(now) or 'none'}: give fit the same ones, or start again"
        )
    for callback, state in zip(callbacks, states, strict=True):
        values = unpack(state["values"], arrays)
        if isinstance(callback, KeepsState):
            try:
                callback.set_state(values)
            except KeyError as error:
                raise SpoonfulError(
                    f"the checkpoint's state of the callback {state['class']} has no {error}: "
                    "another version wrote it; resume with that version, or train from the start"
                ) from error
        else:
            vars(callback).update(values)


def is_stateful(callback: Any) -> bool:
    """Return whether a callback's state can be kept."""
    return isinstance(callback, (KeepsState, *CALLBACK_STATE))


def unkept_names(callback: Any) -> list[str]:
    """Return the attributes of a user's callback that a checkpoint does not keep."""
    if isinstance(callback, KeepsState) or _is_of_keras(type(callback)):
        return []
    known = {
        name
        for kind in type(callback).__mro__
        if _is_of_keras(kind)
        for method in vars(kind).values()
        if inspect.isfunction(method)
        for name in method.__code__.co_names
    }
    return sorted(vars(callback).keys() - known)


def unkept(callbacks: Iterable[Any], keeper: str) -> list[str]:
    """Return a warning for each callback with attributes that a checkpoint does not keep.

    Args:
        callbacks: the user's callbacks.
        keeper: what does not keep them, with its verb.
    """
    return [
        f"{keeper} not keep {', '.join(names)} of {type(one).__name__}: if training depends on it, "
        f"give {type(one).__name__} the methods get_state() and set_state(state)"
        for one in callbacks
        if (names := unkept_names(one))
    ]


def pack(value: Any, name: str, arrays: Arrays) -> Any:
    """Return a value as JSON types.

    Args:
        value: number, text, None, array, or lists and dicts of them.
        name: prefix of the names of its arrays.
        arrays: receives its arrays.

    Raises:
        SpoonfulError: it is or holds something else; names it.
    """
    if isinstance(value, dict) and all(isinstance(key, str) for key in value):
        return {key: pack(item, f"{name}/{key}", arrays) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [pack(item, f"{name}/{i:05d}", arrays) for i, item in enumerate(value)]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if hasattr(value, "__array__") and not np.asarray(value).dtype.hasobject:
        arrays[name] = np.asarray(value)
        return {_ARRAY: name}
    raise SpoonfulError(
        f"{name} is of type {type(value).__name__}: a checkpoint holds numbers, text, None, "
        "arrays, and lists and dicts of them, with text as keys"
    )


def unpack(value: Any, arrays: Arrays) -> Any:
    """Return the value passed to `pack`; tuples have become lists."""
    if isinstance(value, list):
        return [unpack(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    if value.keys() == {_ARRAY}:
        return arrays[value[_ARRAY]]
    return {key: unpack(item, arrays) for key, item in value.items()}


def _is_of_keras(kind: type) -> bool:
    return kind.__module__.split(".")[0] == "keras"


def _remembered(callback: Any) -> dict[str, Any]:
    if isinstance(callback, KeepsState):
        return callback.get_state()
    return {
        name: getattr(callback, name, None)
        for kind, names in CALLBACK_STATE.items()
        if isinstance(callback, kind)
        for name in names
    }
