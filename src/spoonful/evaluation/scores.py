"""Scores of class probabilities against labels."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


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
