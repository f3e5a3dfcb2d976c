"""The folder of a sweep: models/sweeps/<run id>, which also holds its points' models."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spoonful.files.checked_json import read_checked, write_checked
from spoonful.files.lock import locked
from spoonful.project import sweeps_dir
from spoonful.secrets import redacted
from spoonful.workflow.shuffle_choice import ShuffleChoice

if TYPE_CHECKING:
    from spoonful.sweep.study import StudyTrial

FINISHED, PRUNED, FAILED = "finished", "pruned", "failed"
_RECORD_NAME = "sweep.json"
_LOCK_NAME, _POINT_LOCK = "lock", ".lock"
_ORPHANS_S = 12.0  # a little more than their maximum: sweep_processes.ORPHAN_LIMIT_S
_OTHERWISE = "wait for it, end it, or begin another one with sweep.resume=null"
_POINT_NAME = re.compile(r"(\d{1,9})\.json", re.ASCII)


@dataclass(frozen=True)
class SweepRecord:
    """The description of a sweep, and its progress when it was last started.

    Attributes:
        run_id: its run in MLflow.
        name: name of that run.
        identity: equal for two starts of the same sweep; JSON types only.
        axes: the keys that take more than one value.
        num_points: number of points.
        num_done: points that were finished when it was last started.
        begun_s: the time of that start, in s since 1970.
        choice: what was chosen for generator.shuffle=auto, for all points; None: none asks for it.
    """

    run_id: str
    name: str
    identity: dict[str, Any]
    axes: tuple[str, ...]
    num_points: int
    num_done: int = 0
    begun_s: float = 0.0
    choice: ShuffleChoice | None = None

    def left_s(self, num_ended: int) -> float:
        """Return the time for the remaining points, if they take as long as the earlier ones."""
        num_now = num_ended - self.num_done
        if num_now <= 0:
            return 0.0
        passed_s = time.time() - self.begun_s
        return max(0, self.num_points - num_ended) * passed_s / num_now


@dataclass(frozen=True)
class PointRecord:
    """How a point of a sweep ended.

    Attributes:
        number: from 0.
        label: its values of the axes.
        overrides: overrides of the training.
        status: "finished", "pruned" or "failed".
        run_id: its run in MLflow; None: it failed before it had one.
        value: the value that a sweeper maximises or minimises.
        metrics: metrics of the epoch whose weights were kept.
        error: why it failed, in one line.
        duration_s: how long it took, without the time of an interrupted process.
        pruned_after: the epoch, from 1, after which it was stopped as hopeless.
    """

    number: int
    label: str
    overrides: list[str]
    status: str
    run_id: str | None
    value: float
    metrics: dict[str, float]
    error: str | None
    duration_s: float
    pruned_after: int | None = None


@dataclass(frozen=True)
class PlannedPoint:
    """A point that is to be trained.

    Attributes:
        number: from 0.
        overrides: overrides of its training.
        trial: receives the result of each epoch, in the point's process; None: not needed.
    """

    number: int
    overrides: list[str]
    trial: "StudyTrial | None" = None


@dataclass(frozen=True)
class SweepFolder:
    """The folder of one sweep."""

    path: Path

    @property
    def run_id(self) -> str:
        """The sweep's run in MLflow."""
        return self.path.name

    def record(self) -> SweepRecord | None:
        """Return the record of the sweep; None: there is none.

        Raises:
            SpoonfulError: the record is damaged; names it.
        """
        path = self.path / _RECORD_NAME
        if not path.exists():
            return None
        return read_checked(path, SweepRecord, f"remove {self.path} to give this sweep up")

    def write(self, record: SweepRecord) -> None:
        """Write the record of the sweep."""
        write_checked(self.path / _RECORD_NAME, asdict(record))

    def point(self, number: int) -> PointRecord | None:
        """Return how a point ended; None: it has not ended.

        Raises:
            SpoonfulError: its record is damaged; names it.
        """
        path = self.path / f"{number}.json"
        if not path.exists():
            return None
        remake = "remove it, and the point is trained again"
        # The value of a point that failed is infinite.
        return read_checked(path, PointRecord, remake, is_finite=False)

    def points(self) -> list[PointRecord]:
        """Return the points that ended, in their order."""
        found = (_POINT_NAME.fullmatch(path.name) for path in self.path.glob("*.json"))
        numbers = sorted(int(match[1]) for match in found if match)
        return [point for number in numbers if (point := self.point(number)) is not None]

    def write_point(self, record: PointRecord) -> None:
        """Record how a point ended, with overrides without logins."""
        kept = replace(record, overrides=without_logins(record.overrides))
        write_checked(self.path / f"{record.number}.json", asdict(kept))

    @contextmanager
    def held(self) -> Iterator[None]:
        """Lock the sweep against other processes that would run it.

        Raises:
            SpoonfulError: another process runs it, or still trains one of its points.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        what = f"sweep {self.run_id} is being run"
        with locked(self.path / _LOCK_NAME, what, remedy=_OTHERWISE):
            # The points of a killed sweep end by themselves.
            end = time.monotonic() + _ORPHANS_S
            for path in self.path.glob(f"*{_POINT_LOCK}"):
                left_s = max(0.0, end - time.monotonic())
                with locked(path, f"a point of {what}", left_s, _OTHERWISE):
                    path.unlink()
            yield

    @contextmanager
    def joined(self, number: int) -> Iterator[None]:
        """Lock point `number` while it trains: the process that runs the sweep may be killed.

        Raises:
            SpoonfulError: another process still trains it.
        """
        path = self.path / f"{number}{_POINT_LOCK}"
        with locked(path, f"point {number} of sweep {self.run_id} is being trained", _ORPHANS_S):
            try:
                yield
            finally:
                path.unlink(missing_ok=True)


def without_logins(overrides: Sequence[str]) -> list[str]:
    """Return overrides as a sweep stores them, without logins."""
    return [redacted(text) for text in overrides]


def sweep_folders() -> list[SweepFolder]:
    """Return the folders of all sweeps, the last started first."""
    found = []
    for record in sweeps_dir().glob(f"*/{_RECORD_NAME}"):
        with suppress(OSError):  # removed meanwhile
            found.append((record.stat().st_mtime, record.parent))
    return [SweepFolder(path) for _, path in sorted(found, reverse=True)]


def sweep_folder(run_id: str) -> SweepFolder:
    """Return the folder of a sweep, whether or not it exists."""
    return SweepFolder(sweeps_dir() / run_id)
