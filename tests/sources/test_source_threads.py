"""Reads of a source in several threads and processes."""

import pickle
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful import BatchGenerator
from spoonful.sources import read_in_turn
from tests.sources.test_source import IMAGES, Reading, refusal


class Overlapping(Reading):
    """Notes how many of its reads happen at the same time."""

    num_reading = most = 0

    def read(self, indices: Any) -> NDArray[np.uint8]:
        self.num_reading += 1
        self.most = max(self.most, self.num_reading)
        time.sleep(0.002)
        self.num_reading -= 1
        return super().read(indices)


@pytest.mark.parametrize(("useful", "overlaps"), [(1, False), (4, True)])
def test_reads_overlap_only_where_the_source_takes_threads(useful: int, overlaps: bool) -> None:
    source = Overlapping()
    source.max_useful_threads = useful
    one, other = (BatchGenerator(source, 2, seed=seed, num_threads=3) for seed in (1, 2))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda g: [g.stream()[step] for step in range(15)], (one, other)))
        list(pool.map(one.batch, range(20)))
    assert (source.most > 1) == overlaps


def test_a_read_that_never_ends_does_not_block_the_others_for_good(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("spoonful.sources.source._LIMIT_S", 0.05)
    gate, is_reading = threading.Event(), threading.Event()

    class Stuck(Reading):
        def read(self, indices: Any) -> NDArray[np.uint8]:
            is_reading.set()
            assert gate.wait(30)
            return super().read(indices)

    source = Stuck()
    first = threading.Thread(target=lambda: read_in_turn(source, np.arange(1), IMAGES[:1].copy()))
    first.start()
    assert is_reading.wait(30)
    message = refusal(lambda: BatchGenerator(source, 1).batch(0))
    gate.set()
    first.join()
    assert "Stuck: another thread has been reading from it for 0.05 s" in message


def test_a_source_that_was_read_can_be_sent_to_another_process() -> None:
    source = Reading()
    BatchGenerator(source, 4).batch(0)
    copy = pickle.loads(pickle.dumps(source))
    assert np.array_equal(copy.read([3, 1]), IMAGES[[3, 1]])
    assert copy.fingerprint == source.fingerprint
