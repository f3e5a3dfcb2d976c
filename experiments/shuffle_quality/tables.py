"""The tables of the README, from quality.csv."""

import csv
import statistics
from collections.abc import Iterable, Sequence
from pathlib import Path

from orders import CASES, mnist_labels

_FAST = 100_000  # images a second: a single layer on two cores


class Results:
    """What quality.csv holds.

    Args:
        path: of quality.csv.
    """

    def __init__(self, path: Path) -> None:
        with path.open(encoding="utf-8", newline="") as file:
            self._rows = list(csv.DictReader(file))

    def values(self, column: str, labels: str, order: str, batch_size: int) -> list[float]:
        """Return a column's values, epoch after epoch."""
        wanted = (labels, order, str(batch_size))
        return [
            float(row[column])
            for row in self._rows
            if (row["labels"], row["order"], row["batch_size"]) == wanted
        ]

    def mean(self, column: str, order: str, batch_size: int = 32) -> float:
        """Return the mean over MNIST's epochs."""
        return statistics.fmean(self.values(column, "mnist", order, batch_size))


def publish(path: Path, readme: Path) -> None:
    """Write both tables between the README's markers."""
    results = Results(path)
    _put_between(readme, "quality", _quality_table(results))
    _put_between(readme, "cost", _cost_table(results))


def _quality_table(results: Results) -> str:
    n = len(mnist_labels())
    names = (
        "order",
        "displacement",
        "chi-square, batch 32",
        "chi-square, batch 256",
        "a batch of 256 is worth",
        f"repeated neighbours, in 1/{n:,}",
    )
    rows = []
    for case in CASES:
        chi2 = [results.mean("class_chi2", case.name, batch_size) for batch_size in (32, 256)]
        rows.append(
            (
                case.name,
                f"{results.mean('displacement', case.name):.3f}",
                *(f"{value:.2f}" for value in chi2),
                _worth(256, chi2[1]),
                f"{results.mean('repeated_neighbours', case.name) * n:,.1f}",
            )
        )
    return _markdown(names, rows)


def _worth(batch_size: int, chi2: float) -> str:
    """Say how many images drawn at random tell as much of the classes as a batch does."""
    worth = batch_size / chi2
    return f"{worth:.3g} images" if worth < 1.5 * batch_size else f"more than {batch_size} images"


def _cost_table(results: Results) -> str:
    names = (
        "order",
        "MNIST: 54,000 images, 10 classes",
        "ImageNet: 1,281,167 images, 1,000 classes",
        f"at most this share of a training at {_FAST:,} images/s",
    )
    rows = []
    for case in CASES:
        costs = [
            statistics.median(results.values("ns_per_image", labels, case.name, 32))
            for labels in ("mnist", "imagenet")
        ]
        share = max(costs) * 1e-9 * _FAST
        rows.append((case.name, *(f"{ns:.0f} ns" for ns in costs), f"{share:.1%}"))
    return _markdown(names, rows)


def _put_between(readme: Path, name: str, content: str) -> None:
    """Replace what stands between two markers of the README."""
    text = readme.read_text(encoding="utf-8")
    begin, end = f"<!-- {name}: written by run.py -->", f"<!-- end of {name} -->"
    before, _, rest = text.partition(begin)
    _, found, after = rest.partition(end)
    if not found:
        raise SystemExit(f"{readme.name} lacks the markers of {name}: {begin} ... {end}")
    readme.write_text(f"{before}{begin}\n{content}\n{end}{after}", encoding="utf-8")


def _markdown(names: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(names)} |", "| --- |" + " --: |" * (len(names) - 1)]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])
