"""Probabilities of labels are judged as a hand or scikit-learn does it."""

import warnings

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, f1_score, log_loss

from spoonful.evaluation.judgement import Judgement
from spoonful.evaluation.multilabel import judge
from spoonful.sources.array import ArraySource

NAMES = ("cloud", "sun", "tree")
LABELS = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 0], [0, 1, 0]])
PROBABILITIES = np.array(
    [[0.9, 0.2, 0.1], [0.4, 0.5, 0.1], [0.3, 0.1, 0.8], [0.1, 0.7, 0.2]], np.float32
)


def judged(
    labels: NDArray[np.integer] = LABELS,
    probabilities: NDArray[np.floating] = PROBABILITIES,
    names: tuple[str, ...] = NAMES,
    num_mistakes: int = 9,
) -> Judgement:
    images = np.arange(len(labels), dtype=np.uint8)[:, None, None, None] * np.ones(
        (1, 6, 6, 1), np.uint8
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        return judge(ArraySource(images, labels, names), probabilities, num_mistakes)


def test_metrics_of_a_small_example_by_hand() -> None:
    # cloud: 1 of 2 found, 1 of 1 right; sun: 2 of 2 (0.5 counts), 2 of 2; tree: 0 of 0, 0 of 1.
    of_true = np.where(LABELS == 1, PROBABILITIES, 1 - PROBABILITIES.astype(np.float64))
    expected = {
        "macro_f1": (2 / 3 + 1 + 0) / 3,
        "micro_f1": 2 * 3 / (2 * 3 + 1 + 1),  # 3 found, 1 overlooked, 1 too many
        "loss": float(-np.log(of_true).mean()),
        "macro_precision": (1 + 1 + 0) / 3,
        "macro_recall": (1 / 2 + 1 + 0) / 3,
        "mean_average_precision": (1 + 1 + 0) / 3,  # each true image before the others
        "exact_matches": 2 / 4,
        "num_images": 4,
    }
    metrics = judged().metrics
    assert metrics == pytest.approx(expected)
    assert list(metrics) == list(expected)
    assert judged().headline == "macro F1 0.5556 over 3 classes"


@pytest.mark.parametrize("num_classes", [1, 2, 7])
def test_metrics_are_those_of_scikit_learn(num_classes: int) -> None:
    rng = np.random.default_rng(num_classes)
    labels = rng.integers(0, 2, (60, num_classes))
    probabilities = rng.random((60, num_classes)).astype(np.float32)
    metrics = judged(labels, probabilities, tuple(map(str, range(num_classes)))).metrics
    columns = range(num_classes)
    predicted = probabilities >= 0.5
    f1 = [f1_score(labels[:, k], predicted[:, k]) for k in columns]
    precision = [average_precision_score(labels[:, k], probabilities[:, k]) for k in columns]
    loss = [log_loss(labels[:, k], probabilities[:, k].astype(np.float64)) for k in columns]
    assert metrics["macro_f1"] == pytest.approx(np.mean(f1))
    assert metrics["micro_f1"] == pytest.approx(f1_score(labels.ravel(), predicted.ravel()))
    assert metrics["mean_average_precision"] == pytest.approx(np.mean(precision))
    assert metrics["loss"] == pytest.approx(np.mean(loss))


def test_sure_and_wrong_is_a_finite_loss() -> None:
    metrics = judged(np.array([[1, 0]]), np.array([[0.0, 1.0]], np.float32), ("a", "b")).metrics
    assert 10 < metrics["loss"] < 100
    assert metrics["exact_matches"] == 0


def test_every_image_has_a_row_with_its_classes_and_probabilities() -> None:
    predictions = judged().predictions
    assert predictions.columns == ("file", "actual", "predicted", "p_cloud", "p_sun", "p_tree")
    rows = [list(row) for row in predictions.rows]
    assert [row[1:3] for row in rows] == [
        ["cloud", "cloud"],
        ["cloud sun", "sun"],
        ["", "tree"],
        ["sun", "sun"],
    ]
    assert np.array([row[3:] for row in rows]) == pytest.approx(PROBABILITIES)


def test_the_table_of_classes_is_on_the_page_and_in_a_file() -> None:
    written = judged().tables["classes.csv"]
    heads = ("class", "precision", "recall", "f1", "average_precision", "images")
    assert written.columns == heads
    cloud, sun, tree = written.rows
    assert cloud == pytest.approx(("cloud", 1.0, 0.5, 2 / 3, 1.0, 2))
    assert sun == ("sun", 1.0, 1.0, 1.0, 1.0, 2)
    assert tree == ("tree", 0.0, 0.0, 0.0, 0.0, 0)
    assert next(iter(judged().summary.rows)) == ("cloud", "1.000", "0.500", "0.667", "1.000", 2)


@pytest.mark.parametrize(
    ("num_mistakes", "captions"),
    [
        (9, ["none, taken for\ntree", "cloud sun, taken for\nsun"]),
        (1, ["none, taken for\ntree"]),
    ],
)
def test_the_worst_mistakes_come_first_each_with_its_image(
    num_mistakes: int, captions: list[str]
) -> None:
    (axes,) = judged(num_mistakes=num_mistakes).figures["Worst mistakes"].axes
    assert [text.get_text() for text in axes.texts] == captions
    shown = [round(float(np.max(np.asarray(i.get_array()))) * 255) for i in axes.images]
    assert shown == [2, 1][:num_mistakes]


def test_a_caption_names_three_classes_and_counts_the_others() -> None:
    names = tuple("abcdef")
    labels, none = np.ones((1, 6), np.int64), np.zeros((1, 6), np.float32)
    (axes,) = judged(labels, none, names).figures["Worst mistakes"].axes
    assert [text.get_text() for text in axes.texts] == ["a b c +3, taken for\nnone"]
