"""End a script that left a loop over photographs early, many times; count how the ends went.

Run as `python ends_early.py FOLDER WAY COUNT`. Each start is a fork that ends as a script does: by
a whole shutdown of the interpreter. Prints how many ended with each exit code, as JSON.
"""

import contextlib
import gc
import json
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType
from typing import Any

# Keras' import takes seconds, and only the class that generators derive from is used here.
keras: Any = ModuleType("keras")
keras.utils = ModuleType("keras.utils")
keras.utils.PyDataset = type("PyDataset", (), {"__init__": lambda self, **settings: None})
sys.modules["keras"] = keras

import numpy as np  # noqa: E402

import spoonful  # noqa: E402
from spoonful import background  # noqa: E402

spoonful.BatchGenerator  # noqa: B018 - imported once, before the forks

KEPT: list[Any] = []


def read(folder: Path, is_stream: bool) -> None:
    """Leave a loop over batches after the first; something refers to the generator still."""
    source = spoonful.FolderSource(folder, (96, 96), 3)
    generator = spoonful.BatchGenerator(source, 4, num_threads=4)
    batches = generator.stream() if is_stream else generator
    KEPT.append({"batches": batches, "kept": KEPT})
    gc.disable()  # a cycle of garbage is as good as a global
    batches[0]
    batches[1]


class Stuck(spoonful.ArraySource):
    """As on a network that is gone."""

    def read_into(self, indices: Any, images: Any) -> None:
        time.sleep(60)


def end(folder: Path, way: str) -> None:
    """End the script in one of the ways that scripts end."""
    if way == "stuck":
        background.LIMIT_S = 0.3
        source = Stuck(np.zeros((8, 4, 4, 1), np.uint8), np.zeros(8, np.int64), ["a"])
        generator = spoonful.BatchGenerator(source, 4, num_threads=1, read_timeout_s=0.1)
        with contextlib.suppress(spoonful.SpoonfulError):
            generator.stream()[0]
        return
    read(folder, is_stream=way in ("stream", "stream in a cycle"))
    if way == "stream in a cycle":
        KEPT.clear()
    if way == "exception":
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115 - its traceback is meant
        raise RuntimeError("as a script's own")
    if way == "sys.exit":
        sys.exit(7)
    if way == "ctrl-c":
        sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115
        os.kill(os.getpid(), signal.SIGINT)


def main() -> None:
    """Start many; in a start, return as a script does."""
    folder, way, count = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    codes: Counter[int] = Counter()
    for _ in range(count):
        child = os.fork()
        if not child:
            end(folder, way)
            return
        codes[os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])] += 1
    print(json.dumps({str(code): number for code, number in codes.items()}))


main()
