"""The record of a run while its server is down: models/journal/<time>-<run>, one line per entry.

Files named by an entry are beside the lines. The number of entries that the server has is kept,
too: a killed process has sent at most one more. A line begins with the SHA-256 of its entry, and
that number is followed by its own SHA-256: altered entries are not sent.
"""

import hashlib
import json
import os
import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spoonful.files.content_hash import content_hash
from spoonful.files.documents import decoded, parsed_json, read_bytes, shown, unexpected
from spoonful.files.lock import Lock, try_lock
from spoonful.files.whole import naming, replaced_file
from spoonful.project import journal_dir

Entry = dict[str, Any]

_GIVE_UP = "bring the file back, or remove its folder to give up what it holds"
_LINES, _NUM_SENT, _LOCK = "entries.jsonl", "num_sent", "lock"


@dataclass
class Journal:
    """One journal, locked by the process that writes or sends it.

    Attributes:
        path: its folder.
        about: what its entries belong to, JSON types only.
    """

    path: Path
    about: dict[str, Any]
    _lock: Lock
    _num_files: int = 0
    _writing: Any = field(default_factory=threading.Lock)

    def append(self, entry: Entry) -> Entry:
        """Add an entry; it is on the disk when this returns.

        Returns:
            The entry as stored: with the SHA-256 of its file, which may wait here for a long time.
        """
        if entry["kind"] == "file":
            entry = {**entry, "sha256": content_hash(self.path / entry["file"])}
        path = self.path / _LINES
        text = json.dumps(entry)
        left = f"{_digest(text)} {text}\n".encode()
        with self._writing, naming(path), path.open("ab", buffering=0) as lines:
            begin = lines.seek(0, os.SEEK_END)
            try:
                while left:
                    left = left[lines.write(left) :]
                os.fsync(lines.fileno())
            except OSError:
                lines.truncate(begin)  # the next entry would be added to half a line
                raise
        return entry

    def place_for(self, name: str) -> Path:
        """Return where a file or folder for a later entry may be written."""
        with self._writing:
            self._num_files += 1
            place = self.path / f"file-{self._num_files:06d}" / name
            place.parent.mkdir()
        return place

    def entries(self) -> list[Entry]:
        """Return all entries, without a line that a killed process left incomplete.

        Raises:
            SpoonfulError: a line has been altered; names the file and the line.
        """
        path = self.path / _LINES
        if not path.exists():
            return []
        *ended, last = decoded(read_bytes(path, _GIVE_UP), path, _GIVE_UP).split("\n")
        if _is_whole(last):  # except for its line break, which was lost
            ended.append(last)
        return [_entry(line, number, path) for number, line in enumerate(ended, start=1)]

    @property
    def num_sent(self) -> int | None:
        """Number of entries that the server has; None: unknown."""
        path = self.path / _NUM_SENT
        if not path.exists():
            return 0
        try:
            number, digest = path.read_text(encoding="utf-8").split()
            return int(number) if _digest(number) == digest else None
        except (OSError, ValueError):
            return None

    def note_sent(self, num: int) -> None:
        """Store the number of entries that the server has."""
        with replaced_file(self.path / _NUM_SENT) as beside:
            beside.write_text(f"{num} {_digest(str(num))}\n", encoding="utf-8")

    def remove(self) -> None:
        """Remove the journal: all of it was sent."""
        shutil.rmtree(self.path, ignore_errors=True)
        self.close()

    def close(self) -> None:
        """Unlock it for other processes."""
        self._lock.release()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _is_whole(line: str) -> bool:
    digest, _, text = line.partition(" ")
    return _digest(text) == digest


def _entry(line: str, number: int, path: Path) -> Entry:
    """Return the entry of a line; those of earlier versions have no digest.

    Raises:
        SpoonfulError: the line was altered.
    """
    digest, _, text = line.partition(" ")
    if line.startswith("{"):
        text = line
    elif not _is_whole(line):
        expected = f"line {number} with the SHA-256 {shown(digest)}, which it begins with"
        raise unexpected(path, expected, _digest(text), _GIVE_UP)
    entry = parsed_json(text, path, _GIVE_UP, is_finite=False)
    if not isinstance(entry, dict) or not isinstance(entry.get("kind"), str):
        raise unexpected(path, f"an entry of some kind in line {number}", shown(text), _GIVE_UP)
    return entry


def new_journal(name: str, about: dict[str, Any]) -> Journal:
    """Begin a journal.

    Args:
        name: name of the run or other subject.
        about: what the entries belong to, JSON types only.
    """
    path = journal_dir() / f"{time.time_ns():020d}-{name}"
    path.mkdir(parents=True)
    lock = try_lock(path / _LOCK)
    if lock is None:
        raise RuntimeError(f"{path} is new and held by another process")
    journal = Journal(path, about, lock)
    journal.append(about)
    return journal


def left_journals() -> list[Path]:
    """Return the existing journals, the oldest first."""
    return sorted(path.parent for path in journal_dir().glob(f"*/{_LINES}"))


@contextmanager
def opened(path: Path) -> Iterator[Journal | None]:
    """Lock a journal left by another process; None: a process still writes it, or it is gone.

    Raises:
        SpoonfulError: its lines were altered.
    """
    lock = try_lock(path / _LOCK)
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
