"""Medians, ratios and targets as csv and as the tables of the README."""

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from cases import CASES, Case
from machine import machine_line
from targets import TARGETS, Medians

from spoonful.files.tables import put_between, read_csv, write_csv


@dataclass(frozen=True)
class Row:
    """One contender's measurements of a case.

    Attributes:
        ours_to_it: the median of the case's first contender divided by this one's.
    """

    case: str
    contender: str
    unit: str
    median: float
    lowest: float
    highest: float
    repeats: int
    ours_to_it: float


@dataclass(frozen=True)
class Verdict:
    """One target and what was found."""

    case: str
    compared: str
    expected: str
    found: str
    met: str


def read_rows(results: Path) -> list[Row]:
    """Read all measurements that lie there, case by case."""
    rows = []
    for case in CASES:
        values = _values(results / f"{case.name}.csv")
        medians = {name: statistics.median(found) for name, found in values.items()}
        ours = medians.get(case.contenders[0].name, float("nan"))
        for contender in case.contenders:
            found = values.get(contender.name)
            if not found:
                continue
            median = medians[contender.name]
            rows.append(
                Row(
                    case.name,
                    contender.name,
                    case.unit,
                    median,
                    min(found),
                    max(found),
                    len(found),
                    ours / median if median else float("nan"),
                )
            )
    return rows


def _values(path: Path) -> dict[str, list[float]]:
    values: dict[str, list[float]] = {}
    if path.is_file():
        for row in read_csv(path):
            values.setdefault(row["contender"], []).append(float(row["value"]))
    return values


def verdicts(rows: Sequence[Row]) -> list[Verdict]:
    """Compare the medians with the targets; one that was not measured says so."""
    medians: Medians = {(row.case, row.contender): row.median for row in rows}
    found = []
    for target in TARGETS:
        try:
            value = target.value(medians)
        except KeyError:
            found.append(Verdict(target.case, target.words, target.expected, "not measured", "-"))
            continue
        met = "yes" if target.met(value) else "**no**"
        shown = f"{value:.3g} {target.unit}"
        found.append(Verdict(target.case, target.words, target.expected, shown, met))
    return found


def write_summary(results: Path) -> list[Row]:
    """Write summary.csv and targets.csv from the measurements that lie there."""
    rows = read_rows(results)
    _write(results / "summary.csv", Row, [asdict(row) for row in rows])
    _write(results / "targets.csv", Verdict, [asdict(verdict) for verdict in verdicts(rows)])
    return rows


def _write(path: Path, kind: type, rows: list[dict[str, object]]) -> None:
    names = [field.name for field in fields(kind)]
    shown = ((f"{v:.6g}" if isinstance(v, float) else v for v in row.values()) for row in rows)
    write_csv(path, names, (list(row) for row in shown))


def print_summary(rows: Sequence[Row], names: Sequence[str]) -> None:
    """Print the medians and verdicts of some cases."""
    for row in rows:
        if row.case in names:
            print(f"{row.case:16} {shown(row.median):>12} {row.unit:16} {row.contender}")
    for verdict in verdicts(rows):
        if verdict.case in names and verdict.met != "-":
            met = verdict.met.strip("*")
            print(f"{verdict.case:16} {verdict.compared}: {verdict.found}", end="")
            print(f" (target {verdict.expected}: {met})")


def publish(results: Path, readme: Path) -> None:
    """Write the tables between the README's markers."""
    rows = read_rows(results)
    for name, content in (
        ("machine", machine_line(results)),
        ("targets", _targets_table(verdicts(rows))),
        ("cases", "\n\n".join(_case_section(case, rows, results) for case in CASES)),
        ("tuning", _tuning_table(results / "tuning.csv")),
    ):
        put_between(readme, name, content)


def _targets_table(found: Sequence[Verdict]) -> str:
    titles = {case.name: case.title for case in CASES}
    lines = ["| case | compared | target | found | met |", "| --- | --- | --- | --- | --- |"]
    for verdict in found:
        lines.append(
            f"| {titles[verdict.case]} | {verdict.compared} | {verdict.expected} "
            f"| {verdict.found} | {verdict.met} |"
        )
    return "\n".join(lines)


def _case_section(case: Case, rows: Sequence[Row], results: Path) -> str:
    """Write a case's table and, where there is one, its figure."""
    own = [row for row in rows if row.case == case.name]
    lines = [f"### {case.title}", ""]
    if not own:
        return "\n".join([*lines, "Not measured on this machine."])
    lines += [
        f"| | median, {case.unit} | lowest to highest of {max(row.repeats for row in own)} "
        f"| {case.contenders[0].name} / it |",
        "| --- | --: | --: | --: |",
    ]
    for row in own:
        lines.append(
            f"| {row.contender} | {shown(row.median)} "
            f"| {shown(row.lowest)} to {shown(row.highest)} | {row.ours_to_it:.3g} |"
        )
    if (results / f"{case.name}.png").is_file():
        lines += ["", f"![{case.title}](results/{case.name}.png)"]
    return "\n".join(lines)


def _tuning_table(path: Path) -> str:
    if not path.is_file():
        return "Not measured."
    found = read_csv(path)
    lines = ["| case | peer | settings | images/s |", "| --- | --- | --- | --: |"]
    for row in found:
        value = shown(float(row["value"]))
        lines.append(f"| {row['case']} | {row['contender']} | {row['settings']} | {value} |")
    return "\n".join(lines)


def shown(value: float) -> str:
    """Write a value with about three digits."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
