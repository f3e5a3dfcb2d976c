"""Kills and cases as csv and as the tables of the README."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from cases import CASES
from moments import KINDS, TERMINATION
from trials import Kill, Result

from spoonful.files.tables import markdown, put_between, read_csv, write_csv

KILLS_NAME = "kills.csv"
CASES_NAME = "cases.csv"
CONTROL = "another seed, as a control"
OVER = "-1"  # killed after the run had FINISHED: no next life
_PARTS = ("weights", "optimizer", "callbacks", "history", "ledger", "files", "mlflow")


def write_results(folder: Path, results: Sequence[Result], control: Mapping[str, bool]) -> None:
    """Write kills.csv and cases.csv."""
    names = [field.name for field in fields(Kill)]
    kills = [astuple(kill) for result in results for kill in result.kills]
    write_csv(folder / KILLS_NAME, names, kills)
    rows = [_case_row(result) for result in results]
    rows.append([CONTROL, "", "", "", 1, *(0 for _ in KINDS), *_answers(control)])
    columns = ("case", "epochs", "steps", "runs", "lives", *KINDS, *_PARTS)
    write_csv(folder / CASES_NAME, columns, rows)


def _case_row(result: Result) -> list[Any]:
    kinds = Counter(kill.kind for kill in result.kills)
    counts = [kinds[kind] for kind in KINDS]
    facts = [result.case, result.epochs, result.steps, result.runs, result.lives]
    return [*facts, *counts, *_answers(result.same)]


def _answers(same: Mapping[str, bool]) -> list[str]:
    return ["yes" if same[part] else "no" for part in _PARTS]


def publish(folder: Path, readme: Path, minutes: float) -> None:
    """Write the tables between the README's markers."""
    rows = read_csv(folder / CASES_NAME)
    kills = read_csv(folder / KILLS_NAME)
    put_between(readme, "total", _total(rows, kills, minutes))
    put_between(readme, "kills", _kills_table(rows))
    put_between(readme, "cases", _parts_table(rows))


def _total(
    rows: Sequence[Mapping[str, str]], kills: Sequence[Mapping[str, str]], minutes: float
) -> str:
    own = [row for row in rows if row["case"] != CONTROL]
    num_killed = sum(kill["kind"] != TERMINATION for kill in kills)
    num_runs = sum(int(row["runs"]) for row in own)
    same = sum(all(row[part] == "yes" for part in _PARTS) for row in own)
    lost = sum(
        int(kill["resumed_at_step"]) < int(kill["checkpoint_step"])
        for kill in kills
        if kill["resumed_at_step"] != OVER
    )
    return (
        f"{num_killed} SIGKILLs and {len(kills) - num_killed} SIGTERMs in {num_runs} runs of "
        f"{len(own)} cases, in {minutes:.0f} min: {same} of {len(own)} cases are identical in all "
        f"parts; {lost} times the next life passed over a checkpoint."
    )


def _kills_table(rows: Sequence[Mapping[str, str]]) -> str:
    titles = {case.name: case.title for case in CASES}
    own = [row for row in rows if row["case"] != CONTROL]
    names = ("case", "what it tries", "epochs", "steps", "runs", "lives")
    table = [
        [row["case"], titles[row["case"]], *(row[n] for n in names[2:]), *(row[k] for k in KINDS)]
        for row in own
    ]
    sums = [sum(int(row[name]) for row in own) for name in ("runs", "lives", *KINDS)]
    return markdown([*names, *KINDS], [*table, ["all", "", "", "", *sums]], num_texts=2)


def _parts_table(rows: Sequence[Mapping[str, str]]) -> str:
    shown = [
        [row["case"], *("yes" if row[part] == "yes" else "**no**" for part in _PARTS)]
        for row in rows
    ]
    return markdown(["case", *_PARTS], shown)
