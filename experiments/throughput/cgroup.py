"""Limit this process' memory by a control group of Linux, version 1 or 2."""

import contextlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cases import Skipped

_ROOT = Path("/sys/fs/cgroup")
_NAME = "spoonful-throughput"


@dataclass(frozen=True)
class _Place:
    """Where a group can be made.

    Attributes:
        home: the group that this process is in now.
        parent: the group to make one in.
        limit_file: what its limit is written to.
    """

    home: Path
    parent: Path
    limit_file: str


@contextlib.contextmanager
def memory_limit(num_bytes: int) -> Iterator[Path]:
    """Run a block with at most so many bytes of memory, its part of the page cache included.

    Raises:
        Skipped: this process may not make such a group here.
    """
    place = _place()
    group = place.parent / f"{_NAME}-{os.getpid()}"
    try:
        _remove_leftovers(place.parent)
        group.mkdir()
        (group / place.limit_file).write_text(str(num_bytes))
        _without_swap(group, num_bytes)
        (group / "cgroup.procs").write_text(str(os.getpid()))
    except OSError as error:
        with contextlib.suppress(OSError):
            group.rmdir()
        raise Skipped(
            f"no memory limit can be set below {place.parent} ({error.strerror})"
        ) from error
    try:
        yield group
    finally:
        (place.home / "cgroup.procs").write_text(str(os.getpid()))
        group.rmdir()


def _place() -> _Place:
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError as error:
        raise Skipped("no control groups on this system") from error
    paths = {controllers: path for _, controllers, path in (line.split(":", 2) for line in lines)}
    for controllers, path in paths.items():
        if "memory" in controllers.split(","):
            home = _ROOT / "memory" / path.lstrip("/")
            return _Place(home, home, "memory.limit_in_bytes")
    home = _ROOT / paths.get("", "/").lstrip("/")
    # In version 2 a group that holds processes may not have limited groups in it: go beside it.
    for folder in (home, *home.parents):
        control = folder / "cgroup.subtree_control"
        if control.is_file() and "memory" in control.read_text().split():
            return _Place(home, folder, "memory.max")
    raise Skipped("this process is in no memory control group that it could divide")


def _remove_leftovers(parent: Path) -> None:
    """Remove the groups of processes that were killed; one with a process in it stays."""
    for group in parent.glob(f"{_NAME}-*"):
        with contextlib.suppress(OSError):
            group.rmdir()


def _without_swap(group: Path, num_bytes: int) -> None:
    """Let swap not stand in for memory, where the system has it."""
    for name, value in (("memory.memsw.limit_in_bytes", num_bytes), ("memory.swap.max", 0)):
        with contextlib.suppress(OSError):
            (group / name).write_text(str(value))
