"""The numbers of an inspection, for DVC and MLflow, and the lines for the terminal."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from spoonful.files.text import printable
from spoonful.inspection.advice import Advice
from spoonful.inspection.kinds_of_copies import Copies
from spoonful.inspection.statistics import Group
from spoonful.sources.images.names import described
from spoonful.sources.memory_room import memory_room

_NUM_NAMED = 5
# Of the largest class to the smallest, from which on something should be done.
_IMBALANCE = 10.0
_MIB = 1 << 20


@dataclass(frozen=True)
class Findings:
    """All that an inspection found, apart from the table.

    Attributes:
        groups: statistics of all images, then of each class and split.
        copies: the clusters of copies.
        advice: the recommendations; None: no readable image.
        passed_over: number of files that are not images of a readable format, by their ending.
        class_look_alikes: groups of class names that look alike.
        file_look_alikes: groups of file names of one class that look alike.
    """

    groups: list[Group]
    copies: Copies
    advice: Advice | None
    passed_over: Mapping[str, int]
    class_look_alikes: list[list[str]]
    file_look_alikes: list[list[str]]

    @property
    def class_counts(self) -> dict[str, int]:
        """Number of readable images of each class."""
        counts: dict[str, int] = {}
        for group in self.groups[1:]:
            good = group.num_images - group.num_bad
            counts[group.class_name] = counts.get(group.class_name, 0) + good
        return counts

    @property
    def imbalance(self) -> float | None:
        """Images of the largest class for each of the smallest; None: one class or an empty one."""
        counts = self.class_counts.values()
        return max(counts) / min(counts) if len(counts) > 1 and min(counts) else None


def numbers_of(found: Findings) -> dict[str, Any]:
    """Return the summary as JSON; the same for the same images on every machine."""
    everything, advice = found.groups[0], found.advice
    splits: dict[str, int] = {}
    for group in found.groups[1:]:
        splits[group.split] = splits.get(group.split, 0) + group.num_images
    return {
        "num_images": everything.num_images,
        "num_bad": everything.num_bad,
        "num_passed_over": sum(found.passed_over.values()),
        "num_classes": len(found.class_counts),
        "num_bytes": everything.num_bytes,
        "given_splits": dict(sorted(splits.items())),
        "imbalance": None if found.imbalance is None else round(found.imbalance, 3),
        "look_alikes": {
            "classes": len(found.class_look_alikes),
            "files": len(found.file_look_alikes),
        },
        "copies": found.copies.numbers,
        "formats": everything.formats,
        "channels": everything.channels,
        "width": _three(everything.widths),
        "height": _three(everything.heights),
        "aspect": _three(everything.aspects),
        "mean": None if everything.mean is None else round(everything.mean, 3),
        "std": None if everything.std is None else round(everything.std, 3),
        "recommended": None
        if advice is None
        else {
            "image_height": advice.image_size[0],
            "image_width": advice.image_size[1],
            "num_channels": advice.num_channels,
            "resize": advice.resize,
            "packed_raw_mb": round(advice.raw_bytes / _MIB, 3),
            "packed_jpeg_mb": round(advice.jpeg_bytes / _MIB, 3),
        },
    }


def lines_of(found: Findings, *, is_here: bool) -> list[str]:
    """Return what is there, what is wrong and what to do, in a few lines.

    Args:
        found: what was found.
        is_here: with what depends on this machine, which no output of a stage holds.
    """
    everything = found.groups[0]
    formats = ", ".join(f"{count:,} {name}" for name, count in everything.formats.items())
    lines = [
        f"{_counted(everything.num_images, 'image')} in {len(found.class_counts):,} "
        f"class{'' if len(found.class_counts) == 1 else 'es'}, "
        f"{everything.num_bytes / _MIB:,.1f} MiB ({formats or 'none can be read'})"
    ]
    if everything.widths and everything.heights:
        lines.append(
            f"width {_range(everything.widths)}, height {_range(everything.heights)}; mean "
            f"{everything.mean:.1f}, deviation {everything.std:.1f} of 255"
        )
    return lines + _wrong(found) + _advised(found.advice, is_here)


def _wrong(found: Findings) -> list[str]:
    lines = []
    if found.groups[0].num_bad:
        lines.append(f"bad: {found.groups[0].num_bad:,} that cannot be read (bad_files.csv)")
    if found.passed_over:
        lines.append(f"not read: {described(found.passed_over)}")
    copies = found.copies.numbers
    if copies["clusters"]:
        lines.append(
            f"copies: {copies['exact']:,} with the same bytes as another, {copies['near']:,} that "
            f"only look{'s' * (copies['near'] == 1)} the same; "
            f"{_counted(copies['clusters_across_splits'], 'group')} across the given splits, "
            f"{copies['clusters_across_classes']:,} under several labels (copies.csv)"
        )
    for what, groups in (
        ("classes", found.class_look_alikes),
        ("files", found.file_look_alikes),
    ):
        if groups:
            lines.append(
                f"names that look alike: {_counted(len(groups), 'group')} of {what}, such as "
                f"{_spelled(groups[0][:2])}"
            )
    if found.imbalance is not None and found.imbalance >= _IMBALANCE:
        counts = found.class_counts
        large, small = max(counts, key=counts.__getitem__), min(counts, key=counts.__getitem__)
        lines.append(
            f"imbalance: {large} has {_counted(counts[large], 'image')}, {small} "
            f"{counts[small]:,}; consider generator.shuffle=balanced"
        )
    return [printable(line) for line in lines]


def _advised(advice: Advice | None, is_here: bool) -> list[str]:
    if advice is None:
        return []
    height, width = advice.image_size
    room = memory_room() if is_here else None
    fits = "" if room is None else " (fits)" if advice.raw_bytes < room else " (more than is free)"
    speed = f"; files are decoded at {_two_digits(advice.images_per_s):,} images/s here"
    return [
        f"recommended: dataset.image_size=[{height},{width}] "
        f"dataset.num_channels={advice.num_channels} dataset.resize={advice.resize}",
        f"that takes {advice.raw_bytes / _MIB:,.1f} MiB packed as pixels, about "
        f"{advice.jpeg_bytes / _MIB:,.1f} MiB as JPEG; {advice.raw_bytes / _MIB:,.1f} MiB in "
        f"memory{fits}{speed if is_here else ''}",
    ]


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _spelled(names: list[str]) -> str:
    """Return names, and where they are not ASCII their characters: they may look the same."""
    shown = " and ".join(map(repr, names))
    return shown if shown.isascii() else f"{shown} ({' and '.join(map(ascii, names))})"


def _range(values: tuple[float, float, float]) -> str:
    low, middle, high = values
    return f"{low:.0f} px" if low == high else f"{low:.0f} to {high:.0f} px (median {middle:.0f})"


def _two_digits(number: float) -> int:
    """Round a measured number: more digits would not be the same again."""
    return int(float(f"{number:.2g}"))


def _three(values: tuple[float, float, float] | None) -> dict[str, float] | None:
    if values is None:
        return None
    return dict(zip(("min", "median", "max"), (round(v, 4) for v in values), strict=True))
