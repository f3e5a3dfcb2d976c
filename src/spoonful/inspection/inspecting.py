"""Inspect all images of a data set, and write what was found into a folder."""

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from spoonful import progress
from spoonful.datasets import Dataset, RawDataset
from spoonful.files.whole import replaced_folder, write_json, write_text
from spoonful.inspection.advice import advice_of
from spoonful.inspection.copies import clusters_of
from spoonful.inspection.csv_files import write_csv_files
from spoonful.inspection.decoded import DecodedFiles
from spoonful.inspection.kinds_of_copies import copies_of
from spoonful.inspection.look_alikes import look_alikes
from spoonful.inspection.measure import THUMBNAIL_BYTES, measure_version
from spoonful.inspection.parallel import measured_images
from spoonful.inspection.report import write_page
from spoonful.inspection.statistics import columns_of, groups_of
from spoonful.inspection.summary import Findings, numbers_of
from spoonful.inspection.table import (
    TABLE_NAME,
    Origin,
    RowWriter,
    add_clusters,
    read_columns,
    readable_contents,
)
from spoonful.project import decoded_dir
from spoonful.splitting.digests import data_digest

SUMMARY_NAME = "summary.json"
_NO_NOTES: Mapping[str, str] = {}


def inspect(
    raw: RawDataset,
    folder: Path,
    dataset: Dataset,
    title: str,
    notes: Mapping[str, str] = _NO_NOTES,
) -> Findings:
    """Decode every image once, and write the table, the summary and the report.

    If stopped, nothing of `folder` has changed, and what was decoded is not decoded again.

    Args:
        raw: the images.
        folder: where the files are written; an existing one is replaced.
        dataset: its max_pixels decides what is too large, its path is left out of the files.
        title: heading of the page.
        notes: further text files, by their names.

    Raises:
        SpoonfulError: a file has changed since it was fetched; names it. A bad image is none.
    """
    with replaced_folder(folder) as beside:
        rows, thumbnails = beside / "rows.parquet", beside / "thumbnails"
        with DecodedFiles(decoded_dir(), dataset.max_pixels) as decoded:
            _measure(raw, decoded, dataset, (rows, thumbnails))
        with progress.doing("looking for copies"):
            origin = origin_now(raw, dataset)
            add_clusters(rows, beside / TABLE_NAME, _clusters(rows, thumbnails), origin)
            rows.unlink()
            thumbnails.unlink()
        with progress.doing("writing the report"):
            found = _findings(raw, beside, dataset)
            numbers = {**numbers_of(found), "data_digest": origin.data_digest}
            write_json(beside / SUMMARY_NAME, numbers)
            write_csv_files(beside, found.groups[1:], found.copies)
            write_page(beside, title, found, raw.read, dataset.max_pixels)
            for name, text in notes.items():
                write_text(beside / name, text)
    return found


def origin_now(raw: RawDataset, dataset: Dataset) -> Origin:
    """Return what a table of these images would be made from."""
    return Origin(data_digest(raw.images), dataset.max_pixels, measure_version())


def _measure(
    raw: RawDataset, decoded: DecodedFiles, dataset: Dataset, paths: tuple[Path, Path]
) -> None:
    below = getattr(dataset, "path", None)
    prefix = f"{Path(below).expanduser().resolve()}/" if below else ""
    position = 0
    with RowWriter(*paths) as writer:
        for batch in measured_images(raw, decoded, dataset.max_pixels):
            for measured in batch:
                origin = raw.origin(position).removeprefix(prefix)
                writer.write(raw.images[position], origin, measured)
                position += 1


def _clusters(rows: Path, thumbnails: Path) -> "np.ndarray[tuple[int], np.dtype[np.int32]]":
    table = read_columns(rows, ["sha256", "fault", "phash"])
    if not len(table):
        return np.empty(0, np.int32)
    phash = table.column("phash")
    return clusters_of(
        readable_contents(table),
        phash.fill_null(0).to_numpy(),
        phash.is_valid().to_numpy(),
        np.memmap(thumbnails, np.uint8, "r").reshape(-1, THUMBNAIL_BYTES),
    )


def _findings(raw: RawDataset, folder: Path, dataset: Dataset) -> Findings:
    columns = columns_of(folder / TABLE_NAME)
    names: dict[tuple[str | None, str], list[str]] = defaultdict(list)
    for image in raw.images:
        names[image.given_split, image.class_name].append(image.file_name)
    return Findings(
        groups_of(columns),
        copies_of(columns),
        advice_of(columns, raw.read, dataset.max_pixels),
        getattr(raw, "passed_over", {}),
        look_alikes({name for _, name in names}),
        [group for files in names.values() for group in look_alikes(files)],
    )
