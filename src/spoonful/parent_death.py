"""Let the kernel end a process together with its parent.

It needs no thread of the process, which may be inside a long import or native code. Linux alone has
it; elsewhere these functions do nothing.
"""

import ctypes
import os
import signal
import sys

_SET_SIGNAL = 1  # PR_SET_PDEATHSIG of linux/prctl.h


def end_with_parent(parent_pid: int | None = None) -> None:
    """Let this process be killed when its parent has ended.

    Args:
        parent_pid: the parent's; where it has ended already, this process ends at once.
    """
    _set(signal.SIGKILL)
    if parent_pid is not None and os.getppid() != parent_pid:
        os._exit(0)


def outlive_parent() -> None:
    """Let this process live when its parent has ended, as processes do."""
    _set(0)


def _set(number: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_SIGNAL, number)
