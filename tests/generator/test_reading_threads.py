"""How many threads read, and how it is known that they wait for the storage."""

import pytest

from spoonful.generator.reading_threads import ReadingThreads
from spoonful.sources.storage_wait import StorageWait, num_preempted


class Given(StorageWait):
    """A wait that is not measured."""

    def __init__(self, wait_s: float) -> None:
        super().__init__()
        self.given_s = wait_s

    @property
    def wait_s(self) -> float:
        return self.given_s


@pytest.mark.parametrize(("wait_ms", "threads"), [(0.0, 1), (1.0, 21), (3.0, 61), (100.0, 256)])
def test_the_number_follows_from_waiting_and_computing(wait_ms: float, threads: int) -> None:
    reading = ReadingThreads(1, 256, Given(wait_ms / 1000))
    for now in range(100):
        reading.note(10, 1.0, 10 * 0.1e-3, now)
    assert reading.allowed == threads


def test_the_number_falls_again_where_nothing_waits_for_the_storage() -> None:
    wait = Given(1.0)
    reading = ReadingThreads(2, 256, wait)
    reading.note(10, 0.1, 0.001, 0.0)
    assert reading.allowed == 256
    wait.given_s = 0.0
    numbers = []
    for tenth in range(1, 100):
        reading.note(10, 0.1, 0.001, tenth / 10)
        numbers.append(reading.allowed)
    assert numbers == sorted(numbers, reverse=True)
    assert numbers[0] > 200
    assert numbers[-1] == 2


@pytest.mark.parametrize(
    ("reads", "pause_s", "wait_s"),
    [
        ([1e-5], 0.1e-3, 0.0),  # the page cache
        ([3e-3], 0.1e-3, 2.9e-3),  # a disk
        ([3e-3] + [1e-5] * 9, 0.1e-3, 0.29e-3),  # a tenth is not in the page cache
        ([3e-3], 2.5e-3, 0.0),  # Python's lock
        ([3e-3] + [1e-5] * 99, 0.1e-3, 0.0),  # a processor that is lost at times
        ([60.0] + [1e-5] * 99, 0.1e-3, 0.0),  # a read that was stuck
    ],
)
def test_waiting_for_pythons_lock_or_a_processor_is_not_waiting_for_the_storage(
    reads: list[float], pause_s: float, wait_s: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Clock(pause_s)
    monkeypatch.setattr("spoonful.sources.storage_wait.time", clock)
    wait = StorageWait()
    for number in range(1000):
        wait.note(num_preempted(), reads[number % len(reads)])
    assert wait.wait_s == pytest.approx(wait_s, rel=0.3)


def test_a_read_in_which_the_processor_was_taken_away_says_nothing() -> None:
    wait = StorageWait()
    for _ in range(100):
        wait.note(num_preempted() - 1, 3e-3)
    assert wait.wait_s == 0.0


class Clock:
    """Takes the place of the time module: a pause of any length takes the same time."""

    def __init__(self, pause_s: float) -> None:
        self._pause_s, self._now = pause_s, 0.0

    def perf_counter(self) -> float:
        return self._now

    def sleep(self, _: float) -> None:
        self._now += self._pause_s
