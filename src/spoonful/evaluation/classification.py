"""Judge class probabilities: each image has exactly one class."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.evaluation.judgement import Judgement, Table
from spoonful.evaluation.scores import Scores, score


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
