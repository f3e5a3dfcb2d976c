"""Measure how well each order mixes class-sorted data and what that costs; publish the tables.

python experiments/shuffle_quality/run.py
"""

import sys
import time
from collections.abc import Iterator
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from figure import write_figure
from orders import CASES, Case, Data, imagenet, mnist, order_of
from tables import publish

from spoonful.files.tables import write_csv
from spoonful.order.quality import CLASS_CHI2, DISPLACEMENT, REPEATED_NEIGHBOURS, ShuffleQuality

_HERE = Path(__file__).resolve().parent
_BATCH_SIZES = (32, 256)
_EPOCHS = {"mnist": 50, "imagenet": 5}  # after the first, which has none before it


@dataclass(frozen=True)
class Row:
    """One epoch of one order.

    Attributes:
        ns_per_image: CPU time of all three metrics, ns an image of the epoch.
    """

    labels: str
    order: str
    batch_size: int
    epoch: int
    displacement: float
    class_chi2: float
    repeated_neighbours: float
    ns_per_image: float


def main() -> int:
    """Measure, write results/ and the README's tables."""
    begin = time.monotonic()
    rows = [
        row
        for data in (mnist(), imagenet())
        for case in CASES
        for batch_size in _BATCH_SIZES
        for row in _rows(data, case, batch_size)
    ]
    path = _HERE / "results" / "quality.csv"
    names = [field.name for field in fields(Row)]
    write_csv(path, names, (astuple(row) for row in rows))
    publish(path, _HERE / "README.md")
    write_figure(path, _HERE / "results" / "quality.png")
    print(f"{time.monotonic() - begin:.0f} s, tables in {_HERE / 'README.md'}")
    return 0


def _rows(data: Data, case: Case, batch_size: int) -> Iterator[Row]:
    name, labels = data.name, data.labels
    quality = ShuffleQuality(order_of(case, data), labels, batch_size)
    quality(0)
    for epoch in range(1, _EPOCHS[name] + 1):
        begin = time.thread_time()
        found = quality(epoch)
        ns = (time.thread_time() - begin) / len(labels) * 1e9
        values = [found[metric] for metric in (DISPLACEMENT, CLASS_CHI2, REPEATED_NEIGHBOURS)]
        yield Row(name, case.name, batch_size, epoch, *values, ns_per_image=round(ns, 1))
    print(f"{name}, {case.name}, batch {batch_size}: {values}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
