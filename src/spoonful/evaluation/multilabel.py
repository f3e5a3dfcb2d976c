"""Judge probabilities of labels: each image has any number of classes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.evaluation.judgement import Judgement, Table

THRESHOLD = 0.5  # a class counts as predicted from this probability on
_EPSILON = 1e-7  # as Keras clips probabilities before their logarithm
_NUM_NAMED = 3  # classes named in the caption of an image


def judge(source: Any, probabilities: NDArray[np.float32], num_mistakes: int) -> Judgement:
    """Judge the predictions for a source.

    Args:
        source: the test images; its labels are 0 or 1, [n, classes].
        probabilities: float [n, classes] in 0..1, in source order.
        num_mistakes: images in the grid of the worst mistakes.
    """
    labels, names = np.asarray(source.labels, dtype=np.int64), tuple(source.class_names)
    predicted = (probabilities >= THRESHOLD).astype(np.int64)
    per_class = _per_class(labels, predicted, probabilities)
    metrics = _metrics(labels, predicted, probabilities, per_class)
    rows = [
        [source.example_id(i), _named(labels[i], names), _named(predicted[i], names)]
        + [float(p) for p in probabilities[i]]
        for i in range(len(labels))
    ]
    class_rows = [
        (name, *values, int(count))
        for name, values, count in zip(names, per_class, labels.sum(axis=0), strict=True)
    ]
    return Judgement(
        metrics=metrics,
        headline=f"macro F1 {metrics['macro_f1']:.4f} over {len(names)} classes",
        predictions=Table(("file", "actual", "predicted", *(f"p_{n}" for n in names)), rows),
        tables={
            "classes.csv": Table(
                ("class", "precision", "recall", "f1", "average_precision", "images"), class_rows
            )
        },
        summary=Table(
            ("class", "precision", "recall", "F1", "average precision", "images"),
            [(n, *(f"{v:.3f}" for v in values), count) for n, *values, count in class_rows],
        ),
        figures=_figures(source, labels, predicted, probabilities, names, num_mistakes),
    )


def _per_class(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], probabilities: NDArray[np.floating]
) -> list[tuple[float, float, float, float]]:
    """Return precision, recall, F1 and average precision of each class; 0 where undefined."""
    from sklearn.metrics import average_precision_score
    from sklearn.metrics import precision_recall_fscore_support as scores_of

    # scikit-learn would take a single column for two classes.
    beside = [np.hstack([one, np.zeros((len(one), 1), one.dtype)]) for one in (labels, predicted)]
    columns = range(labels.shape[1])
    precision, recall, f1, _ = scores_of(*beside, labels=columns, average=None, zero_division=0.0)
    averages = [
        float(average_precision_score(labels[:, k], probabilities[:, k]))
        if labels[:, k].any()
        else 0.0
        for k in columns
    ]
    return [
        (float(p), float(r), float(f), a)
        for p, r, f, a in zip(precision, recall, f1, averages, strict=True)
    ]


def _metrics(
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    per_class: list[tuple[float, float, float, float]],
) -> dict[str, float]:
    from sklearn.metrics import f1_score

    clipped = np.clip(np.asarray(probabilities, np.float64), _EPSILON, 1 - _EPSILON)
    losses = -(labels * np.log(clipped) + (1 - labels) * np.log(1 - clipped))
    means = np.mean(np.array(per_class), axis=0)
    return {
        "macro_f1": float(means[2]),
        "micro_f1": float(f1_score(labels.ravel(), predicted.ravel(), zero_division=0.0)),
        "loss": float(losses.mean()),
        "macro_precision": float(means[0]),
        "macro_recall": float(means[1]),
        "mean_average_precision": float(means[3]),
        "exact_matches": float((labels == predicted).all(axis=1).mean()),
        "num_images": len(labels),
    }


def _figures(
    source: Any,
    labels: NDArray[np.int64],
    predicted: NDArray[np.int64],
    probabilities: NDArray[np.floating],
    names: tuple[str, ...],
    num_mistakes: int,
) -> dict[str, Any]:
    from spoonful.figures import image_grid

    distance = np.abs(labels - probabilities).max(axis=1)
    mistakes = np.flatnonzero((labels != predicted).any(axis=1))
    worst = mistakes[np.argsort(-distance[mistakes], kind="stable")][:num_mistakes]
    captions = [
        f"{_short(labels[i], names)}, taken for\n{_short(predicted[i], names)}" for i in worst
    ]
    title = f"worst of {len(mistakes)} test images with a wrong class"
    return {"Worst mistakes": image_grid(source.read(worst), captions, title)}


def _named(row: NDArray[np.int64], names: tuple[str, ...]) -> str:
    return " ".join(names[k] for k in np.flatnonzero(row))


def _short(row: NDArray[np.int64], names: tuple[str, ...]) -> str:
    chosen = [names[k] for k in np.flatnonzero(row)]
    more = f" +{len(chosen) - _NUM_NAMED}" if len(chosen) > _NUM_NAMED else ""
    return (" ".join(chosen[:_NUM_NAMED]) or "none") + more
