"""`spoonful`, killed just before its n-th change of the project: struck.py LOG N <stage> [k=v].

LOG gets a line a change: what Python's audit events tell of files opened for writing, renamed,
removed and made in the folder that it is run in. N is -1 for a run that is only listened to.
"""

import os
import re
import runpy
import signal
import sys
from pathlib import Path
from typing import Any

_CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "shutil.rmtree")
_RANDOM = re.compile(r"\b[0-9a-f]{8,32}\b")  # what makes names unique
_NUMBER = re.compile(r"\d+")


def label(event: str, path: str) -> str:
    """Return what is the same of a change from run to run, and for the many files of a folder."""
    return f"{event.rpartition('.')[2]} {_NUMBER.sub('N', _RANDOM.sub('ID', path))}"


def main() -> None:
    """Run a stage, and end it at its n-th change."""
    log = Path(sys.argv[1]).open("w", buffering=1, encoding="utf-8")  # noqa: SIM115
    left = int(sys.argv[2])
    folder = f"{Path.cwd()}{os.sep}"

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        is_write = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
        if not is_write and event not in _CHANGES:
            return
        if not isinstance(arguments[0], (str, os.PathLike)):
            return
        is_in_removal = event in ("os.remove", "os.rmdir") and arguments[1] != -1
        name = "inside a removal" if is_in_removal else arguments[0]
        path = os.path.join(folder, name)  # noqa: PTH118
        if not path.startswith(folder):
            return
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        left -= 1
        log.write(label(event, path.removeprefix(folder)) + "\n")

    sys.argv[1:3] = []
    sys.addaudithook(hook)
    runpy.run_module("spoonful", run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
