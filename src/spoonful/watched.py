"""Processes that end when another one has, however that was.

A thread of the process sees to it, and lets it end in order. Where no thread gets its turn, inside
a long import or native code, the kernel does it; Linux alone can.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

SWEEP_PID = "SPOONFUL_SWEEP_PID"  # the variable that names a sweep's process to its server of forks
_POLL_S = 0.5
_SET_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h


def end_after(
    wait: Callable[[], object], limit_s: float, end: Callable[[signal.Signals], object]
) -> None:
    """End once another process is gone: by SIGTERM, and by SIGKILL where that takes too long.

    Args:
        wait: returns once that process is gone.
        limit_s: between the two signals.
        end: sends a signal to what is to end.
    """

    def watch() -> None:
        wait()
        end(signal.SIGTERM)
        time.sleep(limit_s)
        end(signal.SIGKILL)

    threading.Thread(target=watch, name="spoonful-watch", daemon=True).start()


def end_self(number: signal.Signals) -> None:
    """Send a signal to this process."""
    os.kill(os.getpid(), number)


def wait_for_end(pid: int) -> None:
    """Wait until a process, of whatever parent, is gone."""
    import psutil

    try:
        other = psutil.Process(pid)
        while other.is_running() and other.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_POLL_S)
    except psutil.NoSuchProcess:
        return


def end_with_parent(parent_pid: int | None = None) -> None:
    """Let the kernel kill this process when its parent has ended.

    Args:
        parent_pid: the parent's; where it has ended already, this process ends at once.
    """
    _set_signal(signal.SIGKILL)
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(0)


def outlive_parent() -> None:
    """Let this process live when its parent has ended, as processes do."""
    _set_signal(0)


def _set_signal(number: int) -> None:
    if sys.platform == "linux":
        import ctypes  # this module is imported at the start of every command

        ctypes.CDLL(None, use_errno=True).prctl(_SET_SIGNAL, number)
