"""One run in MLflow, from its start to the correct status at its end."""

import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from spoonful.config.schema import TrackingConfig
from spoonful.record.tags import ENVIRONMENT_TAGS, ERROR_TAG, RESUMED_TAGS, UNREADABLE_TAG
from spoonful.tracking.beginning import begin_later, begin_run
from spoonful.tracking.open_runs import OpenRun, open_run
from spoonful.tracking.outlets import outlet_of
from spoonful.tracking.recording import TrackedRun, redacted_values
from spoonful.tracking.refusals import refusals
from spoonful.tracking.store import UnreachableError, open_store
from spoonful.tracking.system_metrics import PREFIX, SystemMetrics

_ERROR_LENGTH = 500
_ABORT_S = 3.0  # how long an interrupted run waits for its server


@contextmanager
def tracked_run(
    config: TrackingConfig,
    run_name: str,
    tags: Mapping[str, str],
    description: str,
    resumed_id: str | None = None,
    may_begin_later: bool = False,
) -> Iterator[TrackedRun]:
    """Record a run; its status is correct however the block ends.

    An exception marks it FAILED and keeps the error, Ctrl-C and SIGTERM mark it KILLED. If a server
    goes down, the run continues: its `unsent` says afterwards what is missing there.

    Args:
        config: where to record.
        run_name: name of a new run.
        tags: tags of a new run; for a resumed run, changed ones are set as resumed.<name>.
        description: description of a new run.
        resumed_id: the run to resume; None: begin a new one.
        may_begin_later: a server that is down may receive a new run later.

    Raises:
        SpoonfulError: the store cannot be reached or refuses the run.
    """
    noted, tracked = _begun(config, run_name, tags, description, resumed_id, may_begin_later)
    system_metrics = SystemMetrics(
        config.system_metrics_interval_s, tracked.log_metrics, tracked.next_step(PREFIX)
    )
    try:
        with refusals(config):
            yield tracked
    except BaseException as error:
        # First of all: another Ctrl-C may follow.
        is_marked = _end(tracked, error)
        system_metrics.finish()
        tracked.unsent = tracked.outlet.finish(None if isinstance(error, Exception) else _ABORT_S)
        if is_marked:  # else the next command does it: the store may be full, for example
            noted.close()
        raise
    else:
        system_metrics.finish()
        with refusals(config):
            tracked.mark("FINISHED")
        tracked.unsent = tracked.outlet.finish()
        noted.close()


def _begun(
    config: TrackingConfig,
    run_name: str,
    tags: Mapping[str, str],
    description: str,
    resumed_id: str | None,
    may_begin_later: bool,
) -> tuple[OpenRun, TrackedRun]:
    try:
        client = open_store(config, is_to_be_written=True)
    except UnreachableError:
        if not may_begin_later or resumed_id is not None:
            raise
        return begin_later(config, run_name, tags, description)
    with refusals(config):
        if resumed_id is None:
            noted, run = begin_run(config, client, run_name, tags, description)
            return noted, TrackedRun(run.info.run_id, outlet_of(config, run.info.run_id))
        recorded = client.get_run(resumed_id)
        noted = open_run(config, recorded.info.experiment_id, resumed_id)
        client.update_run(resumed_id, "RUNNING")
        changed = changed_tags(recorded.data.tags, redacted_values(tags))
        for name, (_, now) in changed.items():
            client.set_tag(resumed_id, f"{RESUMED_TAGS}{name}", now)
        for name in {ERROR_TAG, UNREADABLE_TAG} & recorded.data.tags.keys():
            client.delete_tag(resumed_id, name)
        return noted, TrackedRun(resumed_id, outlet_of(config, resumed_id), recorded)


def changed_tags(
    recorded: Mapping[str, str], current: Mapping[str, str]
) -> dict[str, tuple[str, str]]:
    """Return the tags on code, versions and hardware that differ: recorded, current."""
    return {
        name: (recorded[name], value)
        for name, value in current.items()
        if name.startswith(ENVIRONMENT_TAGS) and name in recorded and recorded[name] != value
    }


def _keep_error(tracked: TrackedRun, error: Exception) -> None:
    """Record why a run failed; the failure itself must be raised whatever happens here."""
    try:
        tracked.set_tags({ERROR_TAG: f"{type(error).__name__}: {error}"[:_ERROR_LENGTH]})
        tracked.log_text("".join(traceback.format_exception(error)), "error.txt")
    except Exception as second:
        error.add_note(f"the error could not be recorded in MLflow: {second}")


def _end(tracked: TrackedRun, error: BaseException) -> bool:
    """Mark a run that did not finish, and return whether it is marked.

    Its own error must be raised whatever happens here.
    """
    status = "KILLED"
    if isinstance(error, Exception):
        status = "FAILED"
        _keep_error(tracked, error)
    try:
        tracked.mark(status)
    except Exception as second:
        error.add_note(f"the run could not be marked in MLflow: {second}")
        return False
    except BaseException:  # a second Ctrl-C, before or after the run was marked
        tracked.mark(status)
        raise
    return True
