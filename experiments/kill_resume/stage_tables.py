"""Kills of the other commands as csv and as the tables of the README."""

from collections.abc import Mapping, Sequence
from dataclasses import astuple, fields
from pathlib import Path
from typing import Any

from moments import TERMINATION
from stage_cases import COMMAND, GROUP, KILL, STAGE_CASES, WORKER
from stage_trials import PARTS, StageKill, StageResult
from tables import KILLS_NAME

from spoonful.files.tables import markdown, put_between, read_csv, write_csv

STAGE_KILLS_NAME = "stage_kills.csv"
STAGES_NAME = "stages.csv"
AT_CHANGE = "at a change of the disk"
_VICTIMS = (COMMAND, WORKER, GROUP)


def write_results(folder: Path, results: Sequence[StageResult]) -> None:
    """Write stage_kills.csv and stages.csv; what they hold of other cases stays."""
    names = [field.name for field in fields(StageKill)]
    kills = {r.case: [astuple(kill) for kill in r.kills] for r in results}
    rows = {result.case: [_row(result)] for result in results}
    columns = ("case", "seconds", "minutes", "runs", "lives", "refused", "kills", AT_CHANGE)
    for name, header, found in (
        (STAGE_KILLS_NAME, names, kills),
        (STAGES_NAME, [*columns, *_VICTIMS, *PARTS], rows),
    ):
        others: dict[str, list[Any]] = {}
        if (folder / name).is_file():
            for row in read_csv(folder / name):
                others.setdefault(row["case"], []).append([row[column] for column in header])
        known = {**others, **found}
        order = [case.name for case in STAGE_CASES if case.name in known]
        write_csv(folder / name, header, [row for case in order for row in known[case]])


def _row(result: StageResult) -> list[Any]:
    at_changes = sum(kill.moment.startswith("before ") for kill in result.kills)
    counts = [sum(kill.victim == victim for kill in result.kills) for victim in _VICTIMS]
    answers = ["yes" if result.same[part] else "no" for part in PARTS]
    times = [round(result.seconds, 1), round(result.minutes, 1)]
    numbers = [result.trials, result.lives, result.refused, len(result.kills), at_changes]
    return [result.case, *times, *numbers, *counts, *answers]


def publish(folder: Path, readme: Path) -> None:
    """Write the tables between the README's markers."""
    rows = read_csv(folder / STAGES_NAME)
    kills = read_csv(folder / STAGE_KILLS_NAME)
    num_training = sum(k["kind"] != TERMINATION for k in read_csv(folder / KILLS_NAME))
    put_between(readme, "stages total", _total(rows, kills, num_training))
    put_between(readme, "stages", _kills_table(rows))
    put_between(readme, "stages held", _parts_table(rows))


def _total(
    rows: Sequence[Mapping[str, str]], kills: Sequence[Mapping[str, str]], num_training: int
) -> str:
    num_good = sum(all(row[part] == "yes" for part in PARTS) for row in rows)
    longest = max(float(kill["alive_s"]) for kill in kills)
    num_killed = sum(kill["signal"] == KILL.name for kill in kills)
    minutes = sum(float(row["minutes"]) for row in rows)
    return (
        f"{num_killed} SIGKILLs and {len(kills) - num_killed} other signals in "
        f"{sum(int(row['runs']) for row in rows)} runs of {len(rows)} commands, in {minutes:.0f} "
        f"min; with those of training {num_killed + num_training} SIGKILLs: {num_good} of "
        f"{len(rows)} commands hold in all parts; the last process of a killed command was gone "
        f"after {longest:g} s at the latest."
    )


def _kills_table(rows: Sequence[Mapping[str, str]]) -> str:
    titles = {case.name: case.title for case in STAGE_CASES}
    names = ("seconds", "runs", "kills", AT_CHANGE, *_VICTIMS)
    table = [[row["case"], titles[row["case"]], *(row[name] for name in names)] for row in rows]
    sums = [str(sum(int(row[name]) for row in rows)) for name in names[1:]]
    return markdown(("case", "what it is", *names), [*table, ["all", "", "", *sums]], num_texts=2)


def _parts_table(rows: Sequence[Mapping[str, str]]) -> str:
    shown = [
        [row["case"], *("yes" if row[part] == "yes" else "**no**" for part in PARTS)]
        for row in rows
    ]
    return markdown(["case", *PARTS], shown)
