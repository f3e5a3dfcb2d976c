"""Read columns of a CSV file with any usual delimiter, and refuse quotes that are not closed."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from spoonful.errors import SpoonfulError

_DELIMITERS = (",", ";", "\t", "|")
_HEADER_BYTES = 1 << 20
# A row must fit into a block; a block is in memory twice.
_BLOCK_BYTES = 16 << 20
_NUM_NAMED = 10
# Read after the file's own rows: only an open quote can take it into one of them.
_END = "\x1fend of the table\x1f"
_COUNTED = "(row 1 is the first one below the header)"


class _WithEnd(io.RawIOBase):
    """The bytes of a stream, and then a row of its own."""

    def __init__(self, stream: Any, end: bytes) -> None:
        self._stream = stream
        self._end = end

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        # Filled as far as there are bytes: else a header without a line end would be a block.
        found: bytes = self._stream.read(size)
        while len(found) < size and (more := self._more(size - len(found))):
            found += more
        return found

    def _more(self, size: int) -> bytes:
        more: bytes = self._stream.read(size)
        if not more:
            more, self._end = self._end[:size], self._end[size:]
        return more


def read_csv(path: Path, names: Sequence[str], delimiter: str, num_columns: int) -> Any:
    """Return columns of a CSV file as a `pyarrow.Table` of texts.

    Args:
        path: the file.
        names: the columns; each is in the header once.
        delimiter: between the cells.
        num_columns: cells of the header.

    Raises:
        SpoonfulError: rows of another length than the header, or a quote that is not closed.
    """
    wrong: list[Any] = []
    # A row of a wrong length, so that it is noted and not returned.
    end = _END if num_columns > 1 else delimiter.join((_END, _END))
    table = _rows(path, names, delimiter, end, wrong)
    if not wrong or wrong[-1].text.strip("\r\n") != end:
        raise _open_quote(path, len(table) + len(wrong))
    _check_lengths(path, wrong[:-1], delimiter)
    if any(_has_line_break(table[name]) for name in names):
        _check_quotes(path, delimiter)
    return table


def _rows(path: Path, names: Sequence[str], delimiter: str, end: str, wrong: list[Any]) -> Any:
    """Return the rows as a `pyarrow.Table`, and add those of a wrong length to `wrong`."""
    import pyarrow as pa
    from pyarrow import csv as pacsv

    def note(row: Any) -> str:
        wrong.append(row)
        return "skip"

    batches: list[Any] = []
    with pa.input_stream(str(path)) as stream:
        try:
            reader = pacsv.open_csv(
                _WithEnd(stream, f"\n{end}\n".encode()),
                # One thread: else the numbers of wrong rows would not be known.
                pacsv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
                pacsv.ParseOptions(
                    delimiter=delimiter, newlines_in_values=True, invalid_row_handler=note
                ),
                pacsv.ConvertOptions(
                    column_types=dict.fromkeys(names, pa.string()),
                    include_columns=names,
                    strings_can_be_null=False,
                ),
            )
            batches.extend(reader)
        except pa.ArrowInvalid as error:
            if "straddling" in str(error):
                raise _too_long(path, sum(map(len, batches)) + len(wrong) + 1) from error
            raise
    return pa.Table.from_batches(batches, reader.schema)


def header_of(path: Path, names: Sequence[str]) -> tuple[str, list[str]]:
    """Return the delimiter with which the header holds the most of the columns, and its cells.

    Raises:
        SpoonfulError: the file does not begin with UTF-8 text.
    """
    import pyarrow as pa

    with pa.input_stream(str(path)) as stream:
        content = stream.read(_HEADER_BYTES)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if len(content) < _HEADER_BYTES or error.start < len(content) - 4:  # not a cut character
            byte = f"byte {content[error.start]:#04x} at {error.start}"
            raise SpoonfulError(
                f"{path}: expected UTF-8 text, found {byte}; save it as CSV in UTF-8"
            ) from error
        text = content[: error.start].decode("utf-8-sig")
    headers = {delimiter: _cells(text, delimiter) for delimiter in _DELIMITERS}
    best = max(_DELIMITERS, key=lambda d: (len(set(names) & set(headers[d])), len(headers[d]) > 1))
    return best, headers[best]


def _cells(text: str, delimiter: str) -> list[str]:
    try:
        rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        return next((row for row in rows if row), [])
    except csv.Error:
        return []


def _check_lengths(path: Path, wrong: Sequence[Any], delimiter: str) -> None:
    if not wrong:
        return
    first = ", ".join(f"row {row.number - 1} ({row.actual_columns})" for row in wrong[:_NUM_NAMED])
    more = f" and {len(wrong) - _NUM_NAMED:,} more" if len(wrong) > _NUM_NAMED else ""
    raise SpoonfulError(
        f"{path}: expected {wrong[0].expected_columns} cells in each row, as in the header, found "
        f"{first}{more}; put cells that contain {delimiter!r} or a line break in double quotes "
        f"{_COUNTED}"
    )


def _has_line_break(column: Any) -> bool:
    import pyarrow.compute as pc

    return bool(pc.any(pc.match_substring_regex(column, "[\r\n]")).as_py())


def _check_quotes(path: Path, delimiter: str) -> None:
    """Refuse text behind a closing quote: the next row's opening quote has closed an open one.

    Only for tables with line breaks in their cells: it is slower than reading them. Bytes that are
    not UTF-8 may be in columns that nobody reads.
    """
    import pyarrow as pa

    with pa.input_stream(str(path)) as stream:
        lines = io.TextIOWrapper(stream, encoding="utf-8-sig", errors="replace", newline="")
        rows = csv.reader(lines, delimiter=delimiter, strict=True)
        number = 0  # of the row that is being read; the header is 0
        try:
            for row in rows:
                number += bool(row)
        except csv.Error as error:
            if "expected after" in str(error):
                raise _open_quote(path, number) from error


def _open_quote(path: Path, row: int) -> SpoonfulError:
    where = f"row {row}" if row else "the header"
    return SpoonfulError(
        f"{path}: a double quote that opens in {where} is not closed in its cell; close it, or "
        f"remove it; write one that belongs to a text twice, in a cell in quotes {_COUNTED}"
    )


def _too_long(path: Path, row: int) -> SpoonfulError:
    return SpoonfulError(
        f"{path}: row {row} has more than {_BLOCK_BYTES >> 20} MiB, as if a double quote that "
        f"opens there were not closed; close it, or shorten the row {_COUNTED}"
    )
