"""The tables: as CSV and JSON for programs, as text for a terminal."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from spoonful.compare.points import Study
from spoonful.compare.quantities import LAST, quantities
from spoonful.compare.runs import SEED, shown_setting
from spoonful.compare.significance import Difference
from spoonful.compare.wording import shown_spread
from spoonful.files.tables import write_csv
from spoonful.files.whole import write_json
from spoonful.record.files import METRICS_NAME

RUNS_NAME, POINTS_NAME, DIFFERENCES_NAME = "runs.csv", "points.csv", "differences.csv"
_NOT_IN_A_TERMINAL = ("shuffle_", LAST)


def write_tables(folder: Path, study: Study, differences: Sequence[Difference]) -> None:
    """Write runs.csv, points.csv, differences.csv and metrics.json.

    Args:
        folder: exists.
        study: the sweep.
        differences: of the points and of the axes' values.
    """
    for name, rows in (
        (RUNS_NAME, _run_rows(study)),
        (POINTS_NAME, _point_rows(study)),
        (DIFFERENCES_NAME, _difference_rows(differences)),
    ):
        write_csv(folder / name, next(rows), rows)
    write_json(folder / METRICS_NAME, _best_metrics(study))


def points_text(study: Study) -> str:
    """Return the points as aligned text, the best first."""
    # A terminal is not wider; points.csv and the report have the rest.
    shown = [q for q in study.quantities if not q.name.startswith(_NOT_IN_A_TERMINAL)]
    header = ["point", "seeds", *(quantity.title for quantity in shown)]
    rows = [
        [point.label, str(len(point.runs)), *(shown_spread(q, point.spread(q)) for q in shown)]
        for point in study.ranked
    ]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = []
    for first, *numbers in (header, *rows):
        aligned = [cell.rjust(width) for cell, width in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *aligned]).rstrip())
    return "\n".join(lines)


def _run_rows(study: Study) -> Iterator[list[Any]]:
    """Yield the header and the rows, like the two functions below."""
    read = quantities(study.sweep.score)
    yield ["run_id", "name", "status", "counts", *study.axes, SEED, *(q.name for q in read)]
    for run in study.sweep.runs:
        counts = "yes" if run.run_id in study.counted else "no"
        settings = [shown_setting(run.setting(axis)) for axis in (*study.axes, SEED)]
        values = [_cell(quantity.of(run)) for quantity in read]
        yield [run.run_id, run.name, run.status, counts, *settings, *values]


def _point_rows(study: Study) -> Iterator[list[Any]]:
    names = [f"{q.name}_{part}" for q in study.quantities for part in ("mean", "sd")]
    yield ["point", *study.axes, "num_seeds", *names]
    for point in study.ranked:
        spreads = [point.spread(quantity) for quantity in study.quantities]
        values = [part for s in spreads for part in ((None, None) if s is None else (s.mean, s.sd))]
        settings = [shown_setting(value) for value in point.values]
        yield [point.label, *settings, len(point.runs), *map(_cell, values)]


def _difference_rows(differences: Iterable[Difference]) -> Iterator[list[Any]]:
    names = ("mean_a_minus_b", "low", "high", "p_value", "p_holm")
    yield ["axis", "a", "b", "num_pairs", *names, "verdict"]
    for d in differences:
        numbers = (d.mean, d.low, d.high, d.p_value, d.p_holm)
        yield [d.axis, d.a, d.b, d.num_pairs, *map(_cell, numbers), d.verdict]


def _best_metrics(study: Study) -> dict[str, Any]:
    best = study.best
    spread = best.spread(study.target)
    numbers = {} if spread is None else {"mean": spread.mean, "sd": spread.sd}
    return {
        "point": best.label,
        **{f"{study.metric}_{part}": v for part, v in numbers.items() if v is not None},
        "num_seeds": len(best.runs),
        "num_points": len(study.points),
        "num_runs": len(study.counted),
        "num_missing": sum(not m.is_pruned for m in study.missing) + study.num_unknown,
    }


def _cell(value: float | None) -> str:
    return "" if value is None else repr(value)
