"""How much memory is available to this process and the files that it reads."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def memory_room(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes that this process and files in the page cache may still take.

    This is the memory that the system could free, or the rest of the limit of control groups
    (version 1 or 2: containers, batch systems), whichever is less. None: unknown.

    Args:
        proc: where the system describes processes.
        groups: where it describes control groups.
    """
    try:
        available = _entry(proc / "meminfo", "MemAvailable:") * 1024
        resident = _entry(proc / "self" / "status", "VmRSS:") * 1024
    except (OSError, ValueError):
        return None
    return max(0, min(available, *(limit - resident for limit in _limits(proc, groups))))


def _limits(proc: Path, groups: Path) -> Iterator[int]:
    """Yield the limits of all groups of this process; the last value means no limit."""
    with suppress(OSError, ValueError):
        for line in (proc / "self" / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                # Inside a container, the path may be the one outside it.
                for folder in (groups / "memory" / path.lstrip("/"), groups / "memory"):
                    with suppress(OSError, ValueError):
                        yield _entry(folder / "memory.stat", "hierarchical_memory_limit")
            if not controllers:
                folder = groups / path.lstrip("/")
                for above in (folder, *folder.parents):
                    with suppress(OSError, ValueError):
                        yield int((above / "memory.max").read_text())
                    if above == groups:
                        break
    yield 1 << 62


def _entry(path: Path, name: str) -> int:
    """Return the number after a name in a file with lines "name number"."""
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == [name]:
            return int(words[1])
    raise ValueError(f"{path}: no {name}")
