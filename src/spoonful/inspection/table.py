"""data/inspect/images.parquet: one row for each image, written and read in bounded memory."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from numpy.typing import NDArray

from spoonful.datasets import RawImage
from spoonful.errors import SpoonfulError
from spoonful.files.documents import shaped, unexpected
from spoonful.files.text import unicode_text
from spoonful.inspection.measure import THUMBNAIL_BYTES, Measured

TABLE_NAME = "images.parquet"
REMAKE = "run `spoonful inspect` again"
_ROWS_A_GROUP = 1 << 12
_KEY = b"spoonful"
_COLUMNS = [
    pa.field("key", pa.string()),
    pa.field("origin", pa.string()),  # path below dataset.path, or the image's name
    pa.field("class", pa.string()),
    pa.field("given_split", pa.string()),
    pa.field("group", pa.string()),
    pa.field("num_bytes", pa.int64()),
    pa.field("sha256", pa.string()),
    pa.field("format", pa.string()),
    pa.field("mode", pa.string()),
    pa.field("channels", pa.int8()),
    pa.field("width", pa.int32()),
    pa.field("height", pa.int32()),
    pa.field("mean", pa.float32()),
    pa.field("std", pa.float32()),
    pa.field("phash", pa.uint64()),
    pa.field("fault", pa.string()),
]
_MEASURED = [field.name for field in fields(Measured) if field.name != "thumbnail"]


@dataclass(frozen=True)
class Origin:
    """What a table was made from.

    Attributes:
        data_digest: digest of the raw images.
        max_pixels: the limit that they were decoded with.
        version: of the decoders.
    """

    data_digest: str
    max_pixels: int
    version: str


class RowWriter:
    """Write rows without their clusters, and beside them the thumbnails as raw bytes.

    Args:
        path: the Parquet file.
        thumbnails: the file of the thumbnails, 768 bytes for each image.
    """

    def __init__(self, path: Path, thumbnails: Path) -> None:
        self._schema = pa.schema(_COLUMNS)
        self._writer = pq.ParquetWriter(str(path), self._schema)
        self._thumbnails = thumbnails.open("wb")
        self._rows: list[dict[str, Any]] = []

    def write(self, image: RawImage, origin: str, measured: Measured) -> None:
        """Add one image."""
        row: dict[str, Any] = {name: getattr(measured, name) for name in _MEASURED}
        for name, text in (
            *(("key", image.key), ("origin", origin), ("class", image.class_name)),
            *(("given_split", image.given_split), ("group", image.group)),
            ("fault", measured.fault),
        ):
            row[name] = None if text is None else unicode_text(text)
        self._rows.append(row)
        self._thumbnails.write(measured.thumbnail or bytes(THUMBNAIL_BYTES))
        if len(self._rows) == _ROWS_A_GROUP:
            self._flush()

    def __enter__(self) -> "RowWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if error is None:
            self._flush()
        self._writer.close()
        self._thumbnails.close()

    def _flush(self) -> None:
        self._writer.write_table(pa.Table.from_pylist(self._rows, self._schema))
        self._rows.clear()


def add_clusters(rows: Path, target: Path, clusters: NDArray[np.int32], origin: Origin) -> None:
    """Write the final table from rows without clusters, a group of rows at a time."""
    metadata = {_KEY: json.dumps(asdict(origin)).encode()}
    schema = pa.schema([*_COLUMNS, pa.field("cluster", pa.int32())], metadata)
    start = 0
    with pq.ParquetWriter(
        str(target), schema, compression="zstd", write_page_checksum=True
    ) as writer:
        for batch in pq.ParquetFile(rows).iter_batches(_ROWS_A_GROUP):
            part = pa.array(clusters[start : start + len(batch)], pa.int32())
            writer.write_batch(pa.record_batch([*batch.columns, part], schema=schema))
            start += len(batch)


def origin_of(path: Path) -> Origin:
    """Return what a table was made from.

    Raises:
        SpoonfulError: it is not such a table; names it and what to do.
    """
    try:
        noted = (pq.read_schema(path).metadata or {}).get(_KEY, b"null")
        value = json.loads(noted)
    except (OSError, ValueError) as error:  # pyarrow's errors are among them
        raise unexpected(path, "a table of inspected images", error, REMAKE) from error
    return shaped(value, Origin, path, REMAKE)


def read_columns(path: Path, names: Sequence[str]) -> pa.Table:
    """Return some columns of a table.

    Raises:
        SpoonfulError: it cannot be read; names it and what to do.
    """
    try:
        found = pq.read_table(
            path, columns=list(names), use_threads=False, page_checksum_verification=True
        )
    except (OSError, ValueError, pa.ArrowException) as error:
        raise unexpected(path, "a table of inspected images", error, REMAKE) from error
    missing = set(names) - set(found.column_names)
    if missing:
        raise SpoonfulError(f"{path}: has no column {sorted(missing)[0]}; {REMAKE}")
    return found


def readable_contents(table: pa.Table) -> list[str | None]:
    """Return the SHA-256 of each image that can be read; None for the others, which have no copies.

    Args:
        table: with the columns "sha256" and "fault".
    """
    readable = pc.if_else(table.column("fault").is_null(), table.column("sha256"), None)
    found: list[str | None] = readable.to_pylist()
    return found


def faults_of(path: Path) -> dict[int, str]:
    """Return why an image cannot be read, by its position."""
    column = read_columns(path, ["fault"]).column("fault").to_pylist()
    return {position: fault for position, fault in enumerate(column) if fault is not None}


def rows_with(path: Path, names: Sequence[str], column: str) -> Iterator[dict[str, Any]]:
    """Yield the rows of which one column is not null, in order, with their position as "row"."""
    start = 0
    for batch in pq.ParquetFile(path).iter_batches(_ROWS_A_GROUP, columns=[*names]):
        found = np.flatnonzero(batch.column(column).is_valid().to_numpy(zero_copy_only=False))
        for row, place in zip(batch.take(pa.array(found)).to_pylist(), found, strict=True):
            yield {**row, "row": start + int(place)}
        start += len(batch)
