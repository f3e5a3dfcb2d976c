"""The keyed bijection by itself."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spoonful.order import MAX_EXAMPLES, MAX_SEED
from spoonful.order.keys import draw_keys, hash_words
from spoonful.order.permutation import SMALL, domain_of, domains_of, num_rounds, permute

PROPERTY = settings(deadline=None, derandomize=True)


@PROPERTY
@given(size=st.integers(1, 3_000), seed=st.integers(0, MAX_SEED), tweak=st.integers(0, 2**64 - 1))
@example(size=SMALL, seed=0, tweak=2**64 - 1)
def test_it_maps_a_domain_one_to_one(size: int, seed: int, tweak: int) -> None:
    values = np.arange(size, dtype=np.uint64)
    keys = draw_keys(seed, 0, 0, num_rounds(size))
    plain = permute(values, domain_of(size), keys)
    tweaked = permute(values, domain_of(size), keys, np.full(size, tweak, dtype=np.uint64))
    assert np.array_equal(np.sort(plain), values)
    assert np.array_equal(np.sort(tweaked), values)
    if size > 30 and tweak:
        assert not np.array_equal(plain, tweaked)


@PROPERTY
@given(sizes=st.lists(st.integers(1, 2_000), min_size=1, max_size=8))
def test_values_of_several_domains_are_mapped_as_each_alone(sizes: list[int]) -> None:
    keys = draw_keys(1, 0, 0, 8)
    which = np.random.default_rng(0).permutation(np.repeat(np.arange(len(sizes)), 20))
    domains = domains_of(np.array(sizes, dtype=np.uint64)).at(which)
    values = np.arange(len(which), dtype=np.uint64) % domains.size
    tweaks = hash_words(which.astype(np.uint64), keys[:2])
    together = permute(values, domains, keys, tweaks)
    for number, size in enumerate(sizes):
        chosen = which == number
        alone = permute(values[chosen], domain_of(size), keys, tweaks[chosen])
        assert np.array_equal(together[chosen], alone)


def test_domains_of_sizes_around_squares_are_exact() -> None:
    roots = [1, 2, 3, 100, 2**20, 2**25 + 1, 2**26 - 1]
    sizes = [root**2 + more for root in roots for more in (-1, 0, 1) if root**2 + more > 0]
    domains = domains_of(np.array(sizes, dtype=np.uint64))
    for number, size in enumerate(sizes):
        alone = domain_of(size)
        one = domains.at(np.array([number]))
        assert (one.num_rows, one.num_columns) == (alone.num_rows, alone.num_columns)


@pytest.mark.parametrize("size", [1, 2, 3, 10**9, MAX_EXAMPLES - 1, MAX_EXAMPLES])
def test_the_table_holds_the_domain_and_less_than_a_row_more(size: int) -> None:
    domain = domain_of(size)
    rows, columns = int(domain.num_rows), int(domain.num_columns)
    assert (rows - 1) ** 2 < size <= rows**2
    assert 0 <= rows * columns - size < rows
    assert rows <= 2**31


def test_keys_differ_by_seed_stream_and_epoch() -> None:
    drawn = {draw_keys(*use, 4) for use in [(0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1)]}
    assert len({key for keys in drawn for key in keys}) == 16
