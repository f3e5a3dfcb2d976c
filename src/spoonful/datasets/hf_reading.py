"""Read the images in columns of Arrow and Parquet files, a few rows at a time."""

import bisect
import itertools
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.sources.images.decode import read_bytes

# Row groups of Parquet files that are kept, so that threads which read beside each other share
# them; the package datasets writes 100 images into one.
_NUM_KEPT = 2
_ROWS_A_BATCH = 64


class HfImages:
    """Images in the rows of files, by their position in all of them.

    A mapped Arrow file takes no memory of its own; of Parquet files, some row groups are kept.

    Args:
        folder: that paths in the data are below, if they are not absolute.
        files: Arrow streams or Parquet files.
        column: of the images: bytes, or a struct of bytes and path.
    """

    def __init__(self, folder: Path, files: Sequence[Path], column: str) -> None:
        self._folder = folder
        self._files = list(files)
        self._column = column
        self._kept: dict[Any, Any] = {}
        self._lock = threading.RLock()
        self._starts = [0, *itertools.accumulate(num_rows(path) for path in self._files)]

    def __len__(self) -> int:
        return self._starts[-1]

    def __getstate__(self) -> dict[str, Any]:
        """Leave out what cannot be sent to another process."""
        return {**vars(self), "_kept": {}, "_lock": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state, _lock=threading.RLock())

    def read(self, position: int) -> bytes:
        """Return the bytes of an image's file.

        Raises:
            SpoonfulError: the file with the row, or the one that the row names, cannot be read.
        """
        path, row = self._place(position)
        with _named(path):
            value = self._rows(path, row)
        content, name = _content(value)
        if content is not None:
            return content
        if not name:
            raise SpoonfulError(f"{self.origin(position)}: holds neither bytes nor a path")
        return read_bytes(self._folder / name)

    def place(self, position: int, target: Path) -> None:
        """Write an image's bytes into the file `target`."""
        target.write_bytes(self.read(position))

    def origin(self, position: int) -> str:
        """Return the file and the row, counted from 0."""
        path, row = self._place(position)
        return f"{path}, row {row}"

    def file_of(self, position: int) -> int:
        """Return the number of the file that holds an image."""
        return bisect.bisect_right(self._starts, position) - 1

    def row_of(self, position: int) -> int:
        """Return an image's row in its file."""
        return position - self._starts[self.file_of(position)]

    def _place(self, position: int) -> tuple[Path, int]:
        number = self.file_of(position)
        return self._files[number], position - self._starts[number]

    def _rows(self, path: Path, row: int) -> Any:
        with self._lock:
            if path.suffix != ".parquet":
                return self._of(path, lambda: _mapped(path)[self._column])[row].as_py()
            file, starts = self._of(path, lambda: _opened(path))
            group = bisect.bisect_right(starts, row) - 1
            column = self._of((path, group), lambda: _group(file, group, self._column))
            return column[row - starts[group]].as_py()

    def _of(self, what: Any, make: Any) -> Any:
        """Return what was kept, or make it and forget the oldest row group."""
        if what not in self._kept:
            groups = [key for key in self._kept if isinstance(key, tuple)]
            if len(groups) >= _NUM_KEPT:
                del self._kept[groups[0]]
            self._kept[what] = make()
        return self._kept[what]


def schema_of(path: Path) -> Any:
    """Return the `pyarrow.Schema` of a file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _named(path):
        if path.suffix == ".parquet":
            return pq.read_schema(path)
        with pa.memory_map(str(path)) as file, pa.ipc.open_stream(file) as reader:
            return reader.schema


def columns_of(path: Path, names: Sequence[str]) -> Any:
    """Return columns of a file as a `pyarrow.Table`."""
    import pyarrow.parquet as pq

    with _named(path):
        if path.suffix == ".parquet":
            return pq.read_table(path, columns=list(names), partitioning=None).select(list(names))
        return _mapped(path).select(list(names))


def num_rows(path: Path) -> int:
    """Return the number of rows of a file."""
    import pyarrow.parquet as pq

    with _named(path):
        if path.suffix == ".parquet":
            return int(pq.read_metadata(path).num_rows)
        return int(_mapped(path).num_rows)


def contents(path: Path, column: str) -> Iterator[tuple[bytes | None, str | None]]:
    """Yield the bytes and the path of each image of a file, each None where it has none."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    with _named(path):
        if path.suffix == ".parquet":
            with pq.ParquetFile(path) as file:
                for batch in file.iter_batches(_ROWS_A_BATCH, columns=[column]):
                    yield from map(_content, batch.column(0).to_pylist())
            return
        with pa.memory_map(str(path)) as mapped, pa.ipc.open_stream(mapped) as reader:
            for batch in reader:
                cells = batch.column(batch.schema.get_field_index(column))
                for start in range(0, len(cells), _ROWS_A_BATCH):
                    yield from map(_content, cells.slice(start, _ROWS_A_BATCH).to_pylist())


def _content(value: Any) -> tuple[bytes | None, str | None]:
    if isinstance(value, dict):
        return value.get("bytes"), value.get("path")
    return value, None


def _mapped(path: Path) -> Any:
    import pyarrow as pa

    return pa.ipc.open_stream(pa.memory_map(str(path))).read_all()


def _opened(path: Path) -> tuple[Any, list[int]]:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    sizes = [file.metadata.row_group(number).num_rows for number in range(file.num_row_groups)]
    return file, [0, *itertools.accumulate(sizes)]


def _group(file: Any, number: int, column: str) -> Any:
    return file.read_row_group(number, columns=[column]).column(0)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Let an error of pyarrow name the file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowException, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise SpoonfulError(
            f"{path}: cannot be read as an Arrow stream or a Parquet file ({reason}); copy the "
            "data again"
        ) from error
