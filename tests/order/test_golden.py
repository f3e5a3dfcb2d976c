"""First indices of each order: the same on every machine and in every release."""

from typing import Any

import numpy as np
import pytest

from spoonful.order import make_order

BILLION = 1_000_000_000
GOLDEN = [
    ("full", 10, 0, 0, [3, 4, 1, 5, 2, 6, 7, 8, 0, 9]),
    ("full", 10, 0, 1, [5, 1, 0, 7, 8, 2, 9, 6, 3, 4]),
    ("full", 10, 1, 0, [9, 6, 7, 3, 5, 1, 0, 4, 8, 2]),
    ("full", 60_000, 0, 0, [14077, 38375, 32014, 46604, 57415]),
    ("full", 60_000, 0, 1, [45434, 54403, 22477, 23531, 10826]),
    ("full", 60_000, 1, 0, [5366, 26962, 28653, 14095, 13543]),
    ("full", BILLION, 0, 0, [295419959, 959689695, 570485472, 630703333, 782009765]),
    ("full", BILLION, 1, 1, [828388086, 390492410, 94788519, 603873899, 161848952]),
    ("block", 10, 0, 0, [8, 3, 9, 1, 0, 2, 7, 6, 5, 4]),
    ("block", 10, 0, 1, [4, 8, 6, 9, 5, 7, 3, 2, 0, 1]),
    ("block", 10, 1, 0, [6, 7, 4, 5, 9, 8, 3, 2, 1, 0]),
    ("block", 60_000, 0, 0, [45941, 48726, 45366, 7364, 9645]),
    ("block", 60_000, 0, 1, [51519, 19867, 4757, 31738, 36722]),
    ("block", 60_000, 1, 0, [51301, 28150, 44414, 43613, 7824]),
    ("block", BILLION, 0, 0, [144919736, 654031151, 349225620, 654030286, 423998427]),
    ("block", BILLION, 1, 1, [85045544, 257759910, 545574941, 729132836, 581922822]),
    ("buffer", 10, 0, 0, [1, 0, 2, 6, 3, 4, 5, 7, 9, 8]),
    ("buffer", 10, 0, 1, [3, 2, 0, 6, 7, 1, 9, 8, 4, 5]),
    ("buffer", 10, 1, 0, [0, 3, 4, 2, 7, 8, 1, 6, 5, 9]),
    ("buffer", 60_000, 0, 0, [327, 93, 699, 588, 811]),
    ("buffer", 60_000, 0, 1, [910, 547, 249, 91, 11]),
    ("buffer", 60_000, 1, 0, [66, 834, 248, 620, 665]),
    ("balanced", 10, 0, 0, [8, 1, 3, 7, 9, 2, 5, 4, 6, 0]),
    ("balanced", 10, 0, 1, [4, 9, 5, 7, 2, 3, 8, 6, 1, 5]),
    ("balanced", 10, 1, 0, [5, 0, 4, 7, 8, 6, 2, 3, 1, 2]),
    ("balanced", 60_000, 0, 0, [42074, 13516, 54540, 16624, 46050]),
    ("balanced", 60_000, 0, 1, [32479, 21342, 17180, 22060, 3950]),
    ("balanced", 60_000, 1, 0, [45917, 9339, 26374, 103, 34673]),
]


@pytest.mark.parametrize(("shuffle", "num_examples", "seed", "epoch", "expected"), GOLDEN)
def test_the_first_indices_never_change(
    shuffle: str, num_examples: int, seed: int, epoch: int, expected: list[int]
) -> None:
    # Three classes; small blocks, windows and buffers for ten examples, else the defaults.
    labels = np.arange(num_examples) % 3 if shuffle == "balanced" else None
    small: dict[str, Any] = {"block_size": 3, "window_blocks": 2, "buffer_size": 4}
    sizes = small if num_examples == 10 else {}
    order = make_order(shuffle, num_examples, seed, labels=labels, **sizes)
    assert order(epoch, 0, len(expected)).tolist() == expected


def test_none_never_changes() -> None:
    order = make_order("none", BILLION, 3)
    assert order(5, 999_999_990, 999_999_994).tolist() == [*range(999_999_990, 999_999_994)]


@pytest.mark.parametrize(
    ("num_examples", "sums"),
    [
        (255, [1476651, 1428740]),
        (4_095, [418159334, 419099555]),
        (4_096, [414260992, 412640951]),
        (70_000, [122358663062, 122482076386]),
    ],
)
def test_full_never_changes_in_the_middle_either(num_examples: int, sums: list[int]) -> None:
    """Weighted sums of whole epochs, on both sides of the sizes that take more rounds."""
    order = make_order("full", num_examples, 9)
    weights = np.arange(num_examples) % 101
    seen = [int(order(epoch, 0, num_examples) @ weights) for epoch in (0, 1)]
    assert seen == sums
