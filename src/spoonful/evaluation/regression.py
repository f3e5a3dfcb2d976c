"""Judge predicted numbers."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.evaluation.judgement import Judgement, Table


def judge(source: Any, predicted: NDArray[np.float32], num_mistakes: int) -> Judgement:
    """Judge the predictions for a source.

    Args:
        source: the test images; its labels are numbers, [n] or [n, values].
        predicted: float [n, values], in source order.
        num_mistakes: images in the grid of the worst mistakes.
    """
    labels = np.asarray(source.labels, dtype=np.float64)
    actual = labels.reshape(len(labels), -1)
    values = np.asarray(predicted, dtype=np.float64).reshape(actual.shape)
    names = _names(source, actual.shape[1])
    errors = values - actual
    metrics = {**_scores(actual, errors), "num_images": len(actual)}
    columns = [f"{word}_{name}" for name in names for word in ("actual", "predicted")]
    rows = [
        [source.example_id(i), *np.column_stack([actual[i], values[i]]).ravel().tolist()]
        for i in range(len(actual))
    ]
    each = [
        (name, *_scores(actual[:, [k]], errors[:, [k]]).values()) for k, name in enumerate(names)
    ]
    heads = ("value", "mean_absolute_error", "loss", "root_mean_squared_error", "r2")
    return Judgement(
        metrics=metrics,
        headline=f"mean absolute error {metrics['mean_absolute_error']:.4g} on test images",
        predictions=Table(("file", *columns), rows),
        tables={"values.csv": Table(heads, each)},
        summary=Table(
            [head.replace("_", " ") for head in heads],
            [(name, *(f"{number:.4g}" for number in numbers)) for name, *numbers in each],
        ),
        heading="Values",
        figures=_figures(source, actual, values, names, num_mistakes),
    )


def _names(source: Any, num_values: int) -> tuple[str, ...]:
    names = tuple(source.class_names)
    if len(names) == num_values:
        return names
    return ("value",) if num_values == 1 else tuple(f"value_{k}" for k in range(num_values))


def _scores(actual: NDArray[np.float64], errors: NDArray[np.float64]) -> dict[str, float]:
    """Return the means over the values, as scikit-learn's multioutput="uniform_average"."""
    squared = np.mean(errors**2, axis=0)
    spread = np.mean((actual - actual.mean(axis=0)) ** 2, axis=0)
    # The share of the variance that is explained; of constant values, 1 if all are right.
    explained = np.where(
        spread > 0, 1.0 - squared / np.where(spread > 0, spread, 1.0), squared == 0
    )
    return {
        "mean_absolute_error": float(np.mean(np.abs(errors))),
        "loss": float(np.mean(squared)),
        "root_mean_squared_error": float(np.mean(np.sqrt(squared))),
        "r2": float(np.mean(explained)),
    }


def _figures(
    source: Any,
    actual: NDArray[np.float64],
    values: NDArray[np.float64],
    names: tuple[str, ...],
    num_mistakes: int,
) -> dict[str, Any]:
    from spoonful.figures import image_grid, prediction_figure

    # In units of each value's spread, so that no value hides the others.
    scale = np.where(actual.std(axis=0) > 0, actual.std(axis=0), 1.0)
    distance = np.abs((values - actual) / scale).max(axis=1)
    worst = np.argsort(-distance, kind="stable")[:num_mistakes]
    captions = [f"{_few(actual[i])}, predicted\n{_few(values[i])}" for i in worst]
    return {
        "Predictions": prediction_figure(actual, values, names),
        "Worst mistakes": image_grid(source.read(worst), captions, "largest errors"),
    }


def _few(numbers: NDArray[np.float64]) -> str:
    more = " ..." if len(numbers) > 3 else ""
    return " ".join(f"{number:.3g}" for number in numbers[:3]) + more
