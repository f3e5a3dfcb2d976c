"""What a generator asks for ahead: the files of the coming steps, soonest first, if they fit."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful import ArraySource, SpoonfulError
from spoonful.generator.chunks import ChunkReader
from spoonful.generator.files_ahead import make_steps_ahead
from spoonful.generator.limits import Limits
from spoonful.generator.steps import Steps
from spoonful.generator.targets import Targets
from spoonful.order import Placement, make_order
from spoonful.sources.remote.ahead import FilesAhead

SIZE = 100


class Nowhere:
    """A store of which nothing is in the cache."""

    def is_here(self, number: int) -> bool:
        return False


class Shards(ArraySource):
    """Examples in shards of equal size, of which none is really downloaded."""

    def __init__(self, num_examples: int, per_shard: int, max_bytes: int) -> None:
        images = np.zeros((num_examples, 1, 1, 1), np.uint8)
        super().__init__(images, np.arange(num_examples) % 2, ["a", "b"])
        self.per_shard, self.asked = per_shard, list[list[int]]()
        num_shards = -(-num_examples // per_shard)
        remote: Any = Nowhere()
        self.files_ahead = FilesAhead(
            np.full(num_shards, SIZE), max_bytes, self.shards_of, self._ask, remote
        )

    def shards_of(self, indices: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
        return indices.astype(np.int64) // self.per_shard

    def _ask(self, numbers: Iterable[int]) -> None:
        self.asked.append(list(numbers))


def reader_of(source: Shards, shuffle: str, batch_size: int, **sizes: Any) -> ChunkReader:
    order = make_order(shuffle, len(source), 3, labels=source.labels, **sizes)
    steps = Steps(len(source), batch_size, False, 0, 1)
    return ChunkReader(source, order, steps, Targets(source, True), "uint8", False)


LIMITS = Limits(num_threads=1, max_threads=1, batches_ahead=4, chunk_steps=1, read_timeout_s=60)


@settings(deadline=None)
@given(
    num_examples=st.integers(200, 20_000),
    per_shard=st.integers(20, 500),
    batch_size=st.integers(8, 300),
    shuffle=st.sampled_from(["none", "buffer", "block", "full", "balanced"]),
    start=st.integers(0, 300),
)
def test_what_a_step_needs_is_asked_for_before_it_and_all_fits(
    num_examples: int, per_shard: int, batch_size: int, shuffle: str, start: int
) -> None:
    num_shards = -(-num_examples // per_shard)
    small = shuffle in ("none", "buffer", "block")
    max_bytes = SIZE * (max(20, num_shards // 2) if small else num_shards + 1)
    source = Shards(num_examples, per_shard, max_bytes)
    sizes = {"block_size": per_shard, "window_blocks": 3, "buffer_size": per_shard}
    reader = reader_of(source, shuffle, batch_size, **sizes)
    try:
        ahead = make_steps_ahead(reader, LIMITS)
    except SpoonfulError:
        assume(shuffle != "block")  # its windows do not fit
        raise
    assert ahead is not None
    for step in range(start, start + 40):
        needed = source.shards_of(reader.indices(step, 1)).tolist()
        if SIZE * len(set(needed)) > max_bytes // 2:
            return  # with the steps before it, more than the cache holds
        ahead(step, 1, step == start)
        asked = source.asked[-1]
        assert set(needed) <= set(asked)
        assert len(asked) == len(set(asked))
        assert SIZE * len(asked) <= max_bytes
        if step == start:
            assert asked[: len(set(needed))] == list(dict.fromkeys(needed))


def test_the_next_window_is_asked_for_while_this_one_is_read() -> None:
    source = Shards(100_000, 100, 60 * SIZE)
    reader = reader_of(source, "block", 50, block_size=400, window_blocks=4)
    ahead = make_steps_ahead(reader, LIMITS)
    assert ahead is not None
    window = 1600 // 50
    for step in range(window):
        ahead(step, 1, step == 0)
        following = source.shards_of(reader.indices(window, 8)).tolist()
    assert set(following) <= set(source.asked[-1])
    assert len(source.asked) < window  # not at each step


def test_a_window_that_does_not_fit_is_refused_with_what_it_needs() -> None:
    source = Shards(100_000, 100, 20 * SIZE)
    reader = reader_of(source, "block", 50, block_size=400, window_blocks=16)
    with pytest.raises(SpoonfulError, match=r"need up to .* GiB of shards at once"):
        make_steps_ahead(reader, LIMITS)


@pytest.mark.parametrize("shuffle", ["none", "buffer", "full"])
def test_a_mixed_store_that_does_not_fit_is_read_in_blocks_alone(shuffle: str) -> None:
    source = Shards(100_000, 100, 20 * SIZE)
    source.placement = Placement(100_000)
    with pytest.raises(SpoonfulError, match=f"generator.shuffle={shuffle}: each step needs shards"):
        make_steps_ahead(reader_of(source, shuffle, 50), LIMITS)


def test_steps_that_need_too_much_are_named() -> None:
    source = Shards(10_000, 1000, 2 * SIZE)
    reader = reader_of(source, "none", 5000)
    ahead = make_steps_ahead(reader, LIMITS)
    assert ahead is not None
    with pytest.raises(SpoonfulError, match="steps 0 to 0 need 5 files of together"):
        ahead(0, 1, True)


def test_a_source_on_the_disk_asks_for_nothing() -> None:
    source = ArraySource(np.zeros((20, 1, 1, 1), np.uint8), np.zeros(20, int), ["a"])
    steps = Steps(20, 5, False, 0, 1)
    order = make_order("full", 20, 0)
    reader = ChunkReader(source, order, steps, Targets(source, True), "uint8", False)
    assert make_steps_ahead(reader, LIMITS) is None
