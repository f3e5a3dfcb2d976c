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
@given(ranges=RANGES)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_ranges_arrive_one_behind_the_other(
    descriptor: int,
    content: bytes,
    repeats: int,
    ranges: list[tuple[int, int]],
) -> None:
    ranges = [(start, min(length, SIZE - start)) for start, length in ranges] * repeats
    offsets, lengths = [start for start, _ in ranges], [length for _, length in ranges]
    expected = b"".join(content[start : start + length] for start, length in ranges)
    assert read(descriptor, offsets, lengths).tobytes() == expected


@pytest.mark.parametrize("length", [100, 9000])
def test_a_range_beyond_the_end_is_named(descriptor: int, length: int) -> None:
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
