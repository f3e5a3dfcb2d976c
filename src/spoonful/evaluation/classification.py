"""Judge class probabilities: each image has exactly one class."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spoonful.evaluation.judgement import Judgement, Table


class ClassScore(NamedTuple):
    """Scores of one class, 0..1; the test split has `num_images` of it."""

    class_name: str
    precision: float
    recall: float
    f1: float
    num_images: int


class CalibrationBin(NamedTuple):
    """Predictions whose confidence is in (low, high]; means are 0 if there are none."""

    low: float
    high: float
    mean_confidence: float
    accuracy: float
    num_images: int


@dataclass(frozen=True)
class Scores:
    """All scores of one evaluation.

    Attributes:
        metrics: numbers by name, for the whole test split.
        classes: one per entry of class_names.
        confusion: int64 [classes, classes], rows actual, columns predicted.
        calibration: bins of equal width over (0, 1].
    """

    metrics: dict[str, float]
    classes: list[ClassScore]
    confusion: NDArray[np.int64]
    calibration: list[CalibrationBin]


def judge(
    source: Any, probabilities: NDArray[np.float32], top_k: int, num_bins: int, num_mistakes: int
) -> Judgement:
    """Judge the predictions for a source.

    Args:
        source: the test images; its labels are class numbers.
        probabilities: float [n, classes], rows that sum to 1, in source order.
        top_k: a label among the k most probable classes counts as right.
        num_bins: bins of the calibration error.
        num_mistakes: images in the grid of the worst mistakes.
    """
    labels, names = np.asarray(source.labels, dtype=np.int64), tuple(source.class_names)
    scores = score(probabilities, labels, names, top_k, num_bins)
    rows = [
        [source.example_id(i), names[label], names[row.argmax()], float(row.max())]
        for i, (label, row) in enumerate(zip(labels, probabilities, strict=True))
    ]
    return Judgement(
        metrics=scores.metrics,
        headline=f"{scores.metrics['accuracy']:.2%} of test images right",
        predictions=Table(("file", "actual", "predicted", "confidence"), rows),
        tables={
            "classes.csv": Table(("class", "precision", "recall", "f1", "images"), scores.classes),
            "calibration.csv": Table(
                ("low", "high", "confidence", "accuracy", "images"),
                [filled for filled in scores.calibration if filled.num_images],
            ),
        },
        summary=Table(
            ("class", "precision", "recall", "F1", "images"),
            [(name, *(f"{v:.3f}" for v in values), n) for name, *values, n in scores.classes],
        ),
        figures=_figures(source, labels, names, probabilities, scores, num_mistakes),
    )


def score(
    probabilities: NDArray[np.floating],
    labels: NDArray[np.int64],
    class_names: tuple[str, ...],
    top_k: int,
    num_bins: int,
) -> Scores:
    """Score predictions.

    Args:
        probabilities: float [n, classes], rows that sum to 1.
        labels: int64 [n].
        class_names: one per class.
        top_k: counted as right when the label is among the k most probable; capped at the number
            of classes.
        num_bins: number of bins for the calibration error.
    """
    from sklearn.metrics import accuracy_score, confusion_matrix, log_loss, top_k_accuracy_score
    from sklearn.metrics import precision_recall_fscore_support as per_class

    probabilities = np.asarray(probabilities, dtype=np.float64)
    probabilities = probabilities / probabilities.sum(axis=1, keepdims=True)
    predicted = probabilities.argmax(axis=1)
    known = list(range(len(class_names)))
    precision, recall, f1, counts = per_class(labels, predicted, labels=known, zero_division=0.0)
    bins = calibration_bins(probabilities.max(axis=1), predicted == labels, num_bins)
    k = min(top_k, len(class_names))
    top_k_accuracy = 1.0
    if k < len(class_names):
        # For two classes, scikit-learn takes one column of scores, not two.
        scores = probabilities[:, 1] if len(class_names) == 2 else probabilities
        top_k_accuracy = float(top_k_accuracy_score(labels, scores, k=k, labels=known))
    metrics = {
        "accuracy": float(accuracy_score(labels, predicted)),
        "loss": float(log_loss(labels, probabilities, labels=known)),
        f"top_{k}_accuracy": top_k_accuracy,
        "macro_precision": float(np.mean(precision)),
        "macro_recall": float(np.mean(recall)),
        "macro_f1": float(np.mean(f1)),
        "expected_calibration_error": expected_calibration_error(bins),
        "num_images": len(labels),
    }
    classes = [
        ClassScore(name, float(precision[i]), float(recall[i]), float(f1[i]), int(counts[i]))
        for i, name in enumerate(class_names)
    ]
    return Scores(metrics, classes, confusion_matrix(labels, predicted, labels=known), bins)


def calibration_bins(
    confidence: NDArray[np.floating], correct: NDArray[np.bool_], num_bins: int
) -> list[CalibrationBin]:
    """Sort predictions into bins of equal width by their confidence.

    Args:
        confidence: the largest probability of each image [n], in (0, 1].
        correct: whether that class is the label [n].
        num_bins: number of bins.
    """
    edges = np.linspace(0.0, 1.0, num_bins + 1)
    places = np.clip(np.digitize(confidence, edges, right=True) - 1, 0, num_bins - 1)
    bins = []
    for place in range(num_bins):
        inside = places == place
        count = int(inside.sum())
        bins.append(
            CalibrationBin(
                float(edges[place]),
                float(edges[place + 1]),
                float(confidence[inside].mean()) if count else 0.0,
                float(correct[inside].mean()) if count else 0.0,
                count,
            )
        )
    return bins


def expected_calibration_error(bins: list[CalibrationBin]) -> float:
    """Return the mean gap between confidence and accuracy, weighted by the images of each bin.

    Naeini, Cooper and Hauskrecht, "Obtaining Well Calibrated Probabilities Using Bayesian
    Binning", 2015.
    """
    total = sum(b.num_images for b in bins)
    gaps = (b.num_images * abs(b.mean_confidence - b.accuracy) for b in bins)
    return sum(gaps) / total if total else 0.0


def _figures(
    source: Any,
    labels: NDArray[np.int64],
    names: tuple[str, ...],
    probabilities: NDArray[np.float32],
    scores: Scores,
    num_mistakes: int,
) -> dict[str, Any]:
    from spoonful.figures import calibration_figure, confusion_figure, image_grid

    predicted = probabilities.argmax(axis=1)
    mistakes = np.flatnonzero(predicted != labels)
    # The worst first: lowest probability of the true class; ties in source order.
    of_label = probabilities[mistakes, labels[mistakes]]
    worst = mistakes[np.argsort(of_label, kind="stable")][:num_mistakes]
    captions = [
        f"{names[labels[i]]}, taken for\n{names[predicted[i]]} ({probabilities[i].max():.0%})"
        for i in worst
    ]
    error = scores.metrics["expected_calibration_error"]
    title = f"worst of {len(mistakes)} test mistakes"
    return {
        "Confusion matrix": confusion_figure(scores.confusion, names),
        "Calibration": calibration_figure(scores.calibration, error),
        "Worst mistakes": image_grid(source.read(worst), captions, title),
    }
