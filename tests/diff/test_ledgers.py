"""Where two ledgers first differ."""

from collections.abc import Callable

import pytest

from spoonful.diff.ledgers import StepRange, first_difference
from spoonful.record.ledger import TRAIN, VAL, Row

Rows = Callable[..., list[Row]]


def train_rows(rows: list[Row]) -> list[Row]:
    return [row for row in rows if row.stream == TRAIN]


def steps(rows_a: list[Row], rows_b: list[Row]) -> StepRange:
    found = first_difference(rows_a, rows_b)
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("step", "start", "stop", "epoch"),
    [
        (0, 0, 100, 1),
        (99, 0, 100, 1),
        (100, 100, 200, 1),
        (249, 200, 250, 1),
        (250, 250, 350, 2),
        (749, 700, 750, 3),
    ],
)
def test_the_window_holds_the_first_step_that_differs(
    rows_of: Rows, step: int, start: int, stop: int, epoch: int
) -> None:
    found = steps(train_rows(rows_of()), train_rows(rows_of(first_other_step=step)))
    assert (found.start, found.stop, found.epoch) == (start, stop, epoch)


def test_equal_rows_differ_nowhere_as_far_as_both_go(rows_of: Rows) -> None:
    assert first_difference(rows_of(3), rows_of(3)) is None
    assert first_difference(train_rows(rows_of(2)), train_rows(rows_of(3))) is None
    assert first_difference([], train_rows(rows_of())) is None


def test_an_epoch_that_ends_sooner_differs_at_its_end_at_the_latest() -> None:
    shared = Row(TRAIN, 1, 100, "aa")
    found = steps([shared, Row(TRAIN, 1, 157, "bb")], [shared, Row(TRAIN, 1, 200, "cc")])
    assert (found.start, found.stop) == (100, 200)


def test_the_steps_of_validation_start_again_in_each_epoch() -> None:
    first = Row(VAL, 1, 5, "aa")
    found = steps([first, Row(VAL, 2, 5, "bb")], [first, Row(VAL, 2, 5, "cc")])
    assert (found.start, found.stop, found.epoch) == (0, 5, 2)


def test_a_window_says_its_steps_and_epoch() -> None:
    two = StepRange(Row(TRAIN, 2, 1100, "a"), Row(TRAIN, 2, 1100, "b"), 1000, 1100)
    assert two.words == "steps 1,000 to 1,099 (epoch 2)"
    one = StepRange(Row(TRAIN, 1, 1, "a"), Row(TRAIN, 1, 1, "b"), 0, 1)
    assert one.words == "step 0 (epoch 1)"
