"""What is read off a run, and how people see it."""

import math
from collections.abc import Callable

import pytest

from spoonful.compare.quantities import Quantity, quantities
from spoonful.compare.runs import DEFAULT_SCORE, PointRun, Score

MakeRun = Callable[..., PointRun]


def named(name: str, score: Score = DEFAULT_SCORE) -> Quantity:
    return next(quantity for quantity in quantities(score) if quantity.name == name)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("val_accuracy", 0.9),  # of the epoch that was kept
        ("last_val_accuracy", 0.89),
        ("images_per_s", 1050.0),  # the median without the first epoch
        ("train_time_s", 4.51),  # the cumulated time at the end
        ("peak_rss_mb", 640.0),
        ("input_wait_fraction", 0.03),
        ("test_accuracy", None),
    ],
)
def test_a_quantity_is_read_off_a_run(run_of: MakeRun, name: str, value: float | None) -> None:
    found = named(name).of(run_of(1, {}, 0.9))
    assert found == (None if value is None else pytest.approx(value))


def test_one_epoch_alone_is_the_speed(run_of: MakeRun) -> None:
    run = run_of(1, {}, 0.9, metrics={"images_per_s": {1: 100.0}})
    assert named("images_per_s").of(run) == 100.0


def test_the_time_is_the_sum_of_the_epochs_where_it_was_not_cumulated(run_of: MakeRun) -> None:
    run = run_of(1, {}, 0.9, metrics={"epoch_train_s": {1: 2.0, 2: 1.25}})
    assert named("train_time_s").of(run) == 3.25


def test_the_loss_is_another_metric_of_interest(run_of: MakeRun) -> None:
    first, last, *_ = quantities(Score("val_loss", is_more_better=False))
    assert (first.name, last.name) == ("val_loss", "last_val_loss")
    assert first.of(run_of(1, {}, 0.9)) == pytest.approx(0.1)
    assert first.has_smaller_better
    assert not named("val_accuracy").has_smaller_better
    assert first.shown(0.12345) == "0.1235"
    assert (first.unit, first.unit_of_difference) == ("", "")


def test_the_score_of_another_task_is_read_of_validation_and_test_images(run_of: MakeRun) -> None:
    error = "mean_absolute_error"
    score = Score(f"val_{error}", is_more_better=False)
    metrics = {f"val_{error}": {1: 0.4, 2: 0.2, 3: 0.3}}
    scalars = {f"best_val_{error}": 0.2, f"test_{error}": 0.25}
    run = run_of(1, {}, 0.9, metrics=metrics, scalars=scalars)
    first, last, test, *_ = quantities(score)
    assert [quantity.of(run) for quantity in (first, last, test)] == [0.2, 0.3, 0.25]
    assert [quantity.name for quantity in (first, last, test)] == [
        f"val_{error}",
        f"last_val_{error}",
        f"test_{error}",
    ]
    assert all(quantity.has_smaller_better for quantity in (first, last, test))
    assert (first.shown(0.2), first.unit) == ("0.2000", "")  # no share of anything


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_what_is_not_finite_is_not_there(run_of: MakeRun, value: float) -> None:
    assert (
        named("val_accuracy").of(run_of(1, {}, 0.9, scalars={"best_val_accuracy": value})) is None
    )


@pytest.mark.parametrize(
    ("name", "value", "signed", "text"),
    [
        ("val_accuracy", 0.98914, False, "98.91"),
        ("val_accuracy", -0.0123, True, "\N{MINUS SIGN}1.23"),
        ("val_accuracy", 0.0123, True, "+1.23"),
        ("val_accuracy", -0.00001, True, "0.00"),  # no "-0.00"
        ("images_per_s", 12345.6, False, "12,346"),
    ],
)
def test_people_read_short_numbers(name: str, value: float, signed: bool, text: str) -> None:
    assert named(name).shown(value, signed) == text
