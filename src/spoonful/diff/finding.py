"""The comparison of one aspect of two runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from spoonful.config.fields import shown


class Status(StrEnum):
    """Whether an aspect is the same in both runs."""

    SAME = "same"
    DIFFERENT = "DIFFERENT"
    PART = "same so far"  # as far as both runs went
    UNKNOWN = "unknown"
    OTHER = "other"  # differs, which alone does not change the training


@dataclass(frozen=True)
class Finding:
    """The comparison of one aspect.

    Attributes:
        aspect: such as "data" or "order".
        status: whether it is the same.
        detail: what it is, or how it differs.
        epoch: from 1, in which it first differs; None: it does not, or does not depend on epochs.
        lines: further lines to show.
    """

    aspect: str
    status: Status
    detail: str
    epoch: int | None = None
    lines: tuple[str, ...] = ()


def changed(a: Mapping[str, Any], b: Mapping[str, Any]) -> dict[str, tuple[Any, Any]]:
    """Return the entries that differ, with both values; "absent" for a missing one."""
    absent = "absent"
    return {
        name: (a.get(name, absent), b.get(name, absent))
        for name in dict.fromkeys([*a, *b])
        if a.get(name, absent) != b.get(name, absent)
    }


def listed(different: Mapping[str, tuple[Any, Any]], at_most: int) -> str:
    """Write entries that differ as "name a | b", and how many more there are."""
    entries = [f"{name} {shown(a)} | {shown(b)}" for name, (a, b) in different.items()]
    more = len(entries) - at_most
    return ", ".join(entries[:at_most]) + (f" and {more} more" if more > 0 else "")
