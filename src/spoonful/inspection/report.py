"""One page for readers: what there is, what is wrong with it, with thumbnails."""

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import simplejpeg

from spoonful.errors import SpoonfulError
from spoonful.files.text import printable
from spoonful.inspection.csv_files import (
    BAD_HEADER,
    CLASS_HEADER,
    bad_rows,
    class_row,
    kind_of,
)
from spoonful.inspection.summary import Findings, lines_of
from spoonful.inspection.table import TABLE_NAME, read_columns
from spoonful.pages import page
from spoonful.sources.images.background import WHITE
from spoonful.sources.images.decode import decode_bytes
from spoonful.sources.images.names import described

REPORT_NAME = "report.html"
# Of each list on the page; the CSV files have all.
_MAX_ROWS = 200
_MAX_CLUSTERS = 40
_OF_EACH_CLUSTER = 4
_MAX_CLASSES = 24
_OF_EACH_CLASS = 4
_SIDE_PX = 96
_QUALITY = 80


def write_page(
    folder: Path, title: str, found: Findings, read: Callable[[int], bytes], max_pixels: int
) -> None:
    """Write the page into a folder that has the table.

    Args:
        folder: where the table is.
        title: the page's heading.
        found: what the page shows.
        read: returns the bytes of the image at a position.
        max_pixels: the limit for height x width.
    """

    def image(row: int, words: str) -> dict[str, str]:
        return {"src": _thumbnail(read, row, max_pixels), "words": printable(words)}

    table = read_columns(folder / TABLE_NAME, ["origin", "class", "given_split", "fault"])
    bad = [row for row, _ in zip(bad_rows(folder), range(_MAX_ROWS), strict=False)]
    clusters = [
        {
            "kind": kind_of(cluster),
            "images": [image(r, _words(table, r)) for r in cluster.rows[:_OF_EACH_CLUSTER]],
            "num_more": max(0, len(cluster.rows) - _OF_EACH_CLUSTER),
        }
        for cluster in found.copies.clusters[:_MAX_CLUSTERS]
    ]
    text = page(
        "inspection.html",
        title=printable(title),
        lines=lines_of(found, is_here=False),
        class_header=CLASS_HEADER,
        classes=_cells(map(class_row, found.groups[: _MAX_ROWS + 1])),
        num_classes=len(found.groups) - 1,
        bad_header=BAD_HEADER,
        bad=_cells(bad),
        num_bad=found.groups[0].num_bad,
        max_rows=_MAX_ROWS,
        passed_over=described(found.passed_over),
        clusters=clusters,
        num_clusters=len(found.copies.clusters),
        look_alikes=_look_alikes(found),
        examples={
            printable(name): [image(row, _words(table, row)) for row in rows]
            for name, rows in _examples(table).items()
        },
    )
    (folder / REPORT_NAME).write_text(text, encoding="utf-8", newline="\n")


def _cells(rows: Any) -> list[list[str]]:
    return [[printable(str(value)) for value in row] for row in rows]


def _words(table: pa.Table, row: int) -> str:
    """Return split, class and path of an image."""
    (values,) = table.slice(row, 1).to_pylist()
    split = f"{values['given_split']}, " if values["given_split"] else ""
    return f"{split}{values['class']}: {values['origin']}"


def _look_alikes(found: Findings) -> list[list[str]]:
    """Return what the names are of, and the names with their unusual characters spelled out."""
    rows = []
    for what, groups in (("classes", found.class_look_alikes), ("files", found.file_look_alikes)):
        for group in groups[:_MAX_ROWS]:
            shown = ", ".join(group)
            spelled = ", ".join(ascii(name) for name in group)
            rows.append([what, printable(shown), "" if shown.isascii() else spelled])
    return rows


def _examples(table: pa.Table) -> dict[str, list[int]]:
    """Choose a few readable images of each class, evenly spaced."""
    good = np.flatnonzero(~table.column("fault").is_valid().to_numpy())
    coded = table.column("class").combine_chunks().dictionary_encode()
    classes = coded.indices.to_numpy()[good]
    names = coded.dictionary.to_pylist()
    chosen = {}
    for name in sorted(names)[:_MAX_CLASSES]:
        rows = good[classes == names.index(name)]
        places = np.linspace(0, len(rows) - 1, min(_OF_EACH_CLASS, len(rows))).astype(np.int64)
        chosen[name] = rows[places].tolist()
    return {name: rows for name, rows in chosen.items() if rows}


def _thumbnail(read: Callable[[int], bytes], row: int, max_pixels: int) -> str:
    """Return an image as JPEG in base 64; empty if it is gone meanwhile."""
    pixels = np.empty((_SIDE_PX, _SIDE_PX, 3), np.uint8)
    try:
        decode_bytes(read(row), "", pixels, "fit", WHITE, max_pixels)
    except SpoonfulError:
        return ""
    return base64.b64encode(simplejpeg.encode_jpeg(pixels, _QUALITY, "RGB", "420")).decode()
