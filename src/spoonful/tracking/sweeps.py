"""Read a sweep's runs from MLflow, and add to the sweep's own run."""

import json
import shlex
from pathlib import Path

from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from spoonful.compare.quantities import EPOCH_METRICS
from spoonful.compare.runs import (
    PointRun,
    Setting,
    SweepRuns,
    inferred_axes,
    score_of,
    typed_setting,
)
from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.record.tags import (
    AXES_TAG,
    EXPERIMENT_TAG,
    NAMED_TAG,
    NOTE_TAG,
    NUM_POINTS_TAG,
    OVERRIDES_TAG,
    PRUNED_TAG,
    SWEEP_TAG,
)
from spoonful.tracking.added import added_to
from spoonful.tracking.finding import all_experiments, as_logged, listed
from spoonful.tracking.pages import points_page, run_page, server_address
from spoonful.tracking.refusals import opened_store
from spoonful.tracking.store import is_server

_PAGE = 500  # runs per request; a server returns at most 1000, with a token for more


def read_sweep(
    config: TrackingConfig, sweep: str | None, metric: str | None = None, mode: str = "auto"
) -> SweepRuns:
    """Read a sweep and all its runs from MLflow.

    Args:
        config: where it is recorded.
        sweep: the id of its run, a prefix of the id, or its name, of which the newest is taken;
            None: the newest sweep.
        metric: what its points are to be ranked by; None: the score of their task.
        mode: "max" or "min": whether more or less of it is better; "auto": see `score_of`.

    Raises:
        SpoonfulError: there is no such sweep, or several ids have this prefix (they are listed).
    """
    with opened_store(config) as client:
        parent = _found(_parents(client), sweep)
        own = parent.info.run_id
        children = _search(client, [parent.info.experiment_id], f"tags.`{SWEEP_TAG}` = '{own}'")
        score = score_of(metric, children[0].data.tags if children else {}, mode)
        runs = tuple(
            _point_run(client, config, run, score.metric)
            for run in sorted(children, key=lambda run: run.info.start_time)
            if run.info.run_id != own
        )
    tags, experiment = parent.data.tags, parent.info.experiment_id
    server = server_address(config)
    return SweepRuns(
        run_id=own,
        name=parent.info.run_name or own,
        status=parent.info.status,
        axes=tuple(json.loads(tags[AXES_TAG])) if AXES_TAG in tags else inferred_axes(runs),
        num_points=_number(tags.get(NUM_POINTS_TAG)),
        description=tags.get(NOTE_TAG, "").partition("\n")[0],  # links follow
        runs=runs,
        url=f"{server}/{run_page(experiment, own)}",
        points_url=f"{server}/{points_page(experiment, own, 'CHART', score)}",
        is_served=is_server(config),
        score=score,
    )


def log_comparison(config: TrackingConfig, run_id: str, folder: Path) -> str | None:
    """Keep a comparison's files with the sweep's run, in compare/; return why they are unsent."""
    with added_to(config, run_id) as tracked:
        tracked.log_folder(folder, "compare")
    return tracked.unsent


def _parents(client: MlflowClient) -> list[Run]:
    """Return the runs of all sweeps, the newest first."""
    found = [
        run
        for tag in (AXES_TAG, NAMED_TAG)
        for run in _search(client, all_experiments(client), f"tags.`{tag}` LIKE '%'")
        if run.data.tags.get(SWEEP_TAG) == run.info.run_id
    ]
    return sorted(found, key=lambda run: -run.info.start_time)


def _search(client: MlflowClient, experiments: list[str], wanted: str) -> list[Run]:
    """Return all runs of a search, over all pages."""
    runs: list[Run] = []
    token = None
    while True:
        page = client.search_runs(experiments, wanted, max_results=_PAGE, page_token=token)
        runs += page
        token = page.token
        if not token:
            return runs


def _found(parents: list[Run], sweep: str | None) -> Run:
    if not parents:
        raise SpoonfulError(
            "MLflow has no sweep: run `spoonful sweep` first, or give the store with tracking.uri"
        )
    if sweep is None:
        return parents[0]
    named = [run for run in parents if run.info.run_name == sweep]
    begin_so = [run for run in parents if run.info.run_id.startswith(sweep)]
    found = named[:1] or begin_so
    if len(found) == 1:
        return found[0]
    if found:
        raise SpoonfulError(f"compare.sweep={sweep}: several ids start with this: {listed(found)}")
    raise SpoonfulError(
        f"compare.sweep={sweep}: expected the name of a sweep, its run's id or the beginning of "
        f"the id; the newest are {listed(parents)}"
    )


def _point_run(client: MlflowClient, config: TrackingConfig, run: Run, metric: str) -> PointRun:
    settings: dict[str, Setting] = {n: typed_setting(v) for n, v in run.data.params.items()}
    if EXPERIMENT_TAG in run.data.tags:
        settings[EXPERIMENT_TAG] = run.data.tags[EXPERIMENT_TAG]
    choices = _choices(run)
    for key, value in choices.items():
        if f"{key}._target_" in choices:  # no file is chosen any more
            continue
        # Two files of a group may name the same target: the choice tells them apart.
        if key not in settings or "." not in key:
            settings[key] = value
    return PointRun(
        run_id=run.info.run_id,
        name=run.info.run_name or run.info.run_id,
        status=run.info.status,
        started=run.info.start_time,
        settings=settings,
        metrics={
            name: _history(client, run.info.run_id, name)
            for name in dict.fromkeys((*EPOCH_METRICS, metric))
            if name in run.data.metrics
        },
        scalars={name: as_logged(value) for name, value in run.data.metrics.items()},
        url=f"{server_address(config)}/{run_page(run.info.experiment_id, run.info.run_id)}",
        pruned_after=_number(run.data.tags.get(PRUNED_TAG)),
    )


def _choices(run: Run) -> dict[str, Setting]:
    """Return the choices on the command line: groups such as trainer are not params."""
    pairs = [text.partition("=") for text in shlex.split(run.data.tags.get(OVERRIDES_TAG, ""))]
    return {key.replace("/", "."): typed_setting(value) for key, _, value in pairs}


def _history(client: MlflowClient, run_id: str, name: str) -> dict[int, float]:
    """Return a metric by step; for a step that was recorded twice, the later value."""
    values = sorted(client.get_metric_history(run_id, name), key=lambda m: m.timestamp)
    return {value.step: as_logged(value.value) for value in values}


def _number(text: str | None) -> int | None:
    """Return the number of points of a sweep; 0: they are chosen one by one."""
    return int(text) or None if text is not None and text.isdecimal() else None
