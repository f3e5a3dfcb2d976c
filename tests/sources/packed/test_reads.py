import multiprocessing
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful.sources.packed import reads as packed_reads
from spoonful.sources.packed.aio import AioContext
from spoonful.sources.packed.reads import RangeError, read_ranges

SIZE = 50_000


@pytest.fixture(scope="module")
def content() -> bytes:
    return np.random.default_rng(0).bytes(SIZE)


@pytest.fixture(scope="module")
def descriptor(content: bytes, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    path = tmp_path_factory.mktemp("reads") / "file"
    path.write_bytes(content)
    opened = os.open(path, os.O_RDONLY)
    yield opened
    os.close(opened)


def read(descriptor: int, offsets: list[int], lengths: list[int]) -> NDArray[np.uint8]:
    buffer = np.full(sum(lengths), 7, dtype=np.uint8)
    read_ranges(
        np.full(len(offsets), descriptor), np.array(offsets), np.array(lengths, dtype=int), buffer
    )
    return buffer


RANGES = st.lists(st.tuples(st.integers(0, SIZE - 1), st.integers(1, 9000)), min_size=1, max_size=9)


@pytest.mark.parametrize("repeats", [1, 100])
@pytest.mark.parametrize("has_queues", [True, False])
@given(ranges=RANGES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_ranges_arrive_one_behind_the_other(
    descriptor: int,
    content: bytes,
    has_queues: bool,
    repeats: int,
    ranges: list[tuple[int, int]],
) -> None:
    ranges = [(start, min(length, SIZE - start)) for start, length in ranges] * repeats
    offsets, lengths = [start for start, _ in ranges], [length for _, length in ranges]
    expected = b"".join(content[start : start + length] for start, length in ranges)
    with pytest.MonkeyPatch.context() as patch:
        if not has_queues:
            patch.setattr(packed_reads, "_context", lambda: None)
        assert read(descriptor, offsets, lengths).tobytes() == expected


@pytest.mark.parametrize("has_queues", [True, False])
@pytest.mark.parametrize("length", [100, 9000])
def test_a_range_beyond_the_end_is_named(
    descriptor: int, monkeypatch: pytest.MonkeyPatch, has_queues: bool, length: int
) -> None:
    if not has_queues:
        monkeypatch.setattr(packed_reads, "_context", lambda: None)
    with pytest.raises(RangeError) as caught:
        read(descriptor, [0, 10, SIZE - 60, 20], [length] * 4)
    assert caught.value.place == 2
    assert caught.value.found == f"the file's end after 60 of {length} bytes"
    with pytest.raises(RangeError, match="the file's end after 0"):
        read(descriptor, [2 * SIZE], [length])


@pytest.mark.parametrize("length", [100, 9000])
def test_a_file_that_cannot_be_read_is_an_error(
    descriptor: int, content: bytes, length: int, tmp_path: Path
) -> None:
    unreadable = os.open(tmp_path / "file", os.O_WRONLY | os.O_CREAT)
    files, buffer = np.array([descriptor, unreadable, descriptor]), np.empty(3 * length, np.uint8)
    try:
        with pytest.raises(RangeError, match="Bad file descriptor") as caught:
            read_ranges(files, np.array([5, 0, 9]), np.full(3, length), buffer)
    finally:
        os.close(unreadable)
    assert caught.value.place == 1
    assert read(descriptor, [5], [length]).tobytes() == content[5 : 5 + length]


def has_queues() -> bool:
    try:
        AioContext().close()
    except OSError:
        return False
    return True


needs_queues = pytest.mark.skipif(not has_queues(), reason="the system forbids io_submit")


@needs_queues
def test_small_ranges_are_read_by_few_system_calls(
    descriptor: int, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> int:
        raise AssertionError("a call for one range")

    monkeypatch.setattr(os, "preadv", refused)
    offsets = list(range(0, SIZE - 100, 7))
    expected = b"".join(content[start : start + 100] for start in offsets)
    assert read(descriptor, offsets, [100] * len(offsets)).tobytes() == expected


@needs_queues
def test_what_the_queue_did_not_take_or_fill_is_read_otherwise(
    descriptor: int, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = AioContext._begin
    monkeypatch.setattr(AioContext, "_begin", lambda self, count: real(self, count - 3))
    assert read(descriptor, [0, 5, 9, 30, 2], [10] * 5).tobytes() == b"".join(
        content[start : start + 10] for start in (0, 5, 9, 30, 2)
    )


@needs_queues
def test_an_interrupted_read_gives_its_queue_back(
    descriptor: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[AioContext] = []
    real = AioContext.close

    def close(self: AioContext) -> None:
        closed.append(self)
        real(self)

    def interrupted(self: AioContext, count: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(packed_reads, "_idle", [])
    monkeypatch.setattr(AioContext, "close", close)
    monkeypatch.setattr(AioContext, "_finish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        read(descriptor, [0, 5], [10, 10])
    assert len(closed) == 1
    assert packed_reads._idle == []


def test_a_forked_child_reads_with_a_queue_of_its_own(descriptor: int, content: bytes) -> None:
    expected = content[3:103] + content[50:150]
    assert read(descriptor, [3, 50], [100, 100]).tobytes() == expected
    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)

    def child() -> None:
        sending.send_bytes(read(descriptor, [3, 50], [100, 100]).tobytes())

    process = context.Process(target=child)
    process.start()
    assert receiving.poll(60)
    assert receiving.recv_bytes() == expected
    process.join(60)
    assert process.exitcode == 0
    assert read(descriptor, [3, 50], [100, 100]).tobytes() == expected


MEMORY = """
import sys
import numpy as np
from spoonful.sources.packed.source import PackedSource

def peak_mb():
    # Not ru_maxrss, which begins with the size of the process that started this one.
    with open("/proc/self/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith("VmHWM")) / 1024

source = PackedSource(sys.argv[1], loaded_mb=float(sys.argv[2]))
order = np.random.default_rng(0).permutation(len(source))
images = np.ones((1000, *source.image_shape), np.uint8)
before = peak_mb()
for start in range(0, len(order), 1000):
    source.read_into(order[start : start + 1000], images)
print(round(peak_mb() - before))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells the largest size")
def test_reading_a_large_store_takes_no_memory_but_loading_it_does(tmp_path: Path) -> None:
    from spoonful.packing import pack
    from spoonful.sources.array import ArraySource

    images = np.zeros((100_000, 28, 28, 1), np.uint8)
    images[:, 0, 0, 0] = np.arange(100_000) % 251
    pack(ArraySource(images, np.arange(100_000) % 10), tmp_path / "store", shard_mb=32)
    grown = {}
    for loaded_mb in ("64", "1000"):
        arguments = [sys.executable, "-c", MEMORY, str(tmp_path / "store"), loaded_mb]
        done = subprocess.run(arguments, capture_output=True, text=True, check=True)
        grown[loaded_mb] = int(done.stdout)
    assert grown["64"] <= 4  # the store has 75 MiB of pixels
    assert grown["1000"] > 40
