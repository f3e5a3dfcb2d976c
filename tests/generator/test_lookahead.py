import threading
import time
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful import ArraySource, BatchGenerator
from spoonful.errors import SpoonfulError
from spoonful.generator.lookahead import IDLE_S
from spoonful.generator.read_errors import ReadError
from spoonful.generator.stream import BatchStream

NUM_EXAMPLES = 100
BATCH = 8
STEPS = 13  # the last one of 4


def read_all(stream: BatchStream, first: int, stop: int) -> None:
    for step in range(first, stop):
        stream[step]


def reader_threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "spoonful-reader"]


def wait_for_no_threads(limit_s: float = 20.0) -> None:
    deadline = time.monotonic() + limit_s
    while reader_threads():
        assert time.monotonic() < deadline, "a reading thread is left"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Any:
    yield
    wait_for_no_threads()


class Watched(ArraySource):
    """Keeps what is read, waits at a gate if there is one, and fails where it is told to."""

    def __init__(self) -> None:
        images = np.random.default_rng(0).integers(0, 256, (NUM_EXAMPLES, 4, 4, 1), dtype=np.uint8)
        super().__init__(images, np.arange(NUM_EXAMPLES) % 3)
        self.seen: list[int] = []
        self.gate: threading.Event | None = None
        self.broken: set[int] = set()
        self.failure: Exception = SpoonfulError("shoes/7.jpg: not a readable jpg image")

    def read_into(self, indices: Sequence[int] | NDArray[Any], images: NDArray[np.uint8]) -> None:
        self.seen += [int(index) for index in indices]
        if self.gate is not None:
            assert self.gate.wait(30)
        if self.broken & {int(index) for index in indices}:
            raise self.failure
        super().read_into(indices, images)


def generator_of(source: ArraySource, **settings: Any) -> BatchGenerator:
    return BatchGenerator(source, BATCH, **{"shuffle": "none", "num_threads": 2, **settings})


@settings(deadline=None, derandomize=True, max_examples=60)
@given(
    num_threads=st.sampled_from([0, 1, 2, 8]),
    prefetch_batches=st.none() | st.integers(1, 9),
    shuffle=st.sampled_from(["none", "full", "block", "buffer", "balanced"]),
    dtype=st.sampled_from(["uint8", "float32"]),
    starts=st.lists(st.tuples(st.integers(0, 3 * STEPS), st.integers(1, 20)), max_size=4),
)
def test_threads_and_look_ahead_change_no_byte(
    num_threads: int,
    prefetch_batches: int | None,
    shuffle: str,
    dtype: str,
    starts: list[tuple[int, int]],
) -> None:
    generator = generator_of(
        Watched(),
        shuffle=shuffle,
        dtype=dtype,
        num_threads=num_threads,
        prefetch_batches=prefetch_batches,
    )
    stream = generator.stream()
    for start, count in starts:
        for step in range(start, start + count):
            x, y = stream[step]
            expected_x, expected_y = generator.batch(step)
            assert x.tobytes() == expected_x.tobytes()
            assert y.tobytes() == expected_y.tobytes()
    stream.close()


@pytest.mark.parametrize("prefetch_batches", [1, 2, 5])
def test_no_more_is_read_ahead_than_allowed(prefetch_batches: int) -> None:
    source = Watched()
    stream = generator_of(source, prefetch_batches=prefetch_batches).stream()
    for step in range(6):
        stream[step]
        wait_for_no_threads()  # they end when all is read that may be
        chunk_steps = max(1, prefetch_batches // 2)
        most = (step + 1 + prefetch_batches + chunk_steps - 1) * BATCH
        assert (step + 1) * BATCH <= len(source.seen) <= most
    assert len(source.seen) > 6 * BATCH  # it did read ahead
    stream.close()


def test_however_much_memory_there_is_a_few_epochs_are_read_ahead() -> None:
    source = Watched()
    generator = generator_of(source, ram_budget_mb=1e308)
    stream = generator.stream()
    stream[0]
    wait_for_no_threads()
    assert len(source) < len(source.seen) <= 6 * len(source)
    stream.close()


def test_the_memory_budget_bounds_reading_ahead() -> None:
    source = Watched()
    batch_mb = BATCH * 16 / 2**20
    stream = generator_of(source, ram_budget_mb=4.5 * batch_mb).stream()
    stream[0]
    wait_for_no_threads()
    assert BATCH * 2 <= len(source.seen) <= BATCH * 4
    stream.close()


def test_permuted_batches_are_not_read_ahead() -> None:
    source = Watched()
    generator = generator_of(source)
    for index in (5, 2, 9, 0):
        generator[index]
    wait_for_no_threads()
    assert len(source.seen) == 4 * BATCH
    generator[1]  # the second in a row
    wait_for_no_threads()
    assert len(source.seen) > 5 * BATCH


def test_a_finite_epoch_is_not_read_beyond_its_end() -> None:
    source = Watched()
    generator = generator_of(source, shuffle="full")
    for _ in generator:
        pass
    wait_for_no_threads()
    assert sorted(source.seen) == list(range(NUM_EXAMPLES))


@pytest.mark.parametrize("num_threads", [0, 1, 2])
@pytest.mark.parametrize("failure", [SpoonfulError("7.jpg: cut short"), OSError("disk gone")])
def test_a_failed_read_names_the_batch_its_image_and_the_cause(
    num_threads: int, failure: Exception
) -> None:
    source = Watched()
    source.broken, source.failure = {43}, failure
    stream = generator_of(source, num_threads=num_threads, prefetch_batches=1).stream()
    for step in range(5):
        stream[step]
    with pytest.raises(SpoonfulError) as caught:
        stream[5]
    text = str(caught.value)
    assert text.startswith("batch 5 of epoch 1 (step 5) cannot be read: ")
    assert str(failure) in text
    assert "images example 43" in text
    assert caught.value.__cause__ is failure
    source.broken = set()
    assert np.array_equal(stream[5][0], source.read(range(40, 48)))  # it can be asked again
    stream.close()


def test_the_batch_at_fault_is_named_within_a_chunk_of_many() -> None:
    source = Watched()
    source.broken = {60}
    stream = generator_of(source, num_threads=1, prefetch_batches=100).stream()
    with pytest.raises(SpoonfulError, match=r"batch 7 of epoch 1 \(step 7\).*images example 60"):
        read_all(stream, 0, STEPS)
    stream.close()


@pytest.mark.parametrize("num_threads", [0, 2])
def test_the_batches_before_one_that_cannot_be_read_are_served(num_threads: int) -> None:
    source = Watched()
    source.broken = {60}
    generator = generator_of(source, num_threads=num_threads, prefetch_batches=100)
    stream = generator.stream()
    for step in range(7):
        stream[step]
    with pytest.raises(ReadError) as caught:
        stream[7]
    assert caught.value.step == 7
    stream.close()


@pytest.mark.parametrize("num_threads", [1, 2])
def test_a_read_that_hangs_ends_with_one_error(num_threads: int) -> None:
    source = Watched()
    stream = generator_of(
        source, num_threads=num_threads, read_timeout_s=0.3, prefetch_batches=2
    ).stream()
    stream[0]
    source.gate = threading.Event()
    words = r"of epoch \d \(step \d+\) was not read within read_timeout_s=0\.3 \(images example"
    try:
        with pytest.raises(SpoonfulError, match=words):
            read_all(stream, 1, 10 * STEPS)
    finally:
        source.gate.set()
    stream.close()


def test_a_slow_read_in_the_calling_thread_is_an_error_too() -> None:
    source = Watched()
    stream = generator_of(source, num_threads=0, read_timeout_s=0.05).stream()
    source.gate = threading.Event()
    threading.Timer(0.2, source.gate.set).start()
    with pytest.raises(SpoonfulError, match=r"was not read within read_timeout_s=0\.05"):
        stream[0]


def test_threads_that_nobody_asks_end_by_themselves() -> None:
    stream = generator_of(Watched()).stream()
    stream[0]
    wait_for_no_threads(IDLE_S + 10)
    stream[1]  # and it goes on
    stream.close()
    assert not reader_threads()


@pytest.mark.parametrize("end", ["close", "on_epoch_end"])
def test_threads_are_gone_when_an_epoch_or_the_stream_ends(end: str) -> None:
    stream = generator_of(Watched(), num_threads=8).stream()
    for step in range(3):
        stream[step]
    getattr(stream, end)()
    assert not reader_threads()
    stream.on_epoch_begin()
    x, _ = stream[3]
    assert np.array_equal(x, Watched().read(range(24, 32)))
    stream.close()


def test_one_who_waits_is_told_when_the_stream_is_closed() -> None:
    source = Watched()
    source.gate = threading.Event()
    stream = generator_of(source).stream()
    outcome: list[Exception] = []

    def ask() -> None:
        try:
            stream[0]
        except SpoonfulError as error:
            outcome.append(error)

    asking = threading.Thread(target=ask)
    asking.start()
    while not source.seen:
        time.sleep(0.01)
    closing = threading.Thread(target=stream.close)
    closing.start()
    asking.join(20)
    source.gate.set()
    closing.join(20)
    assert len(outcome) == 1
    assert "closed" in str(outcome[0])


def test_a_batch_that_is_kept_is_not_written_over() -> None:
    stream = generator_of(Watched(), shuffle="full", prefetch_batches=2).stream()
    kept = [stream[step] for step in range(3 * STEPS)]
    generator = generator_of(Watched(), shuffle="full")
    for step, (x, y) in enumerate(kept):
        expected_x, expected_y = generator.batch(step)
        assert np.array_equal(x, expected_x)
        assert np.array_equal(y, expected_y)
    stream.close()
