"""What it costs to check the shards of a packed split while the first epoch reads them.

    python experiments/throughput/check_cost.py [--only CASE ...] [--pairs 11] [--publish]

Trains first epochs of a one-layer model, of which reading is the largest share, as the trainer
does: in turn with `source.verify_shards` and without, in one process. Prints how much longer one
takes with the check: in time, and in processor time (of all threads), which tells more on a busy
machine. The stores are read, not loaded, as larger ones would be. A training pays for the check in
its first epoch alone.
"""

import argparse
import os
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from cases import STEPS_PER_EXECUTION
from contenders.fit import fit_as_trainer, one_layer_model
from layout import BenchData
from machine import hardware

from spoonful.files.tables import put_between
from spoonful.project import project_root

_README = Path(__file__).resolve().parent / "README.md"
Pair = tuple[float, float, float]  # s without the check; % of time, of processor time with it


@dataclass(frozen=True)
class Case:
    """First epochs on one store.

    Attributes:
        title: in plain words.
        store: the packed split.
        batch_size: examples a step.
    """

    title: str
    store: str
    batch_size: int


_CASES: dict[str, Case] = {
    "mnist": Case("MNIST", "mnist", 128),
    "photos-jpeg": Case("photographs as JPEG", "photos-jpeg", 32),
    "photos-raw": Case("photographs as pixels", "photos-raw", 32),
}


class Epochs:
    """First epochs of a case; its model is compiled once.

    Args:
        case: which.
        store: the folder of its packed split.
    """

    def __init__(self, case: Case, store: Path) -> None:
        from spoonful import PackedSource

        self._case, self._store = case, store
        self._model = one_layer_model(STEPS_PER_EXECUTION, PackedSource(store).image_shape)

    def run(self, is_checked: bool) -> tuple[float, float]:
        """Train one epoch to the end of its check; return its time and processor time, in s."""
        from spoonful import BatchGenerator, PackedSource
        from spoonful.generator.feed import feed_of
        from spoonful.sources.packed import check as packed_check

        packed_check.forget()
        source = PackedSource(self._store, loaded_mb=0)
        generator = BatchGenerator(source, self._case.batch_size, verify_shards=is_checked)
        begin, begin_processor = time.perf_counter(), time.process_time()
        fit_as_trainer(self._model, generator, 1)
        feed_of(generator).finish_check()
        return time.perf_counter() - begin, time.process_time() - begin_processor


def measured(name: str, epochs: Epochs, num_pairs: int) -> list[Pair]:
    """Run pairs of epochs, the one with the check first in every other pair."""
    epochs.run(False)  # TensorFlow's own beginning
    pairs: list[Pair] = []
    for number in range(num_pairs):
        order = (False, True) if number % 2 else (True, False)
        found = {is_checked: epochs.run(is_checked) for is_checked in order}
        longer = [100 * (found[True][i] / found[False][i] - 1) for i in range(2)]
        pairs.append((found[False][0], longer[0], longer[1]))
        print(
            f"{name} {number + 1}/{num_pairs}: {found[False][0]:.2f} s without, "
            f"{longer[0]:+.2f} % time, {longer[1]:+.2f} % processor time with the check",
            flush=True,
        )
    return pairs


def main() -> None:
    """Print the medians over the pairs of each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=list(_CASES), default=list(_CASES))
    parser.add_argument("--pairs", type=int, default=11)
    parser.add_argument("--publish", action="store_true", help="write the table of the README")
    parser.add_argument("--data", type=Path, default=project_root() / "data" / "bench")
    arguments = parser.parse_args()
    rows = [
        "| first epoch | without the check | longer with it | processor time |",
        "| --- | --- | --- | --- |",
    ]
    for name in arguments.only:
        case = _CASES[name]
        store = BenchData(arguments.data.resolve()).packed(case.store)
        pairs = measured(name, Epochs(case, store), arguments.pairs)
        without, time_, processor = (statistics.median(v) for v in zip(*pairs, strict=True))
        rows.append(f"| {case.title} | {without:.2f} s | {time_:+.1f} % | {processor:+.1f} % |")
    rows += ["", f"Medians of {arguments.pairs} pairs, in turn. {hardware()}."]
    print("\n".join(rows))
    if arguments.publish:
        put_between(_README, "check", "\n".join(rows))


if __name__ == "__main__":
    main()
