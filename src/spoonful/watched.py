"""Processes that end when another one has ended in any way.

A thread of the process checks this, and ends it cleanly. If no thread can run, inside a long import
or native code, the kernel ends it; only Linux supports this.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable

SWEEP_PID = "SPOONFUL_SWEEP_PID"  # tells the server of forks the sweep's process
_POLL_S = 0.5
_SET_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h


def end_after(
    wait: Callable[[], object], limit_s: float, end: Callable[[signal.Signals], object]
) -> None:
    """End once another process is gone: by SIGTERM, and by SIGKILL if that takes too long.

    Args:
        wait: returns once that process is gone.
        limit_s: time between the two signals.
        end: sends a signal to the process to end.
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
    """Wait until a process is gone, whatever its parent."""
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
        parent_pid: the parent's; if it has already ended, this process ends at once.
    """
    _set_signal(signal.SIGKILL)
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(0)


def outlive_parent() -> None:
    """Let this process live after its parent has ended, as is the default."""
    _set_signal(0)


def _set_signal(number: int) -> None:
    if sys.platform == "linux":
        import ctypes  # this module is imported at the start of every command

        ctypes.CDLL(None, use_errno=True).prctl(_SET_SIGNAL, number)
