"""Any number of classes per image."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from spoonful.sources.labels import LabelKind
from spoonful.tasks.task import Task

if TYPE_CHECKING:
    import keras

    from spoonful.evaluation.judgement import Judgement


@dataclass
class Multilabel(Task):
    """Each image has any number of classes: sigmoids, binary cross-entropy, macro F1."""

    kind: ClassVar[LabelKind] = LabelKind.MULTILABEL
    score: ClassVar[str] = "macro_f1"
    is_more_better: ClassVar[bool] = True

    def last_layer(self, source: Any) -> "keras.layers.Layer":
        """Return one sigmoid per class."""
        from keras import layers

        return layers.Dense(
            len(source.class_names), activation="sigmoid", dtype="float32", name="probabilities"
        )

    def own_loss(self, one_hot: bool) -> Any:
        """Return the mean binary cross-entropy."""
        return "binary_crossentropy"

    def own_metrics(self) -> list[Any]:
        """Return the mean over the classes of the F1 score at probability 0.5."""
        import keras

        return [keras.metrics.F1Score(average="macro", threshold=0.5, name=self.score)]

    def caption(self, source: Any, index: int) -> str:
        """Return the names of an example's classes."""
        row = np.asarray(source.labels[index])
        return " ".join(source.class_names[k] for k in np.flatnonzero(row)) or "none"

    def judge(self, source: Any, predictions: Any, settings: Any) -> "Judgement":
        """Judge probabilities [n, classes]."""
        from spoonful.evaluation.multilabel import judge

        return judge(source, predictions, settings.num_mistakes)
