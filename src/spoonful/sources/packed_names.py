"""ids.arrow: what the examples of a packed split were called."""

from pathlib import Path

from spoonful.errors import SpoonfulError
from spoonful.sources.packed_meta import IDS_NAME, REMAKE


class ExampleNames:
    """The ids of a store, mapped: asking for one reads one.

    Args:
        folder: the store.
        num_examples: how many ids it must hold.

    Raises:
        SpoonfulError: the file is gone or damaged; names it.
    """

    def __init__(self, folder: Path, num_examples: int) -> None:
        import pyarrow as pa  # 0.2 s, for what only messages need

        self._path = folder / IDS_NAME
        self._errors = (OSError, ValueError, IndexError, pa.ArrowException)
        try:
            table = pa.ipc.open_file(pa.memory_map(str(self._path))).read_all()
            self._column = table.column(0)
            if len(self._column) != num_examples:
                raise ValueError(f"{len(self._column)} ids")
        except self._errors as error:
            raise self._damaged(f"{num_examples} ids", error) from error

    def __getitem__(self, index: int) -> str:
        try:
            return str(self._column[int(index)].as_py())
        except self._errors as error:
            raise self._damaged(f"the id of example {index}", error) from error

    def _damaged(self, expected: str, error: Exception) -> SpoonfulError:
        found = (str(error) or type(error).__name__).splitlines()[0]
        return SpoonfulError(f"{self._path}: expected {expected}, found: {found}; {REMAKE}")
