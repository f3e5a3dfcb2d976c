"""The verdict on two runs, and how it is shown."""

from collections.abc import Callable

import pytest

from spoonful.diff.differences import find_differences
from spoonful.diff.recorded_run import RecordedRun
from spoonful.record.ledger import Row

Runs = Callable[..., RecordedRun]
Rows = Callable[..., list[Row]]


def test_equal_runs_are_the_same_training(run_of: Runs) -> None:
    differences = find_differences(run_of(), run_of())
    assert differences.is_same
    assert differences.verdict == "the same training, to the bit"
    assert differences.reproduction_verdict == (
        "bit-identical: weights, metrics of 3 epochs, order of 750 steps"
    )


def test_what_cannot_be_told_is_said(run_of: Runs) -> None:
    differences = find_differences(run_of(), run_of(tags={"git.dirty": "true"}))
    assert differences.is_same
    assert differences.verdict == "the same training, to the bit (unknown: code)"


def test_the_same_bits_of_other_code_are_another_training(run_of: Runs) -> None:
    differences = find_differences(run_of(), run_of(tags={"git.commit": "d" * 40}))
    assert differences.is_same_outcome
    assert not differences.is_same
    assert differences.verdict == (
        "the same weights and metrics, to the bit; inputs that differ: code"
    )
    assert differences.reproduction_verdict.startswith("bit-identical: ")


def test_what_differs_first_in_the_course_of_training_is_named(run_of: Runs, rows_of: Rows) -> None:
    other_order = run_of(ledger=rows_of(first_other_step=600, first_other_weights=2))
    differences = find_differences(run_of(), other_order)
    assert not differences.is_same_outcome
    assert differences.verdict.startswith("first difference: weights, after epoch 2 (step 500)")
    in_one_epoch = run_of(ledger=rows_of(first_other_step=300, first_other_weights=2))
    differences = find_differences(run_of(), in_one_epoch)
    assert differences.verdict == (
        "first difference: order, in steps 250 to 349 (epoch 2); all inputs are the same"
    )
    assert differences.reproduction_verdict == f"not bit-identical: {differences.verdict}"


def test_the_inputs_that_differ_are_named_beside_it(run_of: Runs, rows_of: Rows) -> None:
    rows = rows_of(first_other_weights=1)
    other = run_of(("seed=1",), tags={"git.commit": "d" * 40}, ledger=rows)
    assert find_differences(run_of(), other).verdict.endswith("; inputs that differ: config, code")
    elsewhere = run_of(tags={"hardware.cpu": "Another"}, ledger=rows)
    assert find_differences(run_of(), elsewhere).verdict.endswith(
        "; all inputs are the same, but the hardware differs"
    )


def test_a_run_that_was_cut_off_is_the_same_only_so_far(run_of: Runs) -> None:
    differences = find_differences(run_of(), run_of(num_epochs=1, status="KILLED"))
    assert not differences.is_same_outcome
    assert differences.verdict == (
        "the same as far as both went (B is KILLED): the 250 steps that both have; A continues to "
        "step 750"
    )
    longer = run_of(("trainer.epochs=9",), num_epochs=1, status="KILLED")
    assert find_differences(run_of(), longer).verdict.endswith(
        "step 750; inputs that differ: config"
    )
    at_its_end = find_differences(run_of(status="KILLED"), run_of())
    assert not at_its_end.is_same_outcome
    assert at_its_end.verdict == "the same so far (A is KILLED)"


@pytest.mark.parametrize("key", ["6c" * 32, None])
def test_runs_without_a_ledger_are_the_same_if_their_models_are(
    run_of: Runs, key: str | None
) -> None:
    old = run_of(ledger=None, tags={"train_key": key})
    differences = find_differences(old, old)
    assert differences.is_same is (key is not None)
    if key is None:
        assert differences.verdict.startswith("no difference is known; unknown: order, weights")
    else:
        assert differences.reproduction_verdict == (
            "bit-identical: weights, metrics of 3 epochs; unknown: order, validation"
        )


def test_the_table_has_a_line_for_each_aspect(run_of: Runs, rows_of: Rows) -> None:
    rows = rows_of(first_other_step=0)
    other = run_of(("seed=1",), {"train_key": "77" * 32}, ledger=rows, name="mlp-s1")
    lines = find_differences(
        run_of(), other, lambda steps: ("first at step 0", ("A  x", "B  y"))
    ).table()
    assert lines.splitlines() == [
        "A  mlp-adam-b32-full-s0  3f2a9c01  2026-11-23 17:40  FINISHED",
        "B  mlp-s1                3f2a9c01  2026-11-23 17:40  FINISHED",
        "",
        "data        same       8b585a055a4e0713",
        "split       same       9602aeb5e75e3a15",
        "config      DIFFERENT  generator.seed 0 | 1, seed 0 | 1",
        "code        same       commit c59e2bf (clean)",
        "versions    same       python 3.11.7, 2 packages, the lock",
        "order       DIFFERENT  first at step 0",
        "                       A  x",
        "                       B  y",
        "weights     same       after each of 3 epochs",
        "validation  same       3 epochs",
        "metrics     same       of 3 epochs",
    ]
