"""Let Keras find the classes and functions of the user's own that a model holds."""

import inspect
import sys
from collections.abc import Iterable

import keras


def make_known(modules: Iterable[str]) -> None:
    """Make the classes and functions of imported modules known to Keras by their names.

    Otherwise Keras can neither copy nor load a model with a layer that the user has not decorated
    with `keras.saving.register_keras_serializable`. A name that is known already is kept.

    Args:
        modules: names of modules; those that are not imported are passed over.
    """
    known = keras.saving.get_custom_objects()
    for name in set(modules) & set(sys.modules):
        for own_name, thing in vars(sys.modules[name]).items():
            is_theirs = getattr(thing, "__module__", None) == name
            if is_theirs and (inspect.isclass(thing) or inspect.isfunction(thing)):
                known.setdefault(own_name, thing)
