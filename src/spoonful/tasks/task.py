"""What every task has: a loss, metrics, and how they become Keras' objects."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from spoonful.config.fields import Component, key
from spoonful.config.targets import Target
from spoonful.errors import SpoonfulError
from spoonful.record.metrics import LOSS, VAL_METRICS
from spoonful.sources.labels import LabelKind, kind_of

if TYPE_CHECKING:
    import keras

    from spoonful.evaluation.judgement import Judgement

_WORDS = {
    LabelKind.CLASSIFICATION: "one class per image",
    LabelKind.MULTILABEL: "0 or 1 for each image and class",
    LabelKind.REGRESSION: "floats",
}


@dataclass
class Task(ABC):
    """What is learned. A task of your own derives from it."""

    loss: Component | None = key("the loss; null: the usual one of the task", num_given=2)
    metrics: dict[str, Component] = key(
        "more metrics, each under a name that you choose", offered=("name",), num_given=2
    )

    # The labels that it learns.
    kind: ClassVar[LabelKind]
    # The metric that results are ranked by, and whether more of it is better.
    score: ClassVar[str]
    is_more_better: ClassVar[bool]

    def check(self, source: Any) -> None:
        """Check that a source's labels are what the task learns.

        Raises:
            SpoonfulError: they are not; names another task that fits.
        """
        found = kind_of(source.labels)
        if found != self.kind:
            raise SpoonfulError(
                f"task={self.kind}: the labels are {_WORDS[found]}, expected {_WORDS[self.kind]}; "
                f"use task={found}"
            )

    @abstractmethod
    def last_layer(self, source: Any) -> "keras.layers.Layer":
        """Return the layer that turns features [b, f] into outputs, float32 in any precision."""

    @abstractmethod
    def own_loss(self, one_hot: bool) -> Any:
        """Return the task's loss as Keras' `compile` takes it.

        Args:
            one_hot: class labels are one-hot vectors.
        """

    @abstractmethod
    def own_metrics(self) -> list[Any]:
        """Return the task's metrics as Keras' `compile` takes them."""

    @abstractmethod
    def caption(self, source: Any, index: int) -> str:
        """Return an example's label for people."""

    @abstractmethod
    def judge(self, source: Any, predictions: Any, settings: Any) -> "Judgement":
        """Judge predictions for the test images.

        Args:
            source: the test images.
            predictions: the model's outputs, float32 [n, ...], in source order.
            settings: the config group `evaluation`.
        """

    def class_weight(self, source: Any, name: str) -> dict[int, float] | None:
        """Return the weight of each class in the loss.

        Args:
            source: the training images.
            name: trainer.class_weights.

        Raises:
            SpoonfulError: the task has no classes to weight.
        """
        if name == "none":
            return None
        raise SpoonfulError(
            f"trainer.class_weights={name}: only task=classification has one class per image to "
            "weight; use trainer.class_weights=none"
        )

    @property
    def metric_names(self) -> list[str]:
        """Names of the loss and all metrics, as Keras reports them for training."""
        return [LOSS, self.score, *self.metrics]

    def mode(self, metric: str) -> str | None:
        """Return whether less ("min") or more ("max") of a metric is better; None: not known."""
        name = metric.removeprefix(VAL_METRICS)
        if name == self.score:
            return "max" if self.is_more_better else "min"
        return "min" if name == LOSS else None


def loss_of(task: Task, one_hot: bool) -> Any:
    """Return a task's loss for Keras' `compile`.

    Raises:
        SpoonfulError: the configured one refuses its arguments.
    """
    return task.own_loss(one_hot) if task.loss is None else _called_with_predictions(task.loss)


def metrics_of(task: Task) -> list[Any]:
    """Return a task's metrics for Keras' `compile`, each with its name.

    Raises:
        SpoonfulError: a configured one refuses its arguments.
    """
    import keras

    metrics = task.own_metrics()
    for name, target in task.metrics.items():
        made = _called_with_predictions(target, name=name)
        if not isinstance(made, keras.metrics.Metric):
            made = keras.metrics.MeanMetricWrapper(made, name=name)
        metrics.append(made)
    return metrics


def _called_with_predictions(target: Target, **offered: Any) -> Any:
    """Return what Keras calls with (y_true, y_pred): an object, or a function of the user's."""
    is_class = isinstance(target.function, type)
    if is_class and offered and not target.takes("name"):
        raise SpoonfulError(
            f"{target.where}: {target.path} does not take name, by which Keras reports a "
            "metric; give its __init__ the argument name or **kwargs, and pass it on"
        )
    if is_class or target.first_needed() is None:
        return target(**offered)

    def called(actual: Any, predicted: Any) -> Any:
        return target.function(actual, predicted, **target.arguments)

    called.__name__ = target.path.rpartition(".")[2]
    return called
