"""What became of the inputs as csv and as the tables of the README."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from outcome import (
    CRASH,
    EXCEPTION,
    FINDINGS,
    LARGE,
    LIBJPEG,
    NOISY,
    PILLOW,
    REFUSED,
    SAME,
    SLOW,
    TWO_WAYS,
    UNCLEAR,
    UNNOTICED,
    WRONG,
    Outcome,
)

from spoonful.files.tables import markdown, put_between, read_csv, write_csv

ALL = "all"
_COUNTED = "of"
_NEVER = (CRASH, SLOW, LARGE, EXCEPTION, NOISY, UNCLEAR)
_COLUMNS = {
    "images": (REFUSED, SAME, UNNOTICED, *_NEVER, PILLOW, LIBJPEG, TWO_WAYS, WRONG),
    "files": (REFUSED, SAME, UNNOTICED, *_NEVER, WRONG),
}
_HEADS = {
    REFUSED: "refused",
    SAME: "served, the undamaged data",
    UNNOTICED: "served, other data that nothing can tell",
    CRASH: "crashes",
    EXCEPTION: "library exceptions",
}


def write_results(folder: Path, found: Mapping[str, Sequence[Outcome]], seconds: float) -> None:
    """Write a table a kind of input, one of the damages, and the findings, each with its number."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, outcomes in found.items():
        groups = [outcome.case.group for outcome in outcomes]
        rows = [
            _row(group, [o for o in outcomes if o.case.group == group], _COLUMNS[name])
            for group in dict.fromkeys(sorted(groups))
        ]
        rows.append(_row(ALL, outcomes, _COLUMNS[name]))
        write_csv(folder / f"{name}.csv", (name, _COUNTED, *_COLUMNS[name]), rows)
        write_csv(folder / f"{name}_damage.csv", _DAMAGE_COLUMNS, _damage_rows(outcomes))
    every = [(name, outcome) for name, outcomes in found.items() for outcome in outcomes]
    findings = [
        (name, o.number, o.end, o.case.group, o.case.variant, o.case.damage, o.detail)
        for name, o in every
        if o.is_finding
    ]
    columns = ("inputs", "number", "finding", "group", "variant", "damage", "detail")
    write_csv(folder / "findings.csv", columns, findings)
    write_csv(folder / "cost.csv", ("name", "value"), _cost([o for _, o in every], seconds))


_DAMAGE_COLUMNS = ("damage", _COUNTED, REFUSED, SAME, UNNOTICED, "findings")


def _damage_rows(outcomes: Sequence[Outcome]) -> list[list[object]]:
    """Count by damage, where there was one alone."""
    counts: dict[str, Counter[str]] = {}
    for outcome in outcomes:
        name = outcome.case.damage.removesuffix(", checksums renewed")
        if " + " not in name:
            end = "findings" if outcome.is_finding else outcome.end
            counts.setdefault(name, Counter())[end] += 1
    return [
        [name, own.total(), *(own[column] for column in _DAMAGE_COLUMNS[2:])]
        for name, own in sorted(counts.items())
    ]


def _row(group: str, outcomes: Sequence[Outcome], ends: Sequence[str]) -> list[object]:
    counts = Counter(outcome.end for outcome in outcomes)
    return [group, len(outcomes), *(counts[end] for end in ends)]


def _cost(outcomes: Sequence[Outcome], seconds: float) -> list[tuple[str, str]]:
    times = np.array([outcome.seconds for outcome in outcomes])
    return [
        ("minutes in all", f"{seconds / 60:.1f}"),
        ("longest reading, s", f"{times.max():.2f}"),
        ("median reading, ms", f"{1000 * float(np.median(times)):.1f}"),
        ("largest resident memory, MiB", f"{max(o.peak_mib for o in outcomes):.0f}"),
    ]


def publish(folder: Path, readme: Path) -> None:
    """Write the tables between the README's markers."""
    put_between(readme, "total", _total(folder))
    for name, columns in _COLUMNS.items():
        rows = read_csv(folder / f"{name}.csv")
        heads = [name, _COUNTED, *(_HEADS.get(column, column) for column in columns)]
        cells = [
            [
                row[name],
                f"{int(row[_COUNTED]):,}",
                *(_cell(column, int(row[column])) for column in columns),
            ]
            for row in rows
        ]
        put_between(readme, name, markdown(heads, cells))
    rows = read_csv(folder / "images_damage.csv")
    cells = [[row[c] for c in _DAMAGE_COLUMNS] for row in rows]
    put_between(readme, "damage", markdown(_DAMAGE_COLUMNS, cells))


def _cell(column: str, count: int) -> str:
    return f"**{count:,}**" if count and column in FINDINGS else f"{count:,}"


def _total(folder: Path) -> str:
    last = {name: read_csv(folder / f"{name}.csv")[-1] for name in _COLUMNS}
    cost = {row["name"]: row["value"] for row in read_csv(folder / "cost.csv")}
    counts = [
        f"{sum(int(row.get(end, 0)) for row in last.values()):,} {_HEADS.get(end, end)}"
        for end in (CRASH, SLOW, LARGE, EXCEPTION, PILLOW, LIBJPEG, WRONG, UNCLEAR, NOISY, TWO_WAYS)
    ]
    return (
        f"{int(last['images'][_COUNTED]):,} images and {int(last['files'][_COUNTED]):,} stores and "
        f"stage files in {cost['minutes in all']} min: {', '.join(counts)}. The longest reading "
        f"took {cost['longest reading, s']} s, the median one {cost['median reading, ms']} ms; the "
        f"largest process had {cost['largest resident memory, MiB']} MiB."
    )
