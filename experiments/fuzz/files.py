"""Damaged stores and files that stages hand to each other, read as the stages read them."""

import os
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from damaged_file import damaged_content, put
from outcome import SAME, WRONG, Case
from project import PROJECT_NAME, copy_project
from reader import Reader
from stage_readers import STAGE_READERS
from store_readers import STORE_READERS

_SHOWN = 100


class Made(NamedTuple):
    """A damaged file, and who reads it."""

    reader: Reader
    name: str
    content: bytes | str
    random: np.random.Generator


class Files:
    """Damaged files by number.

    Args:
        seed: of the damage.
        folder: where they are written to be read; beside it lies the project.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        root = (folder / PROJECT_NAME).resolve()
        copy_project((folder.parent / PROJECT_NAME).resolve(), root)
        os.chdir(root)  # before anything asks where the project is
        self._readers = [make(root) for make in (*STORE_READERS, *STAGE_READERS)]
        shares = np.array([reader.share for reader in self._readers], float)
        self._shares = shares / shares.sum()
        self._undamaged = {reader: reader.read(0) for reader in self._readers}

    def make(self, number: int) -> tuple[Case, Made]:
        """Return a file by its number."""
        random = np.random.default_rng((self._seed, 1, number))
        reader = self._readers[random.choice(len(self._readers), p=self._shares)]
        name = reader.names[random.integers(len(reader.names))]
        data = (reader.folder / name).read_bytes()
        other = (reader.folder / reader.names[random.integers(len(reader.names))]).read_bytes()
        content, damage = damaged_content(data, other, random)
        if reader.own_damage is not None:
            content, damage = data, reader.own_damage
        return Case(reader.group, Path(name).name, damage), Made(reader, name, content, random)

    def read(self, made: Made) -> Any:
        """Read it as the stage does; the undamaged file is put back."""
        path = made.reader.folder / made.name
        whole = path.read_bytes()
        mode = int(made.random.integers(made.reader.num_modes))
        try:
            put(path, made.content)
            return made.reader.read(mode)
        finally:
            put(path, whole)
            made.reader.clean()

    def names(self, made: Made) -> tuple[str, ...]:
        """Return what a refusal must name: the file, or the folder that it lies in."""
        return made.reader.called(made.name)

    def judge(self, made: Made, served: Any) -> tuple[str, str]:
        """Compare what was served with what the undamaged file gives."""
        undamaged = self._undamaged[made.reader]
        if served == undamaged:
            return SAME, ""
        return WRONG, _difference(undamaged, served)


def _difference(undamaged: Any, served: Any) -> str:
    if isinstance(undamaged, dict) and isinstance(served, dict):
        names = [n for n in {**undamaged, **served} if undamaged.get(n) != served.get(n)]
        pairs = {name: (undamaged.get(name), served.get(name)) for name in names}
        return ", ".join(f"{name}: {_shown(a)}, now {_shown(b)}" for name, (a, b) in pairs.items())
    return f"{_shown(undamaged)}, now {_shown(served)}"


def _shown(value: Any) -> str:
    return repr(value)[:_SHOWN]
