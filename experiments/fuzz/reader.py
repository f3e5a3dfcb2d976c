"""One reader of stores or stage files."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True, eq=False)
class Reader:
    """Reads what lies in a folder.

    Attributes:
        group: what the files are, for the table.
        folder: where they lie.
        names: of the files that are damaged.
        share: how often, beside the others.
        read: (mode) -> what the files say, comparable; SpoonfulError or Refusal.
        num_modes: in how many ways.
        outputs: what reading leaves behind.
        alias: what a refusal may say instead of a file's name.
        own_damage: what `read` itself does to the files; None: they are damaged before.
    """

    group: str
    folder: Path
    names: tuple[str, ...]
    share: float
    read: Callable[[int], Any]
    num_modes: int = 1
    outputs: tuple[Path, ...] = ()
    alias: tuple[str, ...] = ()
    own_damage: str | None = None

    def called(self, name: str) -> tuple[str, ...]:
        """Return what a refusal must name."""
        return (Path(name).name, str(self.folder), *self.alias)

    def clean(self) -> None:
        """Remove what reading left behind."""
        for path in self.outputs:
            shutil.rmtree(path, ignore_errors=True)
