"""Numbers for each image."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from spoonful.sources.labels import LabelKind
from spoonful.tasks.task import Task

if TYPE_CHECKING:
    import keras

    from spoonful.evaluation.judgement import Judgement


@dataclass
class Regression(Task):
    """Each image has one or more numbers: linear outputs, squared error, absolute error."""

    kind: ClassVar[LabelKind] = LabelKind.REGRESSION
    score: ClassVar[str] = "mean_absolute_error"
    is_more_better: ClassVar[bool] = False

    def last_layer(self, source: Any) -> "keras.layers.Layer":
        """Return one linear output per value."""
        from keras import layers

        labels = np.asarray(source.labels)
        num_values = 1 if labels.ndim == 1 else labels.shape[1]
        return layers.Dense(num_values, dtype="float32", name="values")

    def own_loss(self, one_hot: bool) -> Any:
        """Return the mean squared error."""
        return "mean_squared_error"

    def own_metrics(self) -> list[Any]:
        """Return the mean absolute error."""
        import keras

        return [keras.metrics.MeanAbsoluteError(name=self.score)]

    def caption(self, source: Any, index: int) -> str:
        """Return an example's numbers."""
        return " ".join(f"{value:.3g}" for value in np.atleast_1d(source.labels[index])[:3])

    def judge(self, source: Any, predictions: Any, settings: Any) -> "Judgement":
        """Judge predicted numbers [n, values]."""
        from spoonful.evaluation.regression import judge

        return judge(source, predictions, settings.num_mistakes)
