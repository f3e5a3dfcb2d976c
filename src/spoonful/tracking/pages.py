"""Addresses of pages of the MLflow UI."""

import urllib.parse

from spoonful.compare.runs import Score
from spoonful.config.schema import TrackingConfig
from spoonful.record.tags import PARENT_TAG
from spoonful.tracking.store import is_server, tracking_uri

# Otherwise the UI may open a page as one of prompts and traces.
_AS_TRAINING = {"workflowType": "machine_learning"}


def server_address(config: TrackingConfig) -> str:
    """Return where the UI is: the server of the store, or the one that `spoonful ui` starts."""
    if not is_server(config):
        return f"http://127.0.0.1:{config.ui_port}"
    address = urllib.parse.urlsplit(tracking_uri(config))
    # There may be a password before the @, and addresses are passed on.
    return f"{address.scheme}://{address.netloc.rpartition('@')[2]}{address.path}".rstrip("/")


def run_page(experiment_id: str, run_id: str) -> str:
    """Return the page of a run, from the server's address."""
    return f"#/experiments/{experiment_id}/runs/{run_id}?{urllib.parse.urlencode(_AS_TRAINING)}"


def points_page(experiment_id: str, parent_id: str, mode: str, score: Score) -> str:
    """Return the page of a sweep's points, the best first, from the server's address.

    Args:
        experiment_id: id of the sweep's experiment.
        parent_id: id of the sweep's run.
        mode: "TABLE" lists them, "CHART" draws their curves, one chart per metric.
        score: what they are ordered by.
    """
    asked = {
        **_AS_TRAINING,
        "searchFilter": f"tags.`{PARENT_TAG}` = '{parent_id}'",
        # Ordered by time, as without this, they would be folded below the sweep's own run.
        "orderByKey": f"metrics.`{score.metric}`",
        "orderByAsc": "false" if score.is_more_better else "true",
        "compareRunsMode": mode,
    }
    query = urllib.parse.urlencode(asked, quote_via=urllib.parse.quote)
    return f"#/experiments/{experiment_id}/runs?{query}"


def experiments_page() -> str:
    """Return the page of all experiments, from the server's address."""
    return f"#/experiments?{urllib.parse.urlencode(_AS_TRAINING)}"
