"""One run in MLflow, from its start to the right status at its end."""

import atexit
import math
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import mlflow
from mlflow.entities import Run, RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.tracking.recording import TrackedRun
from spoonful.tracking.store import artifact_location, prepare_store
from spoonful.tracking.system_metrics import SystemMetrics

TRAIN_KEY_TAG = "train_key"
REPRODUCES_TAG = "reproduces"
_NUM_LOOKED_AT = 100
_ERROR_LENGTH = 500
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

    An exception marks it FAILED and keeps the error, Ctrl-C and SIGTERM mark it KILLED.

    Args:
        config: where to record.
        run_name: of a new run.
        tags: of a new run; of one that goes on, those that have changed are set as resumed.<name>.
        description: of a new run.
        resumed_id: the run to go on with; None: begin a new one.

    Raises:
        SpoonfulError: the store cannot be reached or refuses the run.
    """
    if resumed_id is None:
        run, recorded = _start(config, run_name, tags, description), None
    else:
        run, recorded = _go_on(config, resumed_id, tags)
    system_metrics = SystemMetrics(run.info.run_id, resume_logging=recorded is not None)
    system_metrics.start()
    try:
        with _refusals(config):
            yield TrackedRun(run.info.run_id, recorded)
    except Exception as error:
        _keep_error(error)
        _end(run.info.run_id, RunStatus.FAILED, error)
        system_metrics.finish()
        raise
    except BaseException as error:  # KeyboardInterrupt, SystemExit
        # Before anything else: the next Ctrl-C may be on its way.
        _end(run.info.run_id, RunStatus.KILLED, error)
        system_metrics.finish()
        raise
    else:
        system_metrics.finish()
        with _refusals(config):
            mlflow.end_run(RunStatus.to_string(RunStatus.FINISHED))


def find_run(config: TrackingConfig, train_key: str) -> str | None:
    """Return the id of the newest finished run that made a model; None where the store has none.

    A run that was to reproduce another is not taken for it.
    """
    client = MlflowClient(prepare_store(config))
    with _refusals(config):
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
    client = MlflowClient(prepare_store(config))
    try:
        info = client.get_run(run_id).info
    except MlflowException as error:
        if error.error_code in _NO_SUCH_RUN:
            return None
        with _refusals(config):
            raise
    return str(info.status) if info.lifecycle_stage == "active" else None


def as_logged(value: float) -> float:
    """Return a metric's value; SQL stores have the largest number in place of infinity."""
    return math.copysign(math.inf, value) if abs(value) == sys.float_info.max else value


@contextmanager
def finished_run(config: TrackingConfig, run_id: str) -> Iterator[MlflowClient]:
    """Add to a run that is over, without touching its status."""
    with _refusals(config):
        yield MlflowClient(prepare_store(config))


def _start(
    config: TrackingConfig, run_name: str, tags: Mapping[str, str], description: str
) -> mlflow.ActiveRun:
    experiment = experiment_id(config)
    with _refusals(config):
        mlflow.set_experiment(experiment_id=experiment)
        _set_system_metrics(config)
        return mlflow.start_run(
            run_name=run_name, tags=dict(tags), description=description, log_system_metrics=False
        )


def experiment_id(config: TrackingConfig) -> str:
    """Return the id of the configured experiment in MLflow; make it where it is not there."""
    mlflow.set_tracking_uri(prepare_store(config))
    with _refusals(config):
        name = config.experiment_name
        if mlflow.get_experiment_by_name(name) is None:
            _create_experiment(name, artifact_location(config, name))
        found: str = mlflow.get_experiment_by_name(name).experiment_id
        return found


def _go_on(
    config: TrackingConfig, run_id: str, tags: Mapping[str, str]
) -> tuple[mlflow.ActiveRun, Run]:
    """Take a run up again; return it and what it has recorded."""
    mlflow.set_tracking_uri(prepare_store(config))
    with _refusals(config):
        recorded = MlflowClient().get_run(run_id)
        mlflow.set_experiment(experiment_id=recorded.info.experiment_id)
        _set_system_metrics(config)
        run = mlflow.start_run(run_id=run_id, log_system_metrics=False)
        changed = changed_tags(recorded.data.tags, tags)
        mlflow.set_tags({f"resumed.{name}": now for name, (_, now) in changed.items()})
        if "error" in recorded.data.tags:
            mlflow.delete_tag("error")
        return run, recorded


def changed_tags(
    recorded: Mapping[str, str], current: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return the tags on code, versions and hardware that differ: recorded, current."""
    return {
        name: (recorded[name], value)
        for name, value in current.items()
        if name.startswith(_ENVIRONMENT) and name in recorded and recorded[name] != value
    }


def _set_system_metrics(config: TrackingConfig) -> None:
    mlflow.set_system_metrics_sampling_interval(config.system_metrics_interval_s)
    mlflow.set_system_metrics_samples_before_logging(1)


def _create_experiment(name: str, location: str | None) -> None:
    try:
        # Else the UI opens it as one of prompts and traces, and asks what it is.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        mlflow.create_experiment(name, artifact_location=location, tags=kind)
    except MlflowException:
        if mlflow.get_experiment_by_name(name) is None:  # not made by another run meanwhile
            raise


@contextmanager
def _refusals(config: TrackingConfig) -> Iterator[None]:
    """Turn what MLflow refuses into one line."""
    try:
        yield
    except MlflowException as error:
        reason = str(error).splitlines()[0]
        raise SpoonfulError(f"MLflow at tracking.uri={config.uri}: {reason}") from error


def _keep_error(error: Exception) -> None:
    """Record why a run failed; the failure itself must come through whatever happens here."""
    try:
        mlflow.set_tag("error", f"{type(error).__name__}: {error}"[:_ERROR_LENGTH])
        mlflow.log_text("".join(traceback.format_exception(error)), "error.txt")
    except Exception as second:
        error.add_note(f"the error could not be recorded in MLflow: {second}")


def _end(run_id: str, status: int, error: BaseException) -> None:
    """Mark a run that did not finish; its own error must come through whatever happens here."""
    word = RunStatus.to_string(status)
    try:
        mlflow.end_run(word)
    except Exception as second:
        error.add_note(f"the run could not be marked in MLflow: {second}")
    except BaseException:  # a second Ctrl-C, before or after the run was marked
        MlflowClient().set_terminated(run_id, word)
        raise


@atexit.register
def _end_what_is_left() -> None:
    """Mark KILLED what a Ctrl-C left open; called before MLflow's own, which marks it FINISHED."""
    while mlflow.active_run() is not None:
        mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))
