"""What is wrong with the rows of a table, all of it in one message."""

from collections.abc import Callable, Sequence
from pathlib import Path

from spoonful.errors import SpoonfulError
from spoonful.files.documents import shown

_NUM_NAMED = 10


class TableFaults:
    """Collects faults of rows, of several kinds.

    Args:
        table: the file or folder, for the message.
        name: returns the name of a row, by its position from 0 on; None: its number from 1 on.
    """

    def __init__(self, table: Path, name: Callable[[int], str] | None = None) -> None:
        self._table = table
        self._name = name or (lambda position: f"row {position + 1}")
        self._is_numbered = name is None
        self._parts: list[str] = []

    def column(self, name: str) -> str:
        """Name the table and a column of it, for the message of another error."""
        return f"{self._table}: column {shown(name)}"

    def add(
        self,
        what: str,
        positions: Sequence[int],
        value: Callable[[int], object] | None = None,
    ) -> None:
        """Note rows that have the same kind of fault; none is not a fault.

        Args:
            what: the kind, as in "3 rows <whose file is missing>".
            positions: the rows, from 0 on.
            value: returns what is wrong in a row; None: there is nothing to show.
        """
        if not len(positions):
            return
        first = ", ".join(
            self._name(p) + ("" if value is None else f" ({shown(value(p))})")
            for p in positions[:_NUM_NAMED]
        )
        num_more = len(positions) - _NUM_NAMED
        more = f" and {num_more:,} more" if num_more > 0 else ""
        rows = "1 row" if len(positions) == 1 else f"{len(positions):,} rows"
        self._parts.append(f"{rows} {what}: {first}{more}")

    def check(self) -> None:
        """Do nothing if there are none.

        Raises:
            SpoonfulError: names the number of rows of each kind, and the first of them.
        """
        if self._parts:
            counted = " (row 1 is the first one below the header)" if self._is_numbered else ""
            raise SpoonfulError(
                f"{self._table}: {'; '.join(self._parts)}; correct the table or bring the files "
                f"back{counted}"
            )
