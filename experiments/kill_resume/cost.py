"""Measure what checkpoints and the ledger cost; publish results/cost.csv and the README's table.

    SPOONFUL_MIRROR=FOLDER python experiments/kill_resume/cost.py [--pairs 5] [--quick]

Two ways: the seconds spent in them, timed from within; and trainings with and without, in turns.
With --quick nothing is published.
"""

import argparse
import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scratch import Scratch
from timed import VARIANTS

from spoonful.files.tables import markdown, put_between, read_csv, write_csv

_HERE = Path(__file__).resolve().parent
_TIMED = str(_HERE / "timed.py")
_LIMIT_S = 1800.0
_DEFAULT_MINUTES = 5  # trainer.checkpoint_every_minutes

Times = dict[str, list[float]]


@dataclass(frozen=True)
class Training:
    """What is trained on MNIST.

    Attributes:
        name: in the tables.
        overrides: of the config.
        epochs: how many.
    """

    name: str
    overrides: tuple[str, ...]
    epochs: int


_ARTICLE = ("experiment=article_mnist", "source=packed")
TRAININGS = (
    Training("the article's network, batch 128", _ARTICLE, 2),
    Training(
        "one layer, batch 32",
        (*_ARTICLE, "generator.batch_size=32", "model=mlp", "model.num_units=[]"),
        40,
    ),
)

# Of one training with checkpoints and ledger: name, unit, value.
QUANTITIES: tuple[tuple[str, str, Callable[[Times], float]], ...] = (
    ("speed", "images/s", lambda t: statistics.median(t["images_per_s"])),
    ("training", "s", lambda t: t["fit_s"][0]),
    ("checkpoints", "", lambda t: len(t["checkpoint_s"])),
    ("a checkpoint's size", "MB", lambda t: statistics.median(t["checkpoint_bytes"]) / 1e6),
    ("writing a checkpoint", "ms", lambda t: 1e3 * statistics.median(t["checkpoint_s"])),
    ("of that its files", "ms", lambda t: 1e3 * statistics.median(t["files_s"])),
    (
        "checkpoints' share of this training",
        "%",
        lambda t: 100 * sum(t["checkpoint_s"]) / t["fit_s"][0],
    ),
    (
        "one every 5 minutes",
        "%",
        lambda t: 100 * statistics.median(t["checkpoint_s"]) / (60 * _DEFAULT_MINUTES),
    ),
    ("ledger, an image", "ns", lambda t: 1e9 * _ledger_s(t) / sum(t["digest_images"])),
    ("ledger's share of the epochs", "%", lambda t: 100 * _ledger_s(t) / sum(t["epoch_s"])),
)
RATIO = "both: time with them / without"
_COLUMNS = ("training", "quantity", "unit", "median", "lowest", "highest", "runs")


def main() -> int:
    """Measure and publish."""
    arguments = _arguments()
    data = arguments.data.resolve()
    scratch = Scratch(data / "cost-project")
    scratch.make("dataset=mnist")
    rows: list[list[Any]] = []
    for training in TRAININGS:
        epochs = 1 if arguments.quick else training.epochs
        rows += _measure(training, scratch, arguments.pairs, epochs)
    folder = data if arguments.quick else _HERE / "results"
    write_csv(folder / "cost.csv", _COLUMNS, rows)
    print("\n".join(str(row) for row in rows))
    if not arguments.quick:
        put_between(_HERE / "README.md", "cost", table(read_csv(folder / "cost.csv")))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5, help="trainings with and without")
    parser.add_argument("--quick", action="store_true", help="one epoch of each")
    data = _HERE.parents[1] / "data" / "bench" / "kill_resume"
    parser.add_argument("--data", type=Path, default=data, help="holds the scratch project")
    return parser.parse_args()


def _measure(training: Training, scratch: Scratch, num_pairs: int, epochs: int) -> list[list[Any]]:
    """Train in pairs, which takes out what the machine does meanwhile."""
    measured: list[Times] = []
    ratios = []
    for pair in range(num_pairs):
        # Whoever comes first may find the machine cooler: they take turns.
        order = VARIANTS if pair % 2 == 0 else tuple(reversed(VARIANTS))
        found = {variant: _train(training, scratch, variant, epochs) for variant in order}
        measured.append(found["with"])
        ratios.append(found["with"]["fit_s"][0] / found["without"]["fit_s"][0])
        print(
            f"{training.name} {pair + 1}/{num_pairs}: with / without {ratios[-1]:.4f}", flush=True
        )
    rows = [
        _row(training.name, name, unit, [value(times) for times in measured])
        for name, unit, value in QUANTITIES
    ]
    return [*rows, _row(training.name, RATIO, "", ratios)]


def _train(training: Training, scratch: Scratch, variant: str, epochs: int) -> Times:
    path = scratch.root / "times.json"
    path.unlink(missing_ok=True)
    overrides = (*training.overrides, f"trainer.epochs={epochs}")
    command = [sys.executable, _TIMED, str(path), variant, "train", *overrides]
    subprocess.run(
        command, cwd=scratch.root, check=True, stdout=subprocess.DEVNULL, timeout=_LIMIT_S
    )
    times: Times = json.loads(path.read_text(encoding="utf-8"))
    return times


def _ledger_s(times: Times) -> float:
    return sum(sum(times[name]) for name in ("digests_s", "chain_s", "weights_s"))


def _row(training: str, name: str, unit: str, values: Sequence[float]) -> list[Any]:
    shown = (statistics.median(values), min(values), max(values))
    return [training, name, unit, *(f"{value:.5g}" for value in shown), len(values)]


def table(rows: Sequence[dict[str, str]]) -> str:
    """Write the README's table: a row a quantity, a column a training."""
    names = list(dict.fromkeys(row["training"] for row in rows))
    quantities = list(dict.fromkeys((row["quantity"], row["unit"]) for row in rows))
    found = {(row["training"], row["quantity"]): row for row in rows}
    lines = []
    for quantity, unit in quantities:
        own = [found[name, quantity] for name in names]
        values = [f"{r['median']} ({r['lowest']} to {r['highest']})" for r in own]
        lines.append([f"{quantity}, {unit}" if unit else quantity, *values])
    return markdown([f"median of {rows[0]['runs']} (lowest to highest)", *names], lines)


if __name__ == "__main__":
    sys.exit(main())
