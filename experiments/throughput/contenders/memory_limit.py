"""Training on more data than the memory that the process may use."""

import os
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from cases import STEPS_PER_EXECUTION
from layout import BenchData, warm_page_cache

LIMIT_MB = 640  # of which TensorFlow, a one-layer model and batches take 400
TIMES_LIMIT = 10


def training(data: BenchData, batch_size: int, limited: bool, quick: bool) -> float:
    """Train for one epoch in block order; return images/s after the first execution.

    Inside the limit the page cache starts empty, and holds no more than what the limit leaves of
    it; without one it holds all data.
    """
    from cgroup import memory_limit

    store = data.packed("large")
    size = sum(file.stat().st_size for file in store.iterdir())
    assert size >= 0.99 * TIMES_LIMIT * LIMIT_MB * 2**20, f"{store}: only {size} bytes"
    if limited:
        for file in store.iterdir():
            _forget(file)
    else:
        warm_page_cache(store)
    with memory_limit(LIMIT_MB * 2**20) if limited else nullcontext():
        return _trained(data, batch_size)


def _trained(data: BenchData, batch_size: int) -> float:
    import keras

    from contenders.fit import fit_as_trainer, one_layer_model, packed_generator

    class Clock(keras.callbacks.Callback):
        """Note when the executions end."""

        def __init__(self) -> None:
            super().__init__()
            self.ends: list[tuple[int, float]] = []

        def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
            self.ends.append((batch, time.perf_counter()))

    generator = packed_generator(data, "large", batch_size, shuffle="block", drop_remainder=True)
    model = one_layer_model(STEPS_PER_EXECUTION, generator.source.image_shape)
    clock = Clock()
    fit_as_trainer(model, generator, 1, clock)
    (first, begin), (last, end) = clock.ends[0], clock.ends[-1]
    assert last >= len(generator) - 1, f"ended after {last + 1} of {len(generator)} steps"
    return (len(generator) - 1 - first) * batch_size / (end - begin)


def _forget(file: Path) -> None:
    """Take a file out of the page cache."""
    number = os.open(file, os.O_RDONLY)
    os.fsync(number)
    os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
    os.close(number)
