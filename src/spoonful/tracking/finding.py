"""Find runs and read what they recorded."""

import math
import sys
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from spoonful.config.schema import TrackingConfig
from spoonful.record.tags import REPRODUCES_TAG, TRAIN_KEY_TAG
from spoonful.tracking.refusals import opened_store

NUM_LISTED = 5  # runs in a message
_NUM_LOOKED_AT = 100
_NO_SUCH_RUN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


def find_run(config: TrackingConfig, train_key: str) -> str | None:
    """Return the id of the newest finished run that made a model; None if there is none.

    Runs that reproduce another run are not considered.
    """
    with opened_store(config) as client:
        return run_that_made(client, train_key)


def run_that_made(client: MlflowClient, train_key: str) -> str | None:
    """Do what `find_run` does, with a client of the store."""
    runs = client.search_runs(
        all_experiments(client),
        filter_string=f"tags.{TRAIN_KEY_TAG} = '{train_key}' and status = 'FINISHED'",
        order_by=["start_time DESC"],
        max_results=_NUM_LOOKED_AT,
    )
    own = [run for run in runs if REPRODUCES_TAG not in run.data.tags] or runs
    return own[0].info.run_id if own else None


def run_status(config: TrackingConfig, run_id: str) -> str | None:
    """Return the status of a run, such as "KILLED"; None if the store has no such run."""
    with opened_store(config) as client:
        try:
            info = client.get_run(run_id).info
        except MlflowException as error:
            if error.error_code in _NO_SUCH_RUN:
                return None
            raise
    return str(info.status) if info.lifecycle_stage == "active" else None


def all_experiments(client: MlflowClient) -> list[str]:
    """Return the ids of all experiments that are not deleted."""
    return [experiment.experiment_id for experiment in client.search_experiments()]


def listed(runs: Iterable[Run]) -> str:
    """Write runs for a message, at most five: id, name and when each began."""
    return ", ".join(
        f"{run.info.run_id} ({run.info.run_name}, {began(run):%Y-%m-%d %H:%M})"
        for run in islice(runs, NUM_LISTED)
    )


def began(run: Run) -> datetime:
    """Return when a run began, in local time."""
    return datetime.fromtimestamp(run.info.start_time / 1000)


def as_logged(value: float) -> float:
    """Return a metric's value; SQL stores hold the largest number in place of infinity."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value
