"""One class per image."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.sources.labels import LabelKind
from spoonful.tasks.task import Task

if TYPE_CHECKING:
    import keras

    from spoonful.evaluation.judgement import Judgement


@dataclass
class Classification(Task):
    """Each image has exactly one class: softmax, cross-entropy, accuracy."""

    kind: ClassVar[LabelKind] = LabelKind.CLASSIFICATION
    score: ClassVar[str] = "accuracy"
    is_more_better: ClassVar[bool] = True

    def check(self, source: Any) -> None:
        """Check that the labels are class numbers of at least two classes.

        Raises:
            SpoonfulError: they are not.
        """
        super().check(source)
        if len(source.class_names) < 2:
            raise SpoonfulError(
                f"task=classification: the classes are {', '.join(source.class_names) or 'none'}, "
                "expected at least two"
            )

    def last_layer(self, source: Any) -> "keras.layers.Layer":
        """Return a softmax over the classes."""
        from keras import layers

        # float32 under any precision policy: a softmax in half precision loses digits.
        return layers.Dense(
            len(source.class_names), activation="softmax", dtype="float32", name="probabilities"
        )

    def own_loss(self, one_hot: bool) -> Any:
        """Return the cross-entropy for the form of the labels."""
        return "categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy"

    def own_metrics(self) -> list[Any]:
        """Return the accuracy."""
        return ["accuracy"]

    def caption(self, source: Any, index: int) -> str:
        """Return the name of an example's class."""
        return str(source.class_names[source.labels[index]])

    def judge(self, source: Any, predictions: Any, settings: Any) -> "Judgement":
        """Judge class probabilities [n, classes]."""
        from spoonful.evaluation.classification import judge

        return judge(source, predictions, settings.top_k, settings.num_bins, settings.num_mistakes)

    def class_weight(self, source: Any, name: str) -> dict[int, float] | None:
        """Return n / (classes x its count) for each class when balanced, as scikit-learn does."""
        if name == "none":
            return None
        from sklearn.utils.class_weight import compute_class_weight

        labels = np.asarray(source.labels)
        classes = np.unique(labels)
        weights = compute_class_weight("balanced", classes=classes, y=labels)
        return {int(label): float(weight) for label, weight in zip(classes, weights, strict=True)}
