"""Threads that end before the interpreter; tests/generator/test_ends_early.py ends scripts."""

import subprocess
import sys

NO_ROOM = """
import resource, threading
from pathlib import Path
from spoonful import background

begun = threading.Event()
begun_thread = background.start(lambda: begun.wait(60), "first", begun.set)
used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used, used))
background.start(print, "second", print)
"""


def test_a_process_ends_as_usual_where_the_system_starts_no_more_threads() -> None:
    done = subprocess.run(
        [sys.executable, "-c", NO_ROOM], capture_output=True, text=True, timeout=120, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("RuntimeError: can't start new thread\n")
