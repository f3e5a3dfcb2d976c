"""The tables of the README, from quality.csv."""

import statistics
from pathlib import Path

from orders import CASES, Data, imagenet, mnist

from spoonful.files.tables import markdown, put_between, read_csv

_FAST = 100_000  # images a second: a single layer on two cores


class Results:
    """What quality.csv holds.

    Args:
        path: of quality.csv.
    """

    def __init__(self, path: Path) -> None:
        self._rows = read_csv(path)

    def values(self, column: str, labels: str, order: str, batch_size: int) -> list[float]:
        """Return a column's values, epoch after epoch."""
        wanted = (labels, order, str(batch_size))
        return [
            float(row[column])
            for row in self._rows
            if (row["labels"], row["order"], row["batch_size"]) == wanted
        ]

    def mean(self, column: str, order: str, batch_size: int = 32, labels: str = "mnist") -> float:
        """Return the mean over the epochs."""
        return statistics.fmean(self.values(column, labels, order, batch_size))


def publish(path: Path, readme: Path) -> None:
    """Write the tables between the README's markers."""
    results = Results(path)
    put_between(readme, "quality", _quality_table(results, mnist()))
    put_between(readme, "quality_large", _quality_table(results, imagenet()))
    put_between(readme, "cost", _cost_table(results))


def _quality_table(results: Results, data: Data) -> str:
    n = len(data.labels)
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
        chi2 = [results.mean("class_chi2", case.name, size, data.name) for size in (32, 256)]
        repeated = results.mean("repeated_neighbours", case.name, labels=data.name)
        rows.append(
            (
                case.name,
                f"{results.mean('displacement', case.name, labels=data.name):.3f}",
                *(f"{value:.2f}" for value in chi2),
                _worth(256, chi2[1]),
                f"{repeated * n:,.1f}",
            )
        )
    return markdown(names, rows)


def _worth(batch_size: int, chi2: float) -> str:
    """Say how many images drawn at random tell as much of the classes as a batch does."""
    worth = batch_size / chi2
    return f"{worth:.3g} images" if worth < 1.5 * batch_size else f"more than {batch_size} images"


def _cost_table(results: Results) -> str:
    names = (
        "order",
        mnist().title,
        imagenet().title,
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
    return markdown(names, rows)
