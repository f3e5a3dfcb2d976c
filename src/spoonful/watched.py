"""Processes that end when another one has, however that was."""

import signal
import threading
import time
from collections.abc import Callable

_POLL_S = 0.5


def end_after(pid: int, limit_s: float, end: Callable[[signal.Signals], object]) -> None:
    """End once another process is gone: by SIGTERM, and by SIGKILL where that takes too long.

    Args:
        pid: of the other process.
        limit_s: between the two.
        end: sends a signal to what is to end.
    """

    def watch() -> None:
        _wait_for(pid)
        end(signal.SIGTERM)
        time.sleep(limit_s)
        end(signal.SIGKILL)

    threading.Thread(target=watch, name="spoonful-watch", daemon=True).start()


def _wait_for(pid: int) -> None:
    import psutil

    try:
        other = psutil.Process(pid)
        while other.is_running() and other.status() != psutil.STATUS_ZOMBIE:
            time.sleep(_POLL_S)
    except psutil.NoSuchProcess:
        return
