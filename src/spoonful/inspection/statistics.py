"""Counts, sizes, colours and copies, per class and split and of all images."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spoonful.inspection.copies import first_of_content
from spoonful.inspection.table import read_columns, readable_contents

NO_SPLIT = "not given"
_TEXTS = ("class", "given_split", "format", "mode")
_NUMBERS = ("num_bytes", "channels", "width", "height", "mean", "std", "cluster")


@dataclass(frozen=True)
class Columns:
    """What the statistics need of a table, as arrays [n].

    Attributes:
        texts: for each text column, the number of each row's value, and the values.
        numbers: for each number column, its values; NaN: unknown. float32, int32 for "cluster".
        is_bad: whether an image cannot be read.
        first_copy: position of the first image with the same bytes; its own if it cannot be read.
    """

    texts: dict[str, tuple[NDArray[np.int32], list[str]]]
    numbers: dict[str, NDArray[Any]]
    is_bad: NDArray[np.bool_]
    first_copy: NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """The images of one class and given split, or all of them.

    Attributes:
        class_name: the class; "all" for all.
        split: the given split, or "not given".
        num_images: how many.
        num_bad: how many of them cannot be read.
        num_bytes: size of the files.
        formats: how many of each.
        channels: how many of each number.
        widths: smallest, median and largest, in px; None without a readable image.
        heights: likewise.
        aspects: likewise, width / height.
        mean: of all colours, 0..255, each image counting the same.
        std: their standard deviation within and between the images.
    """

    class_name: str
    split: str
    num_images: int
    num_bad: int
    num_bytes: int
    formats: dict[str, int]
    channels: dict[str, int]
    widths: tuple[float, float, float] | None
    heights: tuple[float, float, float] | None
    aspects: tuple[float, float, float] | None
    mean: float | None
    std: float | None


def columns_of(path: Path) -> Columns:
    """Read what the statistics need of a table.

    Raises:
        SpoonfulError: it cannot be read.
    """
    table = read_columns(path, [*_TEXTS, *_NUMBERS, "fault", "sha256"])
    texts = {}
    for name in _TEXTS:
        column = pc.fill_null(table.column(name), NO_SPLIT if name == "given_split" else "")
        coded = pc.dictionary_encode(column.combine_chunks())
        coded = coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
        texts[name] = (coded.indices.to_numpy(), coded.dictionary.to_pylist())
    numbers = {
        name: table.column(name).to_numpy()
        if name == "cluster"
        else pc.cast(table.column(name), pa.float32(), safe=False).to_numpy()
        for name in _NUMBERS
    }
    numbers["num_bytes"] = table.column("num_bytes").to_numpy()
    is_bad = table.column("fault").is_valid().to_numpy()
    first = first_of_content(readable_contents(table))
    return Columns(texts, numbers, is_bad, first)


def groups_of(columns: Columns) -> list[Group]:
    """Return the statistics of each class and split, sorted, and those of all images first."""
    classes, class_names = columns.texts["class"]
    splits, split_names = columns.texts["given_split"]
    numbers = classes.astype(np.int64) * len(split_names) + splits
    order = np.argsort(numbers, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1) if len(order) else []
    groups = [
        _group(columns, part, class_names[classes[part[0]]], split_names[splits[part[0]]])
        for part in parts
    ]
    groups.sort(key=lambda group: (group.class_name, group.split))
    return [_group(columns, order, "all", "all"), *groups]


def _group(columns: Columns, rows: NDArray[np.int64], class_name: str, split: str) -> Group:
    good = rows[~columns.is_bad[rows]]
    width, height, mean, std = (
        columns.numbers[name][good].astype(np.float64)
        for name in ("width", "height", "mean", "std")
    )
    formats, names = columns.texts["format"]
    channels = columns.numbers["channels"][good]
    level = float(mean.mean()) if len(good) else None
    return Group(
        class_name,
        split,
        num_images=len(rows),
        num_bad=len(rows) - len(good),
        num_bytes=int(columns.numbers["num_bytes"][rows].sum()),
        formats=_counted(names[number] for number in formats[good].tolist()),
        channels=_counted(str(int(c)) for c in channels[np.isfinite(channels)].tolist()),
        widths=_three(width),
        heights=_three(height),
        aspects=_three(width / np.maximum(height, 1)),
        mean=level,
        std=None
        if level is None
        else float(np.sqrt(max(0.0, (std**2 + mean**2).mean() - level**2))),
    )


def _three(values: NDArray[np.float64]) -> tuple[float, float, float] | None:
    values = values[np.isfinite(values)]
    if not len(values):
        return None
    return float(values.min()), float(np.median(values)), float(values.max())


def _counted(names: Any) -> dict[str, int]:
    counts = Counter(names)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))
