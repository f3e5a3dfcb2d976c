"""One run in MLflow, from its start to the right status at its end."""

import math
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from mlflow.entities import Experiment, Run, RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from mlflow.tracking.context.registry import resolve_tags
from mlflow.utils.mlflow_tags import MLFLOW_RUN_NOTE

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.secrets import redacted
from spoonful.tracking.open_runs import TOKEN_TAG, OpenRun, open_run
from spoonful.tracking.outlets import outlet_of
from spoonful.tracking.recording import TrackedRun, redacted_values
from spoonful.tracking.refusals import refusals
from spoonful.tracking.store import artifact_location, prepare_store, tracking_uri
from spoonful.tracking.system_metrics import SystemMetrics

TRAIN_KEY_TAG = "train_key"
REPRODUCES_TAG = "reproduces"
_NUM_LOOKED_AT = 100
_ERROR_LENGTH = 500
_ABORT_S = 3.0  # how long an interrupted run waits for its server
_NO_SUCH_RUN = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
# The tags on what bits depend on besides config and data.
_ENVIRONMENT = ("git.", "version.", "hardware.", "requirements_lock")


@contextmanager
def tracked_run(
    config: TrackingConfig,
    run_name: str,
    tags: Mapping[str, str],
    description: str,
    resumed_id: str | None = None,
) -> Iterator[TrackedRun]:
    """Record a run; whatever ends the block, the run's status is right.

    An exception marks it FAILED and keeps the error, Ctrl-C and SIGTERM mark it KILLED. A server
    that goes away ends nothing: `unsent` of the run says afterwards what it was not told.

    Args:
        config: where to record.
        run_name: of a new run.
        tags: of a new run; of one that goes on, those that have changed are set as resumed.<name>.
        description: of a new run.
        resumed_id: the run to go on with; None: begin a new one.

    Raises:
        SpoonfulError: the store cannot be reached or refuses the run.
    """
    noted, tracked = _begun(config, run_name, tags, description, resumed_id)
    system_metrics = SystemMetrics(
        tracking_uri(config),
        tracked.run_id,
        config.system_metrics_interval_s,
        tracked.log_metrics,
        resume_logging=tracked.recorded is not None,
    )
    system_metrics.start()
    try:
        with refusals(config):
            yield tracked
    except BaseException as error:
        is_failure = isinstance(error, Exception)  # else KeyboardInterrupt or SystemExit
        if isinstance(error, Exception):
            _keep_error(tracked, error)
        # Before anything else: the next Ctrl-C may be on its way.
        _end(tracked, RunStatus.FAILED if is_failure else RunStatus.KILLED, error)
        system_metrics.finish()
        tracked.unsent = tracked.outlet.finish(None if is_failure else _ABORT_S)
        noted.close()
        raise
    else:
        system_metrics.finish()
        with refusals(config):
            tracked.mark(RunStatus.FINISHED)
        tracked.unsent = tracked.outlet.finish()
        noted.close()


def _begun(
    config: TrackingConfig,
    run_name: str,
    tags: Mapping[str, str],
    description: str,
    resumed_id: str | None,
) -> tuple[OpenRun, TrackedRun]:
    client = MlflowClient(prepare_store(config, is_to_be_written=True))
    with refusals(config):
        if resumed_id is None:
            noted, run = begin_run(config, client, run_name, tags, description)
            return noted, TrackedRun(run.info.run_id, outlet_of(config, run.info.run_id))
        noted, recorded = _go_on(config, client, resumed_id, tags)
        return noted, TrackedRun(resumed_id, outlet_of(config, resumed_id), recorded)


def find_run(config: TrackingConfig, train_key: str) -> str | None:
    """Return the id of the newest finished run that made a model; None where the store has none.

    A run that was to reproduce another is not taken for it.
    """
    with finished_run(config) as client:
        return run_that_made(client, train_key)


def run_that_made(client: MlflowClient, train_key: str) -> str | None:
    """Do what `find_run` does, with a client of the store."""
    experiments = [e.experiment_id for e in client.search_experiments()]
    runs = client.search_runs(
        experiments,
        filter_string=f"tags.{TRAIN_KEY_TAG} = '{train_key}' and status = 'FINISHED'",
        order_by=["start_time DESC"],
        max_results=_NUM_LOOKED_AT,
    )
    own = [run for run in runs if REPRODUCES_TAG not in run.data.tags] or runs
    return own[0].info.run_id if own else None


def run_status(config: TrackingConfig, run_id: str) -> str | None:
    """Return the status of a run, such as "KILLED"; None where the store has no such run."""
    with finished_run(config) as client:
        try:
            info = client.get_run(run_id).info
        except MlflowException as error:
            if error.error_code in _NO_SUCH_RUN:
                return None
            raise
    return str(info.status) if info.lifecycle_stage == "active" else None


def as_logged(value: float) -> float:
    """Return a metric's value; SQL stores have the largest number in place of infinity."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value


@contextmanager
def finished_run(config: TrackingConfig) -> Iterator[MlflowClient]:
    """Read what was recorded.

    Raises:
        SpoonfulError: the store cannot be reached or refuses it.
    """
    with refusals(config):
        yield MlflowClient(prepare_store(config))


def experiment_id(config: TrackingConfig, client: MlflowClient) -> str:
    """Return the id of the configured experiment in MLflow; make it where it is not there."""
    name = config.experiment_name
    found = client.get_experiment_by_name(name)
    if found is None:
        _create_experiment(client, name, artifact_location(config, name))
        found = client.get_experiment_by_name(name)
    elif found.lifecycle_stage == "deleted":
        raise SpoonfulError(
            f"tracking.experiment_name={name}: this experiment was deleted in MLflow: restore it "
            f"(`mlflow experiments restore -x {found.experiment_id}`), or give another name"
        )
    return _id_of(found)


def _id_of(experiment: Experiment | None) -> str:
    if experiment is None:
        raise MlflowException("the experiment that was just made is not there")
    return str(experiment.experiment_id)


def begin_run(
    config: TrackingConfig,
    client: MlflowClient,
    run_name: str,
    tags: Mapping[str, str],
    description: str,
) -> tuple[OpenRun, Run]:
    """Begin a run, and note that this process has begun it.

    Args:
        config: where to record.
        client: of that store.
        run_name: its name.
        tags: its tags.
        description: shown on its page.
    """
    experiment = experiment_id(config, client)
    noted = open_run(config, experiment)
    own = {MLFLOW_RUN_NOTE: redacted(description), TOKEN_TAG: noted.token}
    # Where this fails, an answer may have been lost, and the run be there all the same: it stays
    # noted, and is marked by the next command.
    run = client.create_run(
        experiment, tags=resolve_tags({**redacted_values(tags), **own}), run_name=run_name
    )
    return noted, run


def _go_on(
    config: TrackingConfig, client: MlflowClient, run_id: str, tags: Mapping[str, str]
) -> tuple[OpenRun, Run]:
    """Take a run up again; return it and what it has recorded."""
    recorded = client.get_run(run_id)
    noted = open_run(config, recorded.info.experiment_id, run_id)
    client.update_run(run_id, RunStatus.to_string(RunStatus.RUNNING))
    changed = changed_tags(recorded.data.tags, redacted_values(tags))
    for name, (_, now) in changed.items():
        client.set_tag(run_id, f"resumed.{name}", now)
    if "error" in recorded.data.tags:
        client.delete_tag(run_id, "error")
    return noted, recorded


def changed_tags(
    recorded: Mapping[str, str], current: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return the tags on code, versions and hardware that differ: recorded, current."""
    return {
        name: (recorded[name], value)
        for name, value in current.items()
        if name.startswith(_ENVIRONMENT) and name in recorded and recorded[name] != value
    }


def _create_experiment(client: MlflowClient, name: str, location: str | None) -> None:
    try:
        # Else the UI opens it as one of prompts and traces, and asks what it is.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        client.create_experiment(name, artifact_location=location, tags=kind)
    except MlflowException:
        if client.get_experiment_by_name(name) is None:  # not made by another run meanwhile
            raise


def _keep_error(tracked: TrackedRun, error: Exception) -> None:
    """Record why a run failed; the failure itself must come through whatever happens here."""
    try:
        tracked.set_tags({"error": f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]})
        tracked.log_text("".join(traceback.format_exception(error)), "error.txt")
    except Exception as second:
        error.add_note(f"the error could not be recorded in MLflow: {second}")


def _end(tracked: TrackedRun, status: int, error: BaseException) -> None:
    """Mark a run that did not finish; its own error must come through whatever happens here."""
    try:
        tracked.mark(status)
    except Exception as second:
        error.add_note(f"the run could not be marked in MLflow: {second}")
    except BaseException:  # a second Ctrl-C, before or after the run was marked
        tracked.mark(status)
        raise
