"""Take one measurement in this process and print it as one line of JSON; `run.py` calls this."""

import argparse
import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

# Before TensorFlow is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from cases import CASES, Case, Contender, Skipped
from layout import BenchData, warm_page_cache
from timing import Window, content, images_per_s

WINDOW = Window(warm_s=0.7, measure_s=2.0)
QUICK_WINDOW = Window(warm_s=0.3, measure_s=0.5)


def measured(
    case: Case, contender: Contender, data: BenchData, quick: bool, check: bool
) -> dict[str, Any]:
    """Return {"value": ...} of one measurement, or with `check` what one pass holds."""
    module, _, function = contender.function.partition(".")
    made = getattr(importlib.import_module(f"contenders.{module}"), function)
    settings = {**case.settings, **contender.settings}
    warm_page_cache(data.root / (contender.reads or case.reads or "mnist-arrays"))
    if not case.is_feed:
        return {"value": made(data, quick=quick, **settings)}
    feed = made(data, **settings)
    if check:
        return content(feed)
    return {"value": images_per_s(feed, QUICK_WINDOW if quick else WINDOW)}


def main() -> int:
    """Print the measurement, or {"skipped": why}, or {"error": what}."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("case", choices=[case.name for case in CASES])
    parser.add_argument("contender")
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--settings", type=json.loads, default={}, help="instead of the chosen")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    case = next(case for case in CASES if case.name == arguments.case)
    contender = case.contender(arguments.contender).changed(arguments.settings)
    try:
        result = measured(
            case, contender, BenchData(arguments.data), arguments.quick, arguments.check
        )
    except Skipped as reason:
        result = {"skipped": str(reason)}
    except Exception as error:
        traceback.print_exc()
        result = {"error": f"{type(error).__name__}: {error}".splitlines()[0]}
    print(json.dumps(result), flush=True)
    # Some peers' threads and workers never end, or crash as the interpreter closes.
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
