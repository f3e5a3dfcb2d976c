"""Compare two recorded trainings, and find what differs first."""

from dataclasses import dataclass

from spoonful.diff.finding import Finding, Status
from spoonful.diff.inputs import input_findings, notes_on
from spoonful.diff.outcomes import Look, outcome_findings, range_alone
from spoonful.diff.recorded_run import RecordedRun


@dataclass(frozen=True)
class Differences:
    """The result of comparing two runs.

    Attributes:
        a: one run.
        b: the other.
        inputs: differences of their inputs.
        outcomes: differences of their results.
        notes: differences that do not change any bit, or only may.
    """

    a: RecordedRun
    b: RecordedRun
    inputs: list[Finding]
    outcomes: list[Finding]
    notes: list[Finding]

    @property
    def is_same_outcome(self) -> bool:
        """Whether both ended with the same bits, with no known difference on the way."""
        statuses = {finding.aspect: finding.status for finding in self.outcomes}
        return (
            self.a.is_finished
            and self.b.is_finished
            and statuses["weights"] is statuses["metrics"] is Status.SAME
            and not {Status.DIFFERENT, Status.PART} & set(statuses.values())
        )

    @property
    def is_same(self) -> bool:
        """Whether, in addition, no input is known to differ."""
        return self.is_same_outcome and not _of(self.inputs, Status.DIFFERENT)

    @property
    def first_difference(self) -> Finding | None:
        """The outcome that differs first during training; None: no known difference."""
        different = _of(self.outcomes, Status.DIFFERENT)
        return min(different, key=lambda finding: finding.epoch or 0) if different else None

    @property
    def verdict(self) -> str:
        """One line: identical to the bit, or what differs first."""
        first = self.first_difference
        if first is not None:
            place = first.detail.removeprefix("first ").partition(";")[0]
            return f"first difference: {first.aspect}, {place}; {self._cause()}"
        if self.is_same_outcome:
            different = _of(self.inputs, Status.DIFFERENT)
            if different:
                return f"the same weights and metrics, to the bit; {self._cause()}"
            unknown = _of([*self.inputs, *self.outcomes], Status.UNKNOWN)
            words = "the same training, to the bit"
            return f"{words} (unknown: {_names(unknown)})" if unknown else words
        if part := _of(self.outcomes, Status.PART):
            words = f"the same as far as both went{self._unfinished()}: {part[0].detail}"
            is_known = bool(_of(self.inputs, Status.DIFFERENT))
            return f"{words}; {self._cause()}" if is_known else words
        if unknown := _of(self.outcomes, Status.UNKNOWN):
            return f"no difference is known{self._unfinished()}; unknown: {_names(unknown)}"
        return f"the same so far{self._unfinished()}"

    @property
    def reproduction_verdict(self) -> str:
        """One line on B, which was to reproduce A."""
        if not self.is_same_outcome:
            return f"not bit-identical: {self.verdict}"
        steps = self.a.num_steps
        order = f", order of {steps:,} step{'' if steps == 1 else 's'}" if steps else ""
        num = self.a.num_epochs
        same = f"weights, metrics of {num:,} epoch{'' if num == 1 else 's'}{order}"
        unknown = _of(self.outcomes, Status.UNKNOWN)
        return f"bit-identical: {same}" + (f"; unknown: {_names(unknown)}" if unknown else "")

    def table(self) -> str:
        """Return the runs, and one line per aspect."""
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
            return f"inputs that differ: {_names(different)}"
        unknown = _of(self.inputs, Status.UNKNOWN)
        words = f"no input is known to differ (unknown: {_names(unknown)})"
        is_elsewhere = any(note.aspect == "hardware" for note in self.notes)
        hardware = ", but the hardware differs" if is_elsewhere else ""
        return (words if unknown else "all inputs are the same") + hardware

    def _unfinished(self) -> str:
        runs = (("A", self.a), ("B", self.b))
        said = [f"{letter} is {run.status}" for letter, run in runs if not run.is_finished]
        return f" ({', '.join(said)})" if said else ""


def find_differences(a: RecordedRun, b: RecordedRun, look: Look = range_alone) -> Differences:
    """Compare two runs.

    Args:
        a: one run.
        b: the other.
        look: finds where in a range of steps the batches of both first differ.
    """
    return Differences(a, b, input_findings(a, b), outcome_findings(a, b, look), notes_on(a, b))


def _of(findings: list[Finding], status: Status) -> list[Finding]:
    return [finding for finding in findings if finding.status is status]


def _names(findings: list[Finding]) -> str:
    return ", ".join(finding.aspect for finding in findings)
