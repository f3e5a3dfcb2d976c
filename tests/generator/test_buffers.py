import gc
import threading
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful.generator.buffers import ALIGNMENT, BufferPool


def address(array: NDArray[Any]) -> int:
    return int(array.__array_interface__["data"][0])


@settings(deadline=None, derandomize=True)
@given(
    shape=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    dtype=st.sampled_from([np.uint8, np.float32, np.int64]),
)
def test_arrays_are_as_asked_for_and_aligned(shape: list[int], dtype: Any) -> None:
    array = BufferPool().empty(tuple(shape), dtype)
    assert array.shape == tuple(shape)
    assert array.dtype == dtype
    assert array.flags.c_contiguous
    assert array.flags.writeable
    assert address(array) % ALIGNMENT == 0


def test_memory_is_used_again_once_nobody_looks_at_it() -> None:
    pool = BufferPool()
    first = pool.empty((1000,), np.uint8)
    place = address(first)
    del first
    assert address(pool.empty((1000,), np.uint8)) == place


@pytest.mark.parametrize(
    "hold",
    [
        lambda array: array[3:5],
        lambda array: array.reshape(10, 100)[2].T,
        lambda array: memoryview(array),
        lambda array: array.view(np.uint16),
        lambda array: np.asarray(array)[::-1],
    ],
)
def test_memory_that_somebody_looks_at_is_left_alone(hold: Any) -> None:
    pool = BufferPool()
    array = pool.empty((1000,), np.uint8)
    array[:] = 7
    held = hold(array)
    del array
    gc.collect()
    others = [pool.empty((1000,), np.uint8) for _ in range(3)]
    for other in others:
        other[:] = 9
    assert np.unique(np.asarray(held).view(np.uint8)).tolist() == [7]


def test_no_two_threads_get_the_same_memory() -> None:
    pool = BufferPool()
    wrong = []

    def work(number: int) -> None:
        for _ in range(300):
            array = pool.empty((500,), np.uint8)
            array[:] = number
            total = int(array.astype(np.int64).sum())
            if total != number * 500:
                wrong.append(total)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(1, 9)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_a_pool_keeps_no_more_than_was_in_use_at_once() -> None:
    pool = BufferPool()
    for _ in range(50):
        held = [pool.empty((1000,), np.uint8) for _ in range(3)]
        del held
    assert len(pool._blocks) <= 3
    pool.clear()
    assert pool._blocks == []
