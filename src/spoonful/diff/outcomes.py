"""Compare the results of two trainings: order of the batches, weights, validation, metrics."""

from collections.abc import Callable

from spoonful.diff.finding import Finding, Status
from spoonful.diff.ledgers import StepRange, first_difference
from spoonful.diff.recorded_run import RecordedRun, outcome_metrics
from spoonful.record.ledger import TRAIN, VAL, WEIGHTS, Row
from spoonful.record.tags import TRAIN_KEY_TAG

# Finds where in a range of steps two streams of batches first differ: a detail, and lines below it.
Look = Callable[[StepRange], tuple[str, tuple[str, ...]]]

_SHORT_DIGEST = 8


def outcome_findings(a: RecordedRun, b: RecordedRun, look: Look) -> list[Finding]:
    """Compare order, weights, validation and metrics, in the order of an epoch."""
    return [
        _stream("order", TRAIN, a, b, look),
        _weights(a, b),
        _stream("validation", VAL, a, b, look),
        _metrics(a, b),
    ]


def range_alone(steps: StepRange) -> tuple[str, tuple[str, ...]]:
    """Return only what the ledgers show."""
    return f"in {steps.words}", ()


def _stream(aspect: str, stream: str, a: RecordedRun, b: RecordedRun, look: Look) -> Finding:
    rows_a, rows_b = a.rows(stream), b.rows(stream)
    if rows_a is None or rows_b is None:
        return _not_recorded(aspect, a, b)
    steps = first_difference(rows_a, rows_b)
    if steps is not None:
        detail, lines = look(steps)
        return Finding(aspect, Status.DIFFERENT, detail, steps.epoch, lines)
    if len(rows_a) != len(rows_b):
        return Finding(aspect, Status.PART, _part(stream, rows_a, rows_b))
    return Finding(aspect, Status.SAME, _amount(stream, rows_a))


def _weights(a: RecordedRun, b: RecordedRun) -> Finding:
    rows_a, rows_b = a.rows(WEIGHTS), b.rows(WEIGHTS)
    if rows_a is None or rows_b is None:
        return _kept_model(a, b) or _not_recorded("weights", a, b)
    steps = first_difference(rows_a, rows_b)
    if steps is not None:
        row_a, row_b = steps.row_a, steps.row_b
        digests = f"{row_a.digest[:_SHORT_DIGEST]} | {row_b.digest[:_SHORT_DIGEST]}"
        if row_a.step == row_b.step:
            where = f"step {row_a.step:,}"
        else:
            where = f"step {row_a.step:,} | {row_b.step:,}"
        detail = f"first after epoch {steps.epoch} ({where}): {digests}"
        return Finding("weights", Status.DIFFERENT, detail, steps.epoch)
    if len(rows_a) != len(rows_b):
        return Finding("weights", Status.PART, _part(WEIGHTS, rows_a, rows_b))
    kept = _kept_model(a, b)
    if kept is not None and kept.status is Status.DIFFERENT:
        return kept
    also = ", and the model kept" if kept is not None else ""
    return Finding("weights", Status.SAME, f"after each of {_epochs(len(rows_a))}{also}")


def _kept_model(a: RecordedRun, b: RecordedRun) -> Finding | None:
    """Compare the saved models; None: the records do not contain them.

    A model's key is made of the config and the file: two keys may differ by the config alone.
    """
    key_a, key_b = a.tag(TRAIN_KEY_TAG), b.tag(TRAIN_KEY_TAG)
    if key_a is None or key_b is None:
        return None
    if key_a == key_b:
        return Finding("weights", Status.SAME, "those of the model kept")
    if a.learning != b.learning or a.learning is None:
        return None
    detail = f"those of the model kept: {key_a[:_SHORT_DIGEST]} | {key_b[:_SHORT_DIGEST]}"
    return Finding("weights", Status.DIFFERENT, detail, min(a.num_epochs, b.num_epochs))


def _metrics(a: RecordedRun, b: RecordedRun) -> Finding:
    if not a.num_epochs or not b.num_epochs:
        which = "A" if not a.num_epochs else "B"
        return Finding("metrics", Status.UNKNOWN, f"{which} recorded none")
    num_epochs = min(a.num_epochs, b.num_epochs)
    for epoch in range(1, num_epochs + 1):
        for name in outcome_metrics([*a.metrics, *b.metrics]):
            value_a, value_b = (run.metrics.get(name, {}).get(epoch) for run in (a, b))
            if repr(value_a) != repr(value_b):  # a loss of NaN equals itself
                detail = f"first after epoch {epoch}: {name} {value_a!r} | {value_b!r}"
                return Finding("metrics", Status.DIFFERENT, detail, epoch)
    if a.num_epochs != b.num_epochs:
        detail = f"of the {_epochs(num_epochs)} that both have ({a.num_epochs} | {b.num_epochs})"
        return Finding("metrics", Status.PART, detail)
    return Finding("metrics", Status.SAME, f"of {_epochs(num_epochs)}")


def _not_recorded(aspect: str, a: RecordedRun, b: RecordedRun) -> Finding:
    which = [letter for letter, run in (("A", a), ("B", b)) if run.ledger is None]
    return Finding(aspect, Status.UNKNOWN, f"not recorded: no ledger of {' and '.join(which)}")


def _amount(stream: str, rows: list[Row]) -> str:
    epochs = _epochs(max((row.epoch for row in rows), default=0))
    return f"{rows[-1].step if rows else 0:,} steps of {epochs}" if stream == TRAIN else epochs


def _part(stream: str, rows_a: list[Row], rows_b: list[Row]) -> str:
    shorter, longer = sorted((rows_a, rows_b), key=len)
    letter = "A" if longer is rows_a else "B"
    if not shorter:
        return f"{'B' if letter == 'A' else 'A'} has recorded none yet"
    if stream == TRAIN:
        both = f"the {shorter[-1].step:,} steps that both have"
        return f"{both}; {letter} continues to step {longer[-1].step:,}"
    both = f"the {_epochs(shorter[-1].epoch)} that both have"
    return f"{both}; {letter} continues to epoch {longer[-1].epoch}"


def _epochs(number: int) -> str:
    return f"{number:,} epoch{'' if number == 1 else 's'}"
