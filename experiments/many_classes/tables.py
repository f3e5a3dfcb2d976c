"""The table and the comparison of the README, from points.csv."""

import statistics
from pathlib import Path

from scipy import stats

from spoonful.files.tables import markdown, put_between, read_csv


def publish(path: Path, readme: Path) -> None:
    """Write the table between the README's markers."""
    accuracies: dict[tuple[str, str], list[float]] = {}
    for row in read_csv(path):
        found = accuracies.setdefault((row["order"], row["batch_size"]), [])
        found.append(100 * float(row["val_accuracy"]))
    orders = list(dict.fromkeys(order for order, _ in accuracies))
    sizes = list(dict.fromkeys(size for _, size in accuracies))
    header = ("validation accuracy, %", *(f"batch {size}" for size in sizes))
    rows = [
        (order, *(_spread(accuracies.get((order, size))) for size in sizes)) for order in orders
    ]
    for order in orders[1:]:
        pairs = [(accuracies.get((order, size)), accuracies["full", size]) for size in sizes]
        rows.append((f"{order}, less full", *(_difference(*pair) for pair in pairs)))
    put_between(readme, "accuracy", markdown(header, rows))


def _spread(values: list[float] | None) -> str:
    if values is None:
        return "not run"
    return f"{statistics.fmean(values):.2f} ± {statistics.stdev(values):.2f}"


def _difference(values: list[float] | None, others: list[float]) -> str:
    """Return the mean difference with its 95 % interval (Welch's t)."""
    if values is None:
        return "not run"
    interval = stats.ttest_ind(values, others, equal_var=False).confidence_interval()
    difference = statistics.fmean(values) - statistics.fmean(others)
    return f"{difference:+.2f} ({interval.low:+.2f} to {interval.high:+.2f})"
