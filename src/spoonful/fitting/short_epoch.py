"""The end of a resumed epoch, whose batches end before the number that Keras counts to."""

import warnings
from typing import Any

import keras

from spoonful.fitting.model_state import Arrays, metric_arrays, model_arrays, set_metrics, set_model

_WARNING = "Your input ran out of data"


class ShortEpoch:
    """Undo what Keras does when an epoch's batches have run out.

    It calls the training function once more, which fails for want of data. With one step an
    execution, what needs no data is done by then: the counters of Dropout and of the optimizer
    have moved on. And Keras warns, of what is meant to be.
    """

    def __init__(self) -> None:
        self._arrays: Arrays | None = None
        self._quiet: Any = None

    def begin(self, model: keras.Model) -> None:
        """Keep the model as the epoch's last batch has left it."""
        self._arrays = {**model_arrays(model), **metric_arrays(model)}
        self._quiet = warnings.catch_warnings()
        self._quiet.__enter__()
        warnings.filterwarnings("ignore", message=_WARNING)

    def end(self, model: keras.Model) -> None:
        """Put the model back, where an epoch was cut short; called again, do nothing."""
        if self._arrays is None:
            return
        set_model(model, self._arrays)
        set_metrics(model, self._arrays)
        self._arrays = None
        self._quiet.__exit__(None, None, None)
