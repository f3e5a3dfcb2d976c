"""A strip a case: where in the training each life was ended."""

from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from moments import KINDS
from tables import CASES_NAME, KILLS_NAME

from spoonful.files.tables import read_csv

_COLOURS = ("#8d99ae", "#2a9d8f", "#d1495b", "#264653", "#e9c46a")
_SPREAD = 0.3  # so that kinds do not hide each other


def write_figure(folder: Path) -> None:
    """Draw kills.png from the tables that lie in a folder.

    Args:
        folder: holds kills.csv and cases.csv.
    """
    num_steps = {row["case"]: int(row["steps"] or 0) for row in read_csv(folder / CASES_NAME)}
    kills = read_csv(folder / KILLS_NAME)
    cases = list(dict.fromkeys(kill["case"] for kill in kills))
    figure = Figure(figsize=(9, 1.5 + 0.55 * len(cases)), layout="constrained")
    axes = figure.add_subplot()
    for number, (kind, colour) in enumerate(zip(KINDS, _COLOURS, strict=True)):
        own = [kill for kill in kills if kill["kind"] == kind]
        places = [int(kill["checkpoint_step"]) / num_steps[kill["case"]] for kill in own]
        heights = [cases.index(kill["case"]) + _shift(number) for kill in own]
        axes.scatter(places, heights, s=22, color=colour, label=f"{kind} ({len(own)})")
    axes.set_yticks(range(len(cases)), cases)
    axes.set_xlim(-0.03, 1.03)
    axes.set_ylim(len(cases) - 0.5, -0.5)
    axes.set_xlabel("newest checkpoint when the process was ended, as a share of all steps")
    axes.spines[["top", "right"]].set_visible(False)
    figure.legend(loc="outside upper center", ncols=len(KINDS), fontsize=8, frameon=False)
    FigureCanvasAgg(figure)
    figure.savefig(folder / "kills.png", dpi=100, metadata={"Software": None})


def _shift(number: int) -> float:
    """Return how far a kind stands from the middle of its case."""
    return _SPREAD * (number / (len(KINDS) - 1) - 0.5)
