from itertools import combinations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.inspection.pairs import near_pairs

HASHES = st.lists(st.integers(0, (1 << 64) - 1), min_size=1, max_size=12)
FLIPS = st.lists(
    st.tuples(st.integers(0, 11), st.sets(st.integers(0, 63), max_size=6)), max_size=30
)


@settings(deadline=None, derandomize=True, max_examples=150)
@given(HASHES, FLIPS)
def test_exactly_the_near_pairs_are_found_each_once(
    first: list[int], flips: list[tuple[int, set[int]]]
) -> None:
    known = list(first)
    for number, bits in flips:
        known.append(first[number % len(first)] ^ sum(1 << bit for bit in bits))
    hashes = np.array(known, np.uint64)
    expected = sorted(
        pair
        for pair in combinations(range(len(known)), 2)
        if (known[pair[0]] ^ known[pair[1]]).bit_count() <= 4
    )
    found = []
    for a, b in near_pairs(hashes, np.zeros(len(known), np.uint8)):
        found += [(min(pair), max(pair)) for pair in zip(a.tolist(), b.tolist(), strict=True)]
    assert sorted(found) == expected


def test_many_equal_hashes_are_compared_with_their_neighbours_and_the_search_ends() -> None:
    pairs = sum(
        len(a) for a, _ in near_pairs(np.zeros(5_000, np.uint64), np.zeros(5_000, np.uint8))
    )
    assert pairs == sum(min(1_000, 5_000 - 1 - number) for number in range(5_000))
