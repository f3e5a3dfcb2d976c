"""Class probabilities are judged as a hand or scikit-learn does it."""

import numpy as np
import pytest

from spoonful.evaluation.classification import judge, score
from spoonful.evaluation.judgement import Judgement
from spoonful.sources.array import ArraySource

NAMES = ("ant", "bee", "cat")
LABELS = [0, 0, 1, 2]
# Right, wrong by a little, wrong by a lot, right.
PROBABILITIES = np.array(
    [[0.8, 0.1, 0.1], [0.4, 0.6, 0.0], [0.9, 0.05, 0.05], [0.0, 0.25, 0.75]], np.float32
)
IMAGES = np.arange(4, dtype=np.uint8)[:, None, None, None] * np.ones((1, 6, 6, 1), np.uint8)


def judged(num_mistakes: int = 9) -> Judgement:
    source = ArraySource(IMAGES, LABELS, NAMES)
    return judge(source, PROBABILITIES, top_k=2, num_bins=4, num_mistakes=num_mistakes)


def test_the_headline_and_the_metrics_are_those_of_the_scores() -> None:
    expected = score(PROBABILITIES, np.array(LABELS), NAMES, 2, 4)
    assert judged().headline == "50.00% of test images right"
    assert judged().metrics == expected.metrics
    assert judged().metrics["accuracy"] == 0.5
    of_true_class = np.array([0.8, 0.4, 0.05, 0.75])
    assert judged().metrics["loss"] == pytest.approx(-np.log(of_true_class).mean())


def test_every_image_has_a_row_with_what_it_was_taken_for() -> None:
    predictions = judged().predictions
    assert predictions.columns == ("file", "actual", "predicted", "confidence")
    rows = [list(row) for row in predictions.rows]
    assert [row[0] for row in rows] == [ArraySource(IMAGES, LABELS).example_id(i) for i in range(4)]
    assert [row[1:3] for row in rows] == [
        ["ant", "ant"],
        ["ant", "bee"],
        ["bee", "ant"],
        ["cat", "cat"],
    ]
    assert [row[3] for row in rows] == pytest.approx([0.8, 0.6, 0.9, 0.75])


def test_the_table_of_classes_is_on_the_page_and_in_a_file() -> None:
    (ant, bee, cat) = judged().summary.rows
    assert ant == ("ant", "0.500", "0.500", "0.500", 2)
    assert bee == ("bee", "0.000", "0.000", "0.000", 1)
    assert cat == ("cat", "1.000", "1.000", "1.000", 1)
    written = list(judged().tables["classes.csv"].rows)
    assert written[0] == ("ant", 0.5, 0.5, 0.5, 2)
    assert judged().heading == "Classes"


def test_the_table_of_calibration_leaves_out_empty_bins() -> None:
    bins = [tuple(row) for row in judged().tables["calibration.csv"].rows]
    # Bins of 0.25: (0.5, 0.75] holds 0.6 (wrong) and 0.75 (right), (0.75, 1] 0.8 (right) and 0.9.
    assert np.array(bins) == pytest.approx(
        np.array([(0.5, 0.75, 0.675, 0.5, 2), (0.75, 1.0, 0.85, 0.5, 2)]), abs=1e-6
    )


@pytest.mark.parametrize(
    ("num_mistakes", "captions"),
    [
        (9, ["bee, taken for\nant (90%)", "ant, taken for\nbee (60%)"]),
        (1, ["bee, taken for\nant (90%)"]),
    ],
)
def test_the_worst_mistakes_come_first_each_with_its_image(
    num_mistakes: int, captions: list[str]
) -> None:
    figure = judged(num_mistakes).figures["Worst mistakes"]
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.texts] == captions
    shown = [round(float(np.max(np.asarray(i.get_array()))) * 255) for i in axes.images]
    assert shown == [2, 1][:num_mistakes]
    assert set(judged().figures) == {"Confusion matrix", "Calibration", "Worst mistakes"}
