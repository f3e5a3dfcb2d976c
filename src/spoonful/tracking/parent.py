"""The run in MLflow that is the parent of a sweep's points."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from spoonful.compare.runs import score_of
from spoonful.config.schema import TrackingConfig
from spoonful.record.tags import (
    AXES_TAG,
    NAMED_TAG,
    NOTE_TAG,
    NUM_POINTS_TAG,
    NUMBER_TAG,
    PARENT_TAG,
    POINT_TAG,
    SWEEP_TAG,
)
from spoonful.secrets import redacted
from spoonful.tracking.added import added_to
from spoonful.tracking.beginning import begin_run, experiment_id
from spoonful.tracking.open_runs import OpenRun, open_run
from spoonful.tracking.pages import points_page
from spoonful.tracking.refusals import opened_store

# The sweeps that this process runs.
_noted: dict[str, OpenRun] = {}


def begin_parent(
    config: TrackingConfig,
    name: str,
    axes: Sequence[str],
    num_points: int,
    tags: Mapping[str, str],
    description: str,
) -> str:
    """Begin the run of a sweep and return its id.

    Args:
        config: where to record.
        name: name of the run.
        axes: the keys that take more than one value.
        num_points: number of points.
        tags: more tags to find the run by.
        description: one line, shown on the run's page above links to its points.

    Raises:
        SpoonfulError: the store cannot be reached or refuses the run.
    """
    own = {AXES_TAG: json.dumps(list(axes)), NUM_POINTS_TAG: str(num_points)}
    return _create(config, name, {**tags, **own}, description)


def named_parent(config: TrackingConfig, name: str, tags: Mapping[str, str]) -> str:
    """Return the run of a named sweep that single trainings join; begin it if needed."""
    with opened_store(config, is_to_be_written=True) as client:
        runs = client.search_runs(
            [experiment_id(config, client)],
            f"tags.`{NAMED_TAG}` = '{name}'",
            order_by=["start_time DESC"],
            max_results=1,
        )
    if runs:
        return str(runs[0].info.run_id)
    note = f"`spoonful train sweep.run_name={name} sweep.point=...`, once for each point"
    return _create(config, name, {**tags, NAMED_TAG: name}, note)


def first_tag(config: TrackingConfig, run_id: str, name: str, value: str) -> str:
    """Return the value that a run's tag was first set to; set it if it is not."""
    with opened_store(config, is_to_be_written=True) as client:
        tags = client.get_run(run_id).data.tags
        if name not in tags:
            client.set_tag(run_id, name, value)
    return str(tags.get(name, value))


def mark_parent(config: TrackingConfig, run_id: str, status: str) -> None:
    """Set a sweep's status: "RUNNING", "FINISHED", "FAILED" or "KILLED".

    If the server is down, it receives the sweep's status later.
    """
    if status == "RUNNING":
        with opened_store(config, is_to_be_written=True) as client:
            if run_id not in _noted:
                experiment = client.get_run(run_id).info.experiment_id
                _noted[run_id] = open_run(config, experiment, run_id)
            client.update_run(run_id, status)
        return
    with added_to(config, run_id) as tracked:
        tracked.mark(status)
    _forget(run_id)


@contextmanager
def one_point(config: TrackingConfig, parent_id: str) -> Iterator[None]:
    """Let the sweep's status follow the one training in progress."""
    mark_parent(config, parent_id, "RUNNING")
    try:
        yield
    except BaseException as error:
        mark_parent(config, parent_id, "FAILED" if isinstance(error, Exception) else "KILLED")
        raise
    mark_parent(config, parent_id, "FINISHED")


def child_tags(parent_id: str, point: str, number: int | None = None) -> dict[str, str]:
    """Return the tags that make a run a point of a sweep; `number`: of the point, if any."""
    tags = {PARENT_TAG: parent_id, SWEEP_TAG: parent_id, POINT_TAG: redacted(point)}
    return tags if number is None else {**tags, NUMBER_TAG: str(number)}


def end_children(
    config: TrackingConfig,
    parent_id: str,
    status: str,
    number: int | None = None,
    error: str | None = None,
) -> None:
    """Mark the runs that a killed process of the sweep left RUNNING.

    If the server is down, it is told later.

    Args:
        config: where they are recorded.
        parent_id: the sweep's run.
        status: "FAILED" or "KILLED".
        number: the point whose process has ended; None: no process of the sweep is left.
        error: why, recorded with them.
    """
    with added_to(config, parent_id) as tracked:
        tracked.end_others(_left_by(parent_id, number), status, error)


def end_sweep(config: TrackingConfig, run_id: str, status: str) -> None:
    """Mark a sweep that ends early "FAILED" or "KILLED", and its unfinished points KILLED."""
    with added_to(config, run_id) as tracked:
        tracked.end_others(_left_by(run_id), "KILLED")
        tracked.mark(status)
    _forget(run_id)


def _left_by(parent_id: str, number: int | None = None) -> str:
    """Return MLflow's filter for the points' runs that no process will end."""
    wanted = f"tags.`{SWEEP_TAG}` = '{parent_id}' AND attributes.status = 'RUNNING'"
    # The sweep's own run has its tag, too.
    wanted += f" AND attributes.run_id != '{parent_id}'"
    return wanted if number is None else f"{wanted} AND tags.`{NUMBER_TAG}` = '{number}'"


def _forget(run_id: str) -> None:
    """Record that a sweep of this process has ended."""
    if run_id in _noted:
        _noted.pop(run_id).close()


def _create(config: TrackingConfig, name: str, tags: Mapping[str, str], description: str) -> str:
    with opened_store(config, is_to_be_written=True) as client:
        noted, run = begin_run(config, client, name, tags, description)
        run_id: str = run.info.run_id
        _noted[run_id] = noted
        client.set_tag(run_id, SWEEP_TAG, run_id)
        # The run itself has no metrics, and MLflow's charts leave out collapsed runs.
        experiment = run.info.experiment_id
        score = score_of(None, tags)
        table, charts = (points_page(experiment, run_id, m, score) for m in ("TABLE", "CHART"))
        note = f"{redacted(description)}\n\nIts points: [table]({table}), [curves]({charts})"
        client.set_tag(run_id, NOTE_TAG, note)
    return run_id
