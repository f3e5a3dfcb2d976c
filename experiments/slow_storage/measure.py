"""Measure one contender at every delay, in this process; `run.py` calls this.

Prints a line of JSON for each delay and setting: {"delay_ms", "settings", "value"} in images/s.
"""

import argparse
import ctypes
import json
import os
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from feeds import CONTENDERS, Feed

DELAYS_MS = (0, 1, 3, 10)


def main() -> None:
    """Measure, and leave without waiting for anybody's threads or workers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=("files", "packed"))
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("data", type=Path)
    parser.add_argument("--warm-s", type=float, default=0.7)
    parser.add_argument("--measure-s", type=float, default=1.2)
    arguments = parser.parse_args()
    # Present because run.py has the system load the library into this process.
    storage = ctypes.CDLL(None)
    make, variants = CONTENDERS[arguments.contender]
    for delay_ms in DELAYS_MS:
        for settings in variants:
            is_file = arguments.case == "files"
            storage.slow_storage_set(delay_ms * 1000 * is_file, delay_ms * 1000 * (not is_file))
            feed = make(arguments.case, arguments.data, **settings)
            value = _images_per_s(feed, arguments.warm_s, arguments.measure_s)
            found: dict[str, Any] = {"delay_ms": delay_ms, "settings": settings, "value": value}
            print(json.dumps(found), flush=True)
            storage.slow_storage_set(0, 0)  # what is still read ends soon
            del feed
    os._exit(0)


def _images_per_s(feed: Feed, warm_s: float, measure_s: float) -> float:
    next(feed)
    _count(feed, warm_s)
    num_images, seconds = _count(feed, measure_s)
    return num_images / seconds


def _count(feed: Feed, seconds: float) -> tuple[int, float]:
    begin = time.perf_counter()
    num_images = 0
    while (elapsed := time.perf_counter() - begin) < seconds:
        num_images += len(next(feed))
    return num_images, elapsed


if __name__ == "__main__":
    main()
