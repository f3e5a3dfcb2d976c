"""What is expected of each case, and whether the medians meet it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cases import (
    ARRAYS_FLOAT32,
    ARRAYS_UINT8,
    DECODE,
    GATHER,
    GRAIN_PILLOW,
    KERAS,
    KERAS_LEGACY,
    OURS,
    SLICES,
    TF_DATA,
    TORCH_OPENCV,
    TORCH_PILLOW,
)

Medians = Mapping[tuple[str, str], float]  # (case, contender) -> median
JPEG_READERS = (
    KERAS,
    TF_DATA,
    TORCH_PILLOW,
    TORCH_OPENCV,
    GRAIN_PILLOW,
    "WebDataset + Pillow",
    "LitData + Pillow",
)
_JPEG_READERS_WORDS = "the best peer that reads JPEG files"


@dataclass(frozen=True)
class Target:
    """One expectation.

    Attributes:
        case: the case whose table it stands in.
        words: what is compared.
        expected: in words.
        value: makes the value that counts out of the medians; KeyError where one is missing.
        met: whether a value is as expected.
        unit: of the value.
    """

    case: str
    words: str
    expected: str
    value: Callable[[Medians], float]
    met: Callable[[float], bool]
    unit: str = "x"


def ratio(case: str, at_least: float, *peers: str, ours: str = OURS, of_case: str = "") -> Target:
    """Expect our median to be so many times the best of the peers'."""

    def value(medians: Medians) -> float:
        best = max(medians[of_case or case, peer] for peer in peers)
        return medians[case, ours] / best

    words = _JPEG_READERS_WORDS if peers == JPEG_READERS else " or ".join(peers)
    return Target(
        case, f"{ours} / {words}", f">= {at_least:g} x", value, lambda found: found >= at_least
    )


def at_most(case: str, contender: str, limit: float, unit: str) -> Target:
    """Expect a median not above a limit."""
    return Target(
        case,
        contender,
        f"<= {limit:g} {unit}",
        lambda medians: medians[case, contender],
        lambda found: found <= limit,
        unit,
    )


def growth(case: str, first: str, last: str, limit: float, unit: str) -> Target:
    """Expect the median to grow by no more than a limit from one contender to another."""
    return Target(
        case,
        f"growth from {first} to {last}",
        f"<= {limit:g} {unit}",
        lambda medians: medians[case, last] - medians[case, first],
        lambda found: found <= limit,
        unit,
    )


_TRAINER = f"{OURS}, as its trainer does"

TARGETS = (
    ratio("packed_mnist", 50, SLICES),
    ratio("packed_mnist", 0.6, GATHER),
    ratio("loose_mnist", 2, TF_DATA),
    ratio("loose_mnist", 3, TORCH_OPENCV, TORCH_PILLOW),
    ratio("photos_224", 1.8, KERAS),
    ratio("photos_224", 1.3, TF_DATA),
    ratio("photos_224", 2.8, TORCH_PILLOW),
    ratio("photos_224", 2.8, GRAIN_PILLOW),
    ratio("photos_224", 2, KERAS_LEGACY),
    ratio("photos_224", 0.75, DECODE),
    ratio("loose_tiles", 4, KERAS_LEGACY),
    ratio("photos_160", 2.4, KERAS),
    ratio("packed_raw", 1, "FFCV raw, 2 workers", "FFCV raw, 1 worker"),
    ratio("packed_raw", 20, *JPEG_READERS, of_case="photos_224"),
    ratio("packed_jpeg", 1.1, "FFCV jpg, 2 workers", "FFCV jpg, 1 worker"),
    *(
        target
        for case in ("fit_32", "fit_128")
        for target in (
            ratio(case, 1, ARRAYS_UINT8, ours=_TRAINER),
            ratio(case, 2, ARRAYS_FLOAT32, ours=_TRAINER),
        )
    ),
    *(
        at_most("first_batch", f"{OURS}, {shuffle}", 0.3, "s")
        for shuffle in ("none", "full", "block", "buffer", "balanced")
    ),
    at_most("input_wait", OURS, 1, "% of the epoch"),
    growth("memory", "60 thousand images", "6 million images", 64, "MiB"),
    ratio("memory_limit", 0.8, "without a limit", ours="inside the limit"),
)
