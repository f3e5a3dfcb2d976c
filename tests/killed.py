"""Act in a child process that kills itself at its n-th change of the disk."""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any

_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "shutil.rmtree"}


def in_child(act: Callable[[], object], kill_at: int) -> bool:
    """Act in a child that is killed before its change `kill_at`, from 0; tell whether it was."""
    child = os.fork()
    if child == 0:
        left = kill_at

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
            if event in _CHANGES or writes:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            act()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
