"""Read columns of a table: CSV with any usual delimiter, or Parquet."""

import difflib
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.files.documents import shown
from spoonful.sources.table_csv import header_of, read_csv

_ROWS_A_BATCH = 65_536
_MAX_COLUMNS_SHOWN = 12
_PARQUET_START = b"PAR1"


def read_columns(path: Path, names: Sequence[str]) -> Any:
    """Return columns of a table as a `pyarrow.Table`, in the order of `names`.

    Columns of a CSV file are texts, as they are written there; an empty cell is an empty text.
    Those of a Parquet file have its types. Only these columns are kept in memory.

    Args:
        path: a UTF-8 CSV file (delimited by commas, semicolons, tabs or bars; compressed if its
            name says so, such as .csv.gz), or a Parquet file.
        names: the columns; each at least once.

    Raises:
        SpoonfulError: no such file, no such column, or rows that cannot be read; names them.
    """
    import pyarrow as pa

    wanted = list(dict.fromkeys(names))
    _check_regular(path)
    try:
        with path.open("rb") as file:
            is_parquet = file.read(len(_PARQUET_START)) == _PARQUET_START
        return _read_parquet(path, wanted) if is_parquet else _read_csv(path, wanted)
    except (pa.ArrowException, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SpoonfulError(
            f"{path}: cannot be read as a table ({reason}); expected CSV in UTF-8, or Parquet"
        ) from error


def texts(column: Any, where: str, expected: str = "texts or whole numbers") -> Any:
    """Return a column of texts, whole numbers or truth values as texts; what is missing stays so.

    Args:
        column: `pyarrow.ChunkedArray`.
        where: names the table and the column, for the message.
        expected: what the column should hold, for the message.

    Raises:
        SpoonfulError: it holds values of another type.
    """
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
        column = column.cast(kind)
    if pa.types.is_string_view(kind):
        return pa.chunked_array([pa.array(column.to_pylist(), pa.string())])
    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    if is_text or pa.types.is_null(kind):
        return column.cast(pa.string())
    if pa.types.is_integer(kind) or pa.types.is_boolean(kind):
        return column.cast(pa.string())
    raise SpoonfulError(f"{where} holds values of type {kind}: expected {expected}")


def _check_regular(path: Path) -> None:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise SpoonfulError(f"{path}: no table to read ({reason})") from error
    if not stat.S_ISREG(mode):
        what = "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
        raise SpoonfulError(f"{path}: {what}, expected a table: a CSV or Parquet file")


def _read_parquet(path: Path, names: list[str]) -> Any:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        _check_names(path, names, schema.names)
        batches = list(file.iter_batches(_ROWS_A_BATCH, columns=names))
        return pa.Table.from_batches(batches, None if batches else schema).select(names)


def _read_csv(path: Path, names: list[str]) -> Any:
    delimiter, header = header_of(path, names)
    _check_names(path, names, header)
    return read_csv(path, names, delimiter, len(header))


def _check_names(path: Path, names: list[str], found: list[str]) -> None:
    """Check that a table has each of the wanted columns, once."""
    missing = [name for name in names if name not in found]
    if missing:
        close = difflib.get_close_matches(missing[0], found, n=1)
        hint = f"did you mean {shown(close[0])}? " if close else ""
        listed = ", ".join(shown(name) for name in found[:_MAX_COLUMNS_SHOWN])
        more = f" and {len(found) - _MAX_COLUMNS_SHOWN:,} more" * (len(found) > _MAX_COLUMNS_SHOWN)
        wanted = ", ".join(shown(name) for name in missing[:_MAX_COLUMNS_SHOWN])
        raise SpoonfulError(
            f"{path}: has no column {wanted}: {hint}it has "
            f"{f'the columns {listed}{more}' if found else 'no header'}"
        )
    twice = [name for name in names if found.count(name) > 1]
    if twice:
        raise SpoonfulError(
            f"{path}: has several columns {shown(twice[0])}; give each a name of its own"
        )
