"""A run that continues although its data have changed: at which step, and from which data."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from spoonful.config.fields import shown
from spoonful.record.tags import CHANGED_DATA_STEPS_TAG, CHANGED_DATA_TAGS, FINGERPRINT_TAGS

_SPLITS = ("train", "val")
_SHORT = 12


@dataclass(frozen=True)
class DataChange:
    """Where a run continued with changed data.

    Attributes:
        step: the first global step that read the new data.
        left: the fingerprints of train and val before.
        taken: those from then on.
    """

    step: int
    left: dict[str, str]
    taken: dict[str, str]


def layout_differences(
    saved: Mapping[str, Mapping[str, Any]], now: Mapping[str, Mapping[str, Any]]
) -> list[str]:
    """Return in which of `layout_of` the data of train and val differ, with both values."""
    if not saved:
        return ["how many images there were, and which, was not recorded"]
    return [
        f"{split} {name} (saved {_short(saved[split].get(name))}, now {_short(value)})"
        for split in _SPLITS
        for name, value in now[split].items()
        if saved.get(split, {}).get(name) != value
    ]


def change_tags(changes: Iterable[DataChange]) -> dict[str, str]:
    """Return the tags of a run that continued with changed data: the steps, and the data before."""
    changes = list(changes)
    if not changes:
        return {}
    before = {
        f"{CHANGED_DATA_TAGS}{FINGERPRINT_TAGS}{split}": ", ".join(c.left[split] for c in changes)
        for split in _SPLITS
    }
    return {CHANGED_DATA_STEPS_TAG: ", ".join(str(change.step) for change in changes), **before}


def _short(value: Any) -> str:
    text = shown(value)
    return text if len(text) <= _SHORT else f"{text[:_SHORT]}..."
