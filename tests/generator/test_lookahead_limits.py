"""How far may be read ahead: which limits are accepted."""

import math
from typing import Any

import numpy as np
import pytest

from spoonful.errors import SpoonfulError
from tests.generator.test_lookahead import STEPS, Watched, generator_of


def test_a_budget_below_three_batches_is_refused() -> None:
    words = r"ram_budget_mb=0\.0001: a batch takes 0\.000122 MiB, and three must fit"
    with pytest.raises(SpoonfulError, match=words):
        generator_of(Watched(), ram_budget_mb=0.0001)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        *(("num_threads", value) for value in (-1, True, 2.5)),
        *(("prefetch_batches", value) for value in (0, 1.5)),
        *(("read_timeout_s", value) for value in (0, math.nan, math.inf)),
        *(("ram_budget_mb", value) for value in (0, -1, math.nan, math.inf)),
    ],
)
def test_a_wrong_limit_is_named(setting: str, value: Any) -> None:
    with pytest.raises(SpoonfulError, match=f"^{setting}={value}"):
        generator_of(Watched(), **{setting: value})


@pytest.mark.parametrize("process_count", [2, 3])
def test_the_chunks_of_all_processes_make_the_batches_of_one(process_count: int) -> None:
    streams = [
        generator_of(
            Watched(), shuffle="full", process_index=i, process_count=process_count
        ).stream()
        for i in range(process_count)
    ]
    whole = generator_of(Watched(), shuffle="full").stream()
    for step in range(2 * STEPS):
        parts = [stream[step] for stream in streams]
        x, y = whole[step]
        assert np.array_equal(np.concatenate([part[0] for part in parts]), x)
        assert np.array_equal(np.concatenate([part[1] for part in parts]), y)
    for stream in [*streams, whole]:
        stream.close()
