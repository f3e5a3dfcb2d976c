"""The largest resident memory of this process."""

import resource
import sys
from contextlib import suppress
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
_RESET_PEAK = "5"  # proc(5)


def peak_rss_mb() -> float:
    """Return the largest resident memory since `reset_peak_rss`, in MiB."""
    with suppress(OSError, StopIteration, ValueError):
        # Not ru_maxrss if avoidable: it starts with the size of the parent process.
        lines = _STATUS.read_text(encoding="ascii").splitlines()
        return int(next(line for line in lines if line.startswith("VmHWM:")).split()[1]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def reset_peak_rss() -> None:
    """Reset the peak if the system allows it: the points of a sweep share a process.

    Memory left by an earlier training in the process still counts.
    """
    with suppress(OSError):
        _CLEAR.write_text(_RESET_PEAK, encoding="ascii")
