"""Predicted numbers are judged as a hand or scikit-learn does it."""

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import (
    mean_absolute_error,
    mean_squared_error,
    r2_score,
    root_mean_squared_error,
)

from spoonful.evaluation.judgement import Judgement
from spoonful.evaluation.regression import judge
from spoonful.sources.array import ArraySource

ACTUAL = np.array([1.0, 2.0, 3.0, 6.0])
PREDICTED = np.array([[1.5], [2.0], [1.0], [6.0]], np.float32)


def judged(
    actual: NDArray[np.floating] = ACTUAL,
    predicted: NDArray[np.floating] = PREDICTED,
    names: tuple[str, ...] | None = None,
    num_mistakes: int = 2,
) -> Judgement:
    images = np.arange(len(actual), dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 6, 6, 1), np.uint8
    )
    return judge(ArraySource(images, actual, names), predicted, num_mistakes)


def test_metrics_of_a_small_example_by_hand() -> None:
    expected = {
        "mean_absolute_error": 2.5 / 4,
        "loss": 4.25 / 4,
        "root_mean_squared_error": (4.25 / 4) ** 0.5,
        "r2": 1 - 4.25 / 14,  # the mean is 3: squares of -2, -1, 0, 3
        "num_images": 4,
    }
    assert judged().metrics == pytest.approx(expected)
    assert list(judged().metrics) == list(expected)
    assert judged().headline == "mean absolute error 0.625 on test images"


@pytest.mark.parametrize("num_values", [1, 2, 5])
def test_metrics_are_those_of_scikit_learn(num_values: int) -> None:
    rng = np.random.default_rng(num_values)
    actual = rng.normal(3, 2, (50, num_values)) * np.arange(1, num_values + 1)
    predicted = (actual + rng.normal(0, 1, actual.shape)).astype(np.float32)
    judgement = judged(actual, predicted)
    metrics = judgement.metrics
    assert metrics["mean_absolute_error"] == pytest.approx(mean_absolute_error(actual, predicted))
    assert metrics["loss"] == pytest.approx(mean_squared_error(actual, predicted))
    rooted = root_mean_squared_error(actual, predicted)
    assert metrics["root_mean_squared_error"] == pytest.approx(rooted)
    assert metrics["r2"] == pytest.approx(r2_score(actual, predicted))
    each = judgement.tables["values.csv"]
    assert each.columns == (
        *("value", "mean_absolute_error", "loss", "root_mean_squared_error"),
        "r2",
    )
    for k, row in enumerate(each.rows):
        one = (actual[:, k], predicted[:, k])
        squared = mean_squared_error(*one)
        expected = [mean_absolute_error(*one), squared, squared**0.5, r2_score(*one)]
        assert list(row)[1:] == pytest.approx(expected)


@pytest.mark.parametrize(("predicted", "r2"), [(2.0, 1.0), (2.5, 0.0)])
def test_constant_numbers_have_no_variance_to_explain(predicted: float, r2: float) -> None:
    metrics = judged(np.full(3, 2.0), np.full((3, 1), predicted, np.float32)).metrics
    assert metrics["r2"] == r2
    assert np.isfinite(list(metrics.values())).all()


def test_a_constant_value_among_others_counts_as_scikit_learn_does() -> None:
    actual = np.array([[1.0, 2.0], [2.0, 2.0], [4.0, 2.0]])
    predicted = actual + np.array([[0.5, 0.1], [0.0, 0.0], [0.0, 0.0]])
    assert judged(actual, predicted).metrics["r2"] == pytest.approx(r2_score(actual, predicted))


@pytest.mark.parametrize(
    ("num_values", "names", "columns"),
    [
        (1, None, ["actual_value", "predicted_value"]),
        (1, ("age",), ["actual_age", "predicted_age"]),
        (2, None, ["actual_value_0", "predicted_value_0", "actual_value_1", "predicted_value_1"]),
        (2, ("x", "y"), ["actual_x", "predicted_x", "actual_y", "predicted_y"]),
    ],
)
def test_every_image_has_a_row_with_both_numbers_of_each_value(
    num_values: int, names: tuple[str, ...] | None, columns: list[str]
) -> None:
    actual = np.arange(3.0 * num_values).reshape(3, num_values)
    predictions = judged(actual, actual + 0.5, names).predictions
    assert list(predictions.columns) == ["file", *columns]
    for place, row in enumerate(predictions.rows):
        assert list(row)[1:] == [n for value in actual[place] for n in (value, value + 0.5)]


def test_the_table_of_values_is_on_the_page() -> None:
    judgement = judged()
    assert judgement.heading == "Values"
    assert list(judgement.summary.columns) == [
        *("value", "mean absolute error", "loss", "root mean squared error", "r2")
    ]
    assert list(judgement.summary.rows) == [("value", "0.625", "1.062", "1.031", "0.6964")]


def test_the_largest_errors_come_first_each_with_its_image() -> None:
    (axes,) = judged().figures["Worst mistakes"].axes
    assert [text.get_text() for text in axes.texts] == ["3, predicted\n1", "1, predicted\n1.5"]
    shown = [round(float(np.max(np.asarray(image.get_array()))) * 255) for image in axes.images]
    assert shown == [2, 0]


def test_no_value_hides_the_others_by_its_unit() -> None:
    actual = np.array([[0.0, 0.0], [1000.0, 1.0], [2000.0, 2.0]])
    predicted = actual + np.array([[300.0, 0.0], [0.0, 0.0], [0.0, 3.0]])
    (axes,) = judged(actual, predicted, num_mistakes=1).figures["Worst mistakes"].axes
    assert [text.get_text() for text in axes.texts] == ["2e+03 2, predicted\n2e+03 5"]


def test_each_value_is_drawn() -> None:
    actual = np.arange(6.0).reshape(3, 2)
    figure = judged(actual, actual, ("x", "y")).figures["Predictions"]
    assert [axes.get_title() for axes in figure.axes] == ["x", "y"]
