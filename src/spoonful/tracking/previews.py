"""The run of an experiment that keeps drawn batches: one for all of them."""

from pathlib import Path

from spoonful.config.schema import TrackingConfig
from spoonful.record.tags import PREVIEW_TAG
from spoonful.tracking.added import added_to
from spoonful.tracking.beginning import begin_run, experiment_id
from spoonful.tracking.refusals import opened_store

RUN_NAME = "preview"
_NOTE = "Batches that `spoonful preview` has drawn: see the artifacts."


def keep_preview(config: TrackingConfig, path: Path) -> str:
    """Keep a figure with the experiment's run of previews; return the run's id.

    A figure of the same name is replaced.

    Raises:
        UnreachableError: the server does not answer.
        SpoonfulError: the store refuses it.
    """
    with opened_store(config, is_to_be_written=True) as client:
        runs = client.search_runs(
            [experiment_id(config, client)],
            f"tags.`{PREVIEW_TAG}` = 'true'",
            order_by=["start_time DESC"],
            max_results=1,
        )
        if runs:
            run_id = str(runs[0].info.run_id)
        else:
            noted, run = begin_run(config, client, RUN_NAME, {PREVIEW_TAG: "true"}, _NOTE)
            run_id = str(run.info.run_id)
            client.set_terminated(run_id, "FINISHED")
            noted.close()
    with added_to(config, run_id) as tracked:
        tracked.log_file(path, path.name)
    return run_id
