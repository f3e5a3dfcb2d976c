"""What it costs to check the shards of a packed split while the first epoch reads them.

    python experiments/throughput/check_cost.py [--only mnist|photos] [--pairs 5] [--steps 0]

Trains first epochs in turn, with `generator.verify_shards` and without, in one process, and prints
how much longer one takes with the check: in time, and in processor time (of all threads), which
tells more on a busy machine. The stores are read, not loaded, as larger ones would be. With --steps
an epoch ends early; the check is of the whole store all the same, and its share is too large.
"""

import argparse
import os
import statistics
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from layout import BenchData

from spoonful.project import project_root

# Store, batch size, overrides of conf/: the article's CNN; on photographs the lightest model.
_CASES: dict[str, tuple[str, int, list[str]]] = {
    "mnist": ("mnist", 128, []),
    "photos": ("photos-jpeg", 32, ["model=mlp"]),
}


class Epochs:
    """First epochs of one model, which is compiled once.

    Args:
        store: the packed split.
        batch_size: examples a step.
        overrides: of the config.
        num_steps: steps an epoch; 0: all.
    """

    def __init__(self, store: Path, batch_size: int, overrides: list[str], num_steps: int) -> None:
        from spoonful import PackedSource
        from spoonful.config.compose import compose_config
        from spoonful.fitting.train import compiled_model

        self._store, self._batch_size = store, batch_size
        source = PackedSource(store)
        self._num_steps = num_steps or -(-len(source) // batch_size)
        config = compose_config(["experiment=throughput", *overrides])
        self._model: Any = compiled_model(config, source, self._num_steps)

    def run(self, is_checked: bool) -> tuple[float, float]:
        """Train one epoch to the end of its check; return its time and processor time, in s."""
        from spoonful import BatchGenerator, PackedSource
        from spoonful.sources import packed_check

        packed_check.forget()
        source = PackedSource(self._store, loaded_mb=0)
        generator = BatchGenerator(source, self._batch_size, verify_shards=is_checked)
        stream = generator.stream()
        begin, begin_processor = time.perf_counter(), time.process_time()
        self._model.fit(stream, steps_per_epoch=self._num_steps, shuffle=False, verbose=0)
        generator.finish_check()
        seconds = time.perf_counter() - begin, time.process_time() - begin_processor
        stream.close()
        return seconds


def main() -> None:
    """Print the medians over the pairs of each case."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=list(_CASES))
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--steps", type=int, default=0)
    parser.add_argument("--data", type=Path, default=project_root() / "data" / "bench")
    arguments = parser.parse_args()
    for name in [arguments.only] if arguments.only else list(_CASES):
        store, *settings = _CASES[name]
        folder = BenchData(arguments.data.resolve()).packed(store)
        epochs = Epochs(folder, *settings, arguments.steps)
        epochs.run(False)  # TensorFlow's own beginning
        longer: list[tuple[float, float]] = []
        for pair in range(arguments.pairs):
            order = (False, True) if pair % 2 else (True, False)
            found = {is_checked: epochs.run(is_checked) for is_checked in order}
            in_time, in_processor = (100 * (found[True][i] / found[False][i] - 1) for i in range(2))
            longer.append((in_time, in_processor))
            print(
                f"{name} {pair + 1}/{arguments.pairs}: {found[False][0]:.2f} s without, "
                f"{in_time:+.2f} % time, {in_processor:+.2f} % processor time with the check",
                flush=True,
            )
        medians = [statistics.median(values) for values in zip(*longer, strict=True)]
        print(f"{name}: median {medians[0]:+.2f} % time, {medians[1]:+.2f} % processor time")


if __name__ == "__main__":
    main()
