"""`spoonful diff`: show how two recorded runs differ."""

import sys

from spoonful.config.schema import Config
from spoonful.diff.differences import Comparison, compare
from spoonful.diff.ledgers import Window
from spoonful.diff.recorded_run import RecordedRun
from spoonful.workflow.replay import look_into
from spoonful.workflow.unsent import settle_store

DIFFERENT = 1


def run(config: Config, run_a: str, run_b: str) -> None:
    """Print what is the same in two runs and what differs first; exit with 1 if they differ."""
    settle_store(config.tracking)
    from spoonful.tracking.recorded import read_run

    a = read_run(config.tracking, run_a)
    b = read_run(config.tracking, run_b)
    comparison = compared(config, a, b)
    print(comparison.table())
    print(comparison.verdict)
    if not comparison.is_same:
        sys.exit(DIFFERENT)


def compared(config: Config, a: RecordedRun, b: RecordedRun) -> Comparison:
    """Compare two runs; if their batches differ, find the step with the present data."""

    def look(window: Window) -> tuple[str, tuple[str, ...]]:
        """Look into the steps of both runs."""
        return look_into(config, a, b, window)

    return compare(a, b, look)
