"""What a run records while its server is away: models/journal/<time>-<run>, a line an entry.

Files that an entry tells of lie beside the lines. The number of entries that the server has is
kept, too: a process that was killed has sent at most one more.
"""

import fcntl
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from spoonful.files import replaced_file
from spoonful.project import journal_dir

Entry = dict[str, Any]

_LINES, _NUM_SENT, _LOCK = "entries.jsonl", "num_sent", "lock"


@dataclass
class Journal:
    """One journal, held by the process that writes or sends it.

    Attributes:
        path: its folder.
        about: what its entries belong to, JSON types only.
    """

    path: Path
    about: dict[str, Any]
    _lock: IO[str]
    _num_files: int = 0
    _writing: Any = field(default_factory=threading.Lock)

    def append(self, entry: Entry) -> None:
        """Add an entry; it is on the disk when this returns."""
        with self._writing, (self.path / _LINES).open("a", encoding="utf-8") as lines:
            lines.write(json.dumps(entry) + "\n")
            lines.flush()
            os.fsync(lines.fileno())

    def place_for(self, name: str) -> Path:
        """Return where a file or folder for an entry to come may be written."""
        with self._writing:
            self._num_files += 1
            place = self.path / f"file-{self._num_files:06d}" / name
            place.parent.mkdir()
        return place

    def entries(self) -> list[Entry]:
        """Return all entries; a line that a killed process did not end is none."""
        try:
            text = (self.path / _LINES).read_text(encoding="utf-8")
        except FileNotFoundError:
            return []
        whole = text.split("\n")[:-1]
        return [json.loads(line) for line in whole]

    @property
    def num_sent(self) -> int:
        """How many entries the server has."""
        try:
            return int((self.path / _NUM_SENT).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return 0

    def note_sent(self, num: int) -> None:
        """Keep how many entries the server has."""
        with replaced_file(self.path / _NUM_SENT) as beside:
            beside.write_text(str(num), encoding="utf-8")

    def remove(self) -> None:
        """Remove the journal: all of it was sent."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Let other processes have it."""
        self._lock.close()


def new_journal(name: str, about: dict[str, Any]) -> Journal:
    """Begin a journal.

    Args:
        name: of the run or what else it is about.
        about: what the entries belong to, JSON types only.
    """
    path = journal_dir() / f"{time.time_ns():020d}-{name}"
    path.mkdir(parents=True)
    lock = _locked(path)
    if lock is None:
        raise RuntimeError(f"{path} is new and held by another process")
    journal = Journal(path, about, lock)
    journal.append(about)
    return journal


def left_journals() -> list[Path]:
    """Return the journals that are there, the oldest first."""
    return sorted(path.parent for path in journal_dir().glob(f"*/{_LINES}"))


@contextmanager
def opened(path: Path) -> Iterator[Journal | None]:
    """Hold a journal that another process left; None: a process still writes it, or it is gone."""
    lock = _locked(path) if path.is_dir() else None
    if lock is None:
        yield None
        return
    journal = Journal(path, {}, lock)
    try:
        entries = journal.entries()
        if entries:
            journal.about = entries[0]
            yield journal
        else:  # killed before its first line
            journal.remove()
            yield None
    finally:
        journal.close()


def _locked(path: Path) -> IO[str] | None:
    try:
        lock = (path / _LOCK).open("a")
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        return None
    return lock
