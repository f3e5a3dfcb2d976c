"""`spoonful diff`: show how two recorded runs differ."""

import sys
from functools import partial

from spoonful.config.schema import Config
from spoonful.diff.differences import Differences, find_differences
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
    differences = differences_of(config, a, b)
    print(differences.table())
    print(differences.verdict)
    if not differences.is_same:
        sys.exit(DIFFERENT)


def differences_of(config: Config, a: RecordedRun, b: RecordedRun) -> Differences:
    """Compare two runs; if their batches differ, find the step with the present data."""
    return find_differences(a, b, partial(look_into, config, a, b))
