"""Everything in a compiled model that training changes, as arrays."""

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import numpy as np
import xxhash
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError

Arrays = dict[str, NDArray[Any]]


def model_arrays(model: keras.Model) -> Arrays:
    """Return weights, the counters of Dropout and augmentation layers, and the optimizer's state.

    None of Keras' save formats includes the counters; they are in `model.variables`.
    """
    return {
        **_arrays("model", model.variables),
        **_arrays("optimizer", model.optimizer.variables),
    }


def metric_arrays(model: keras.Model) -> Arrays:
    """Return the sums of the metrics in this epoch."""
    return _arrays("metrics", model.metrics_variables)


def set_model(model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Restore the arrays from `model_arrays`.

    Raises:
        SpoonfulError: the model or its optimizer has other variables; names the first. Nothing is
            changed then.
    """
    saved = _checked("model", model.variables, arrays)
    saved_optimizer = _checked("optimizer", model.optimizer.variables, arrays)
    _assign(model.variables, saved)
    _assign(model.optimizer.variables, saved_optimizer)


def set_metrics(model: keras.Model, arrays: Mapping[str, NDArray[Any]]) -> None:
    """Restore the arrays from `metric_arrays`; raise SpoonfulError as `set_model` does."""
    _assign(model.metrics_variables, _checked("metrics", model.metrics_variables, arrays))


def _arrays(kind: str, variables: Sequence[keras.Variable]) -> Arrays:
    return {f"{kind}/{i:05d}": np.asarray(v) for i, v in enumerate(variables)}


def _checked(
    kind: str, variables: Sequence[keras.Variable], arrays: Mapping[str, NDArray[Any]]
) -> list[NDArray[Any]]:
    """Return the array of each variable."""
    names = [name for name in arrays if name.startswith(f"{kind}/")]
    if len(names) != len(variables):
        raise SpoonfulError(
            f"the checkpoint holds {len(names)} variables of the {kind}, now it has "
            f"{len(variables)}: build and compile the model as it was, or start again"
        )
    saved = [arrays[f"{kind}/{i:05d}"] for i in range(len(variables))]
    for variable, array in zip(variables, saved, strict=True):
        now = (tuple(variable.shape), keras.backend.standardize_dtype(variable.dtype))
        if now != (array.shape, array.dtype.name):
            raise SpoonfulError(
                f"{kind} variable {variable.path}: the checkpoint holds {array.dtype.name} "
                f"{list(array.shape)}, now it is {now[1]} {list(now[0])}: build and compile the "
                "model as it was, or start again"
            )
    return saved


def _assign(variables: Sequence[keras.Variable], saved: Sequence[NDArray[Any]]) -> None:
    for variable, array in zip(variables, saved, strict=True):
        variable.assign(array)


def weights_digest(model: keras.Model) -> bytes:
    """Return 16 bytes that differ if a variable of the model differs."""
    digest = xxhash.xxh3_128()
    for variable in model.variables:
        # As bytes, because buffers do not support bfloat16.
        digest.update(np.ascontiguousarray(variable).view(np.uint8).data)
    return digest.digest()


def as_numbers(results: Mapping[str, Any]) -> dict[str, Any]:
    """Return the results of an epoch as floats, and as arrays where they have several values."""
    arrays = {name: np.asarray(value) for name, value in results.items()}
    return {name: float(a.item()) if a.size == 1 else a for name, a in arrays.items()}
