"""What two runs did, and where they part."""

import math
from collections.abc import Callable

import pytest

from spoonful.diff.finding import Finding, Status
from spoonful.diff.ledgers import StepRange
from spoonful.diff.outcomes import outcome_findings, range_alone
from spoonful.diff.recorded_run import RecordedRun
from spoonful.record.ledger import VAL, Row

Runs = Callable[..., RecordedRun]
Rows = Callable[..., list[Row]]


def found(a: RecordedRun, b: RecordedRun) -> dict[str, Finding]:
    return {finding.aspect: finding for finding in outcome_findings(a, b, range_alone)}


def test_equal_runs_did_the_same(run_of: Runs) -> None:
    findings = found(run_of(), run_of())
    assert {name: finding.detail for name, finding in findings.items()} == {
        "order": "750 steps of 3 epochs",
        "weights": "after each of 3 epochs, and the model kept",
        "validation": "3 epochs",
        "metrics": "of 3 epochs",
    }
    assert {finding.status for finding in findings.values()} == {Status.SAME}


def test_another_order_is_placed_in_its_window(run_of: Runs, rows_of: Rows) -> None:
    finding = found(run_of(), run_of(ledger=rows_of(first_other_step=320)))["order"]
    assert (finding.status, finding.epoch) == (Status.DIFFERENT, 2)
    assert finding.detail == "in steps 250 to 349 (epoch 2)"


def test_the_window_is_looked_into(run_of: Runs, rows_of: Rows) -> None:
    asked: list[tuple[int, int]] = []

    def look(steps: StepRange) -> tuple[str, tuple[str, ...]]:
        asked.append((steps.start, steps.stop))
        return "first at step 321", ("A  this", "B  that")

    other = run_of(ledger=rows_of(first_other_step=320))
    order = outcome_findings(run_of(), other, look)[0]
    assert asked == [(250, 350)]
    assert (order.detail, order.lines) == ("first at step 321", ("A  this", "B  that"))


def test_other_weights_are_placed_after_an_epoch(run_of: Runs, rows_of: Rows) -> None:
    finding = found(run_of(), run_of(ledger=rows_of(first_other_weights=2)))["weights"]
    assert (finding.status, finding.epoch) == (Status.DIFFERENT, 2)
    assert finding.detail.startswith("first after epoch 2 (step 500): ")


def test_other_validation_data_are_found(run_of: Runs, rows_of: Rows) -> None:
    rows = [Row(VAL, r.epoch, r.step, "00") if r.stream == VAL else r for r in rows_of()]
    findings = found(run_of(), run_of(ledger=rows))
    assert findings["validation"].status is Status.DIFFERENT
    assert findings["order"].status is Status.SAME


def test_another_model_kept_after_the_same_epochs_is_found(run_of: Runs) -> None:
    finding = found(run_of(), run_of(tags={"train_key": "77" * 32}))["weights"]
    assert finding.status is Status.DIFFERENT
    assert finding.detail == "those of the model kept: 6c6c6c6c | 77777777"


def test_the_key_of_a_model_alone_tells_nothing_where_the_config_differs(run_of: Runs) -> None:
    other = run_of(("trainer.early_stopping.metric=loss",), tags={"train_key": "77" * 32})
    assert found(run_of(), other)["weights"].status is Status.SAME


@pytest.mark.parametrize(("value", "other"), [(0.5, math.nextafter(0.5, 1)), (0.5, math.nan)])
def test_metrics_are_compared_to_the_last_bit(run_of: Runs, value: float, other: float) -> None:
    metrics = run_of().metrics
    a = run_of(metrics={**metrics, "val_loss": {1: 0.1, 2: value, 3: 0.1}})
    b = run_of(metrics={**metrics, "val_loss": {1: 0.1, 2: other, 3: 0.2}})
    finding = found(a, b)["metrics"]
    assert finding.detail == f"first after epoch 2: val_loss {value!r} | {other!r}"
    assert found(a, a)["metrics"].status is Status.SAME
    assert found(b, b)["metrics"].status is Status.SAME


def test_a_shorter_run_is_compared_as_far_as_it_went(run_of: Runs) -> None:
    findings = found(run_of(), run_of(num_epochs=1))
    assert {finding.status for finding in findings.values()} == {Status.PART}
    assert findings["order"].detail == "the 250 steps that both have; A continues to step 750"
    assert findings["weights"].detail == "the 1 epoch that both have; A continues to epoch 3"
    assert findings["metrics"].detail == "of the 1 epoch that both have (3 | 1)"


def test_a_run_cut_off_before_its_first_row_has_nothing_to_compare(run_of: Runs) -> None:
    findings = found(run_of(ledger=[], metrics={}), run_of())
    assert findings["order"].status is Status.PART
    assert findings["order"].detail == "A has recorded none yet"
    assert findings["metrics"].status is Status.UNKNOWN


def test_a_run_from_before_the_ledger_is_judged_by_its_model_and_metrics(run_of: Runs) -> None:
    findings = found(run_of(ledger=None), run_of())
    assert findings["order"].status is findings["validation"].status is Status.UNKNOWN
    assert findings["order"].detail == "not recorded: no ledger of A"
    assert findings["weights"].status is findings["metrics"].status is Status.SAME
    other = found(run_of(ledger=None), run_of(tags={"train_key": "77" * 32}))["weights"]
    assert other.status is Status.DIFFERENT
    no_key = found(run_of(ledger=None, tags={"train_key": None}), run_of())["weights"]
    assert no_key.status is Status.UNKNOWN
