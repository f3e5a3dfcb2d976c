"""How much memory there is for this process and the files that it reads."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path


def memory_room(proc: Path = Path("/proc"), groups: Path = Path("/sys/fs/cgroup")) -> int | None:
    """Return the bytes that this process and files in the page cache may still take.

    That is what the system could free, or what control groups (version 1 or 2: containers, batch
    systems) leave of their limit, whichever is less. None: the system does not say.

    Args:
        proc: where the system tells about processes.
        groups: where it tells about control groups.
    """
    try:
        available = _entry(proc / "meminfo", "MemAvailable:") * 1024
        resident = _entry(proc / "self" / "status", "VmRSS:") * 1024
    except (OSError, ValueError):
        return None
    return max(0, min(available, *(limit - resident for limit in _limits(proc, groups))))


def _limits(proc: Path, groups: Path) -> Iterator[int]:
    """Give the limits of all groups that this process is in; the last one is none."""
    with suppress(OSError, ValueError):
        for line in (proc / "self" / "cgroup").read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if "memory" in controllers.split(","):
                # Inside a container the path may be that outside of it.
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
    """Return the number after a name in a file of lines "name number"."""
    for line in path.read_text().splitlines():
        words = line.split()
        if words[:1] == [name]:
            return int(words[1])
    raise ValueError(f"{path}: no {name}")
