"""Compare two recorded trainings, and say what differs first."""

from dataclasses import dataclass

from spoonful.comparison.finding import Finding, Status
from spoonful.comparison.inputs import compare_inputs, notes_on
from spoonful.comparison.outcomes import Look, compare_outcomes, window_alone
from spoonful.comparison.recorded_run import RecordedRun


@dataclass(frozen=True)
class Comparison:
    """What was found of two runs.

    Attributes:
        a: one run.
        b: the other.
        inputs: what they were made from.
        outcomes: what they did.
        notes: what differs and changes no bit, or only perhaps.
    """

    a: RecordedRun
    b: RecordedRun
    inputs: list[Finding]
    outcomes: list[Finding]
    notes: list[Finding]

    @property
    def is_same_outcome(self) -> bool:
        """Whether both ended with the same bits, and nothing on the way is known to differ."""
        statuses = {finding.aspect: finding.status for finding in self.outcomes}
        return (
            self.a.is_finished
            and self.b.is_finished
            and statuses["weights"] is statuses["metrics"] is Status.SAME
            and not {Status.DIFFERENT, Status.PART} & set(statuses.values())
        )

    @property
    def is_same(self) -> bool:
        """Whether, besides, nothing that they were made from is known to differ."""
        return self.is_same_outcome and not _of(self.inputs, Status.DIFFERENT)

    @property
    def first_difference(self) -> Finding | None:
        """The outcome that differs first in the course of training; None: none is known to."""
        different = _of(self.outcomes, Status.DIFFERENT)
        return min(different, key=lambda finding: finding.epoch or 0) if different else None

    @property
    def verdict(self) -> str:
        """One line: the same to the bit, or what differs first."""
        first = self.first_difference
        if first is not None:
            return f"{_first(first)}; {self._cause()}"
        if self.is_same_outcome:
            different = _of(self.inputs, Status.DIFFERENT)
            if different:
                return (
                    f"the same weights and metrics, to the bit, though {_names(different)} differ"
                )
            unknown = _of([*self.inputs, *self.outcomes], Status.UNKNOWN)
            words = "the same training, to the bit"
            return f"{words} (unknown: {_names(unknown)})" if unknown else words
        if part := _of(self.outcomes, Status.PART):
            return f"the same as far as both went: {part[0].detail}; {self._cause()}"
        unknown = _of(self.outcomes, Status.UNKNOWN)
        if unknown:
            return f"nothing that both recorded of it differs; unknown: {_names(unknown)}"
        return f"the same so far; {self._cause()}"

    @property
    def reproduction_verdict(self) -> str:
        """One line on B, which was to be A again."""
        if not self.is_same_outcome:
            return f"not bit-identical: {self.verdict}"
        same = [f"{f.aspect} ({f.detail})" for f in _of(self.outcomes, Status.SAME)]
        unknown = _of(self.outcomes, Status.UNKNOWN)
        rest = f"; unknown: {_names(unknown)}" if unknown else ""
        return f"bit-identical: {', '.join(same)}{rest}"

    def table(self) -> str:
        """Return the runs, and a line for each aspect."""
        width = max(len(run.name) for run in (self.a, self.b))
        runs = [
            f"{letter}  {run.name:<{width}}  {run.short_id}  {run.started:%Y-%m-%d %H:%M}  "
            f"{run.status}"
            for letter, run in (("A", self.a), ("B", self.b))
        ]
        findings = [*self.inputs, *self.outcomes, *self.notes]
        aspects = max(len(finding.aspect) for finding in findings)
        statuses = max(len(finding.status) for finding in findings)
        lines = []
        for finding in findings:
            head = f"{finding.aspect:<{aspects}}  {finding.status:<{statuses}}  "
            lines.append(head + finding.detail)
            lines += [" " * len(head) + line for line in finding.lines]
        return "\n".join([*runs, "", *lines, ""])

    def _cause(self) -> str:
        different = _of(self.inputs, Status.DIFFERENT)
        if different:
            return f"of what they were made from, {_names(different)} differ"
        unknown = _of(self.inputs, Status.UNKNOWN)
        known = "nothing that they were made from is known to differ"
        notes = [note for note in self.notes if note.aspect == "hardware"]
        return (
            known
            + (f" (unknown: {_names(unknown)})" if unknown else "")
            + (", but the hardware does" if notes else "")
        )


def compare(a: RecordedRun, b: RecordedRun, look: Look = window_alone) -> Comparison:
    """Compare two runs.

    Args:
        a: one run.
        b: the other.
        look: says where in a window of steps the batches of both first differ.
    """
    return Comparison(a, b, compare_inputs(a, b), compare_outcomes(a, b, look), notes_on(a, b))


def _of(findings: list[Finding], status: Status) -> list[Finding]:
    return [finding for finding in findings if finding.status is status]


def _names(findings: list[Finding]) -> str:
    return ", ".join(finding.aspect for finding in findings)


def _first(finding: Finding) -> str:
    return f"first difference: {finding.aspect}, {finding.detail.removeprefix('first ')}"
