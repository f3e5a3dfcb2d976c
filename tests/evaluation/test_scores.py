import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful.evaluation.classification import (
    CalibrationBin,
    Scores,
    calibration_bins,
    expected_calibration_error,
    score,
)

NAMES = ("ant", "bee", "cat")
# Six images of three classes: 4 right; the label is among the first two of 5.
PROBABILITIES = np.array(
    [
        [0.8, 0.1, 0.1],
        [0.3, 0.6, 0.1],
        [0.2, 0.7, 0.1],
        [0.1, 0.2, 0.7],
        [0.1, 0.3, 0.6],
        [0.6, 0.3, 0.1],
    ]
)
LABELS = np.array([0, 0, 1, 2, 2, 2])


def scored(
    probabilities: NDArray[np.floating] = PROBABILITIES,
    labels: NDArray[np.int64] = LABELS,
    names: tuple[str, ...] = NAMES,
    top_k: int = 2,
    num_bins: int = 10,
) -> Scores:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return score(probabilities, labels, names, top_k, num_bins)


def test_metrics_of_a_small_example_by_hand() -> None:
    metrics = scored().metrics
    true_class = np.array([0.8, 0.3, 0.7, 0.7, 0.6, 0.1])
    expected = {
        "accuracy": 4 / 6,
        "loss": float(-np.log(true_class).mean()),
        "top_2_accuracy": 5 / 6,
        "macro_precision": (1 / 2 + 1 / 2 + 1) / 3,
        "macro_recall": (1 / 2 + 1 + 2 / 3) / 3,
        "macro_f1": (1 / 2 + 2 / 3 + 4 / 5) / 3,
        # Bins of 0.1: at 0.8 1 of 1 is right, at 0.7 2 of 2, at 0.6 1 of 3.
        "expected_calibration_error": (1 * 0.2 + 2 * 0.3 + 3 * (0.6 - 1 / 3)) / 6,
        "num_images": 6,
    }
    assert metrics == pytest.approx(expected)
    assert list(metrics) == list(expected)


def test_the_confusion_matrix_has_actual_rows_and_predicted_columns() -> None:
    assert scored().confusion.tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 2]]


def test_scores_of_each_class_by_hand() -> None:
    found = [(c.class_name, c.precision, c.recall, c.f1, c.num_images) for c in scored().classes]
    assert [row[0] for row in found] == list(NAMES)
    expected = [[1 / 2, 1 / 2, 1 / 2, 2], [1 / 2, 1, 2 / 3, 1], [1, 2 / 3, 4 / 5, 3]]
    np.testing.assert_allclose([row[1:] for row in found], expected)


def test_a_class_never_predicted_and_one_without_images_score_0_without_a_warning() -> None:
    probabilities = np.array([[0.9, 0.1, 0.0], [0.8, 0.2, 0.0]])
    result = scored(probabilities, np.array([0, 1]))
    ant, bee, cat = result.classes
    assert (ant.precision, ant.recall) == (0.5, 1.0)
    assert (bee.precision, bee.recall, bee.f1, bee.num_images) == (0.0, 0.0, 0.0, 1)
    assert (cat.precision, cat.recall, cat.f1, cat.num_images) == (0.0, 0.0, 0.0, 0)
    assert np.isfinite(list(result.metrics.values())).all()


@pytest.mark.parametrize(("top_k", "name", "value"), [(1, "top_1", 0.5), (2, "top_2", 1.0)])
def test_two_classes_are_scored(top_k: int, name: str, value: float) -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.5, 0.5]])
    metrics = scored(probabilities, np.array([0, 0, 1, 1]), ("no", "yes"), top_k).metrics
    assert metrics["accuracy"] == 0.5
    assert metrics[f"{name}_accuracy"] == value


@pytest.mark.parametrize(
    ("top_k", "name", "value"), [(1, "top_1", 4 / 6), (3, "top_3", 1.0), (9, "top_3", 1.0)]
)
def test_top_k_is_capped_at_the_number_of_classes(top_k: int, name: str, value: float) -> None:
    metrics = scored(top_k=top_k).metrics
    assert metrics[f"{name}_accuracy"] == pytest.approx(value)
    assert [key for key in metrics if key.startswith("top_")] == [f"{name}_accuracy"]


def test_sure_and_wrong_is_a_finite_loss() -> None:
    result = scored(np.array([[1.0, 0.0, 0.0]], dtype=np.float32), np.array([1]))
    assert 10 < result.metrics["loss"] < 1000
    assert result.metrics["expected_calibration_error"] == 1.0


def test_rows_that_sum_to_one_in_float32_alone_are_taken() -> None:
    rng = np.random.default_rng(0)
    rows = rng.random((500, 10)).astype(np.float32)
    rows /= rows.sum(axis=1, keepdims=True)
    labels = rng.integers(0, 10, 500)
    names = tuple(map(str, range(10)))
    assert scored(rows, labels, names).metrics["num_images"] == 500


@pytest.mark.parametrize(
    ("confidence", "correct", "num_bins", "error"),
    [
        ([1.0, 1.0], [True, True], 10, 0.0),
        ([1.0, 1.0], [False, False], 10, 1.0),
        ([0.75, 0.75, 0.75, 0.75], [True, True, True, False], 15, 0.0),
        ([0.9, 0.5], [True, True], 2, 0.3),  # (0, 0.5]: 0.5 off; (0.5, 1]: 0.1 off
        ([0.9, 0.7], [True, False], 2, 0.3),  # one bin: 0.8 sure, 0.5 right
        ([0.9, 0.7], [True, False], 10, 0.4),  # two bins: 0.1 and 0.7 off
    ],
)
def test_calibration_error_by_hand(
    confidence: list[float], correct: list[bool], num_bins: int, error: float
) -> None:
    bins = calibration_bins(np.array(confidence), np.array(correct), num_bins)
    assert expected_calibration_error(bins) == pytest.approx(error)


def test_a_bin_holds_its_upper_edge_and_not_its_lower() -> None:
    bins = calibration_bins(np.array([0.25, 0.5, 0.75, 1.0]), np.ones(4, dtype=bool), 4)
    assert bins == [
        CalibrationBin(low, low + 0.25, low + 0.25, 1.0, 1) for low in (0.0, 0.25, 0.5, 0.75)
    ]


def test_no_predictions_have_no_calibration_error() -> None:
    bins = calibration_bins(np.array([]), np.array([], dtype=bool), 3)
    assert [b.num_images for b in bins] == [0, 0, 0]
    assert expected_calibration_error(bins) == 0.0


@given(
    st.lists(st.tuples(st.floats(1e-9, 1.0), st.booleans()), min_size=1, max_size=60),
    st.integers(2, 20),
)
def test_every_prediction_lies_in_one_bin_that_holds_it(
    predictions: list[tuple[float, bool]], num_bins: int
) -> None:
    confidence = np.array([p for p, _ in predictions])
    correct = np.array([c for _, c in predictions])
    bins = calibration_bins(confidence, correct, num_bins)
    assert [b.low for b in bins[1:]] == [b.high for b in bins[:-1]]
    assert (bins[0].low, bins[-1].high) == (0.0, 1.0)
    for b in bins:
        assert b.num_images == int(((confidence > b.low) & (confidence <= b.high)).sum())
    assert sum(b.num_images for b in bins) == len(predictions)
    assert 0.0 <= expected_calibration_error(bins) <= 1.0 + 1e-12
