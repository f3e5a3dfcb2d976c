"""The end of a resumed epoch, which has fewer batches than Keras expects."""

import warnings
from typing import Any

import keras

from spoonful.fitting.model_state import Arrays, metric_arrays, model_arrays, set_metrics, set_model

_WARNING = "Your input ran out of data"


class ShortEpoch:
    """Undo what Keras does when an epoch's batches have run out.

    Keras calls the training function once more, which fails without data. With one step per
    execution, the parts that need no data have run by then: the counters of Dropout and of the
    optimizer have advanced. Keras also warns, although this is intended.
    """

    def __init__(self) -> None:
        self._arrays: Arrays | None = None
        self._quiet: Any = None

    def begin(self, model: keras.Model) -> None:
        """Save the model in its state after the epoch's last batch."""
        self._arrays = {**model_arrays(model), **metric_arrays(model)}
        self._quiet = warnings.catch_warnings()
        self._quiet.__enter__()
        warnings.filterwarnings("ignore", message=_WARNING)

    def end(self, model: keras.Model) -> None:
        """Restore the model if an epoch was short; do nothing if called again."""
        if self._arrays is None:
            return
        set_model(model, self._arrays)
        set_metrics(model, self._arrays)
        self._arrays = None
        self._quiet.__exit__(None, None, None)
