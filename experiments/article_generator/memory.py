"""The memory of this process, as Linux counts it."""

from pathlib import Path


def resident_mb() -> float:
    """Return the resident memory of this process, in MiB; pages of mapped files count."""
    return _status_mb("VmRSS")


def peak_resident_mb() -> float:
    """Return the largest resident memory so far, in MiB.

    getrusage would count the memory of the process that started this one, too.
    """
    return _status_mb("VmHWM")


def _status_mb(name: str) -> float:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 2**10
    raise SystemExit(f"/proc/self/status has no {name}: the experiment needs Linux")
