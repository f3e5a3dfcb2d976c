"""Notice the callbacks that a fit calls beside one."""

import gc
from typing import Any

import keras


def siblings(callback: keras.callbacks.Callback) -> list[Any]:
    """Return the other callbacks of the running fit, without those that Keras adds by itself.

    Keras tells a callback nothing about the others. But `fit` builds a CallbackList, which passes
    its `params` to each of them, so it is known by that dict among all objects (0.1 s once a fit).
    This finds a mistake of the user; nothing else may depend on it.
    """
    for found in gc.get_objects():
        if issubclass(type(found), keras.callbacks.CallbackList) and _calls(found, callback):
            others = list(found.callbacks)
            others.remove(callback)
            return [other for other in others if not _is_added_by_keras(other)]
    return []


def _calls(found: Any, callback: keras.callbacks.Callback) -> bool:
    is_of_this_fit = getattr(found, "params", None) is callback.params
    return is_of_this_fit and any(one is callback for one in found.callbacks)


def _is_added_by_keras(callback: Any) -> bool:
    return isinstance(callback, (keras.callbacks.History, keras.callbacks.ProgbarLogger))
