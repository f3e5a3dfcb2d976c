"""Begin a run in MLflow: at once, or, if its server is down, when its journal is sent."""

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mlflow.entities import Run
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.record.tags import NOTE_TAG, TOKEN_TAG
from spoonful.secrets import redacted
from spoonful.tracking.journal import new_journal
from spoonful.tracking.mlflow_private import with_context_tags
from spoonful.tracking.open_runs import OpenRun, open_run, run_of_token
from spoonful.tracking.outlets import Journaled
from spoonful.tracking.recording import TrackedRun, redacted_values
from spoonful.tracking.store import artifact_location, named_address


def experiment_id(config: TrackingConfig, client: MlflowClient) -> str:
    """Return the id of the configured experiment in MLflow; create it if missing."""
    name = config.experiment_name
    found = client.get_experiment_by_name(name)
    if found is None:
        return _create_experiment(client, name, artifact_location(config, name))
    if found.lifecycle_stage == "deleted":
        raise SpoonfulError(
            f"tracking.experiment_name={name}: this experiment was deleted in MLflow: restore it "
            f"(`mlflow experiments restore -x {found.experiment_id}`), or give another name"
        )
    return str(found.experiment_id)


def begin_run(
    config: TrackingConfig,
    client: MlflowClient,
    run_name: str,
    tags: Mapping[str, str],
    description: str,
) -> tuple[OpenRun, Run]:
    """Begin a run, and record that this process has begun it.

    Args:
        config: where to record.
        client: client of that store.
        run_name: its name.
        tags: its tags.
        description: shown on its page.
    """
    experiment = experiment_id(config, client)
    noted = open_run(config, experiment)
    own = {NOTE_TAG: redacted(description), TOKEN_TAG: noted.token}
    # If this fails, a response may have been lost although the run exists: it stays recorded, and
    # is marked by the next command.
    run = client.create_run(
        experiment, tags=with_context_tags({**redacted_values(tags), **own}), run_name=run_name
    )
    return noted, run


def begin_later(
    config: TrackingConfig, run_name: str, tags: Mapping[str, str], description: str
) -> tuple[OpenRun, TrackedRun]:
    """Begin a run whose server is down: in a journal, which is sent to the server later.

    The server chooses the run's id. Until then the run and its folder of checkpoints are known by
    its token.

    Args:
        config: where to record.
        run_name: its name.
        tags: its tags.
        description: shown on its page.
    """
    noted = open_run(config)
    own = {NOTE_TAG: redacted(description), TOKEN_TAG: noted.token}
    about = {
        "kind": "about",
        "store": named_address(config),
        "token": noted.token,
        "experiment": config.experiment_name,
        "run_name": run_name,
        "tags": with_context_tags({**redacted_values(tags), **own}),
        "start_ms": time.time_ns() // 1_000_000,
    }
    journal = new_journal(noted.token, about)
    outlet = Journaled(config, journal, lambda client: begun_run(config, client, about))
    return noted, TrackedRun(noted.token, outlet, has_id=False)


def begun_run(config: TrackingConfig, client: MlflowClient, about: Mapping[str, Any]) -> str:
    """Return the id of the run of a journal; create the run if it does not exist yet."""
    found = run_of_token(client, about["token"], None)
    if found is not None:
        return str(found.info.run_id)
    experiment = experiment_id(replace(config, experiment_name=about["experiment"]), client)
    run = client.create_run(
        experiment, start_time=about["start_ms"], tags=about["tags"], run_name=about["run_name"]
    )
    return str(run.info.run_id)


def _create_experiment(client: MlflowClient, name: str, location: str | None) -> str:
    try:
        # Otherwise the UI opens it as one of prompts and traces, and asks what it is.
        kind = {"mlflow.experimentKind": "custom_model_development"}
        return str(client.create_experiment(name, artifact_location=location, tags=kind))
    except MlflowException:
        found = client.get_experiment_by_name(name)
        if found is None:  # not created by another run meanwhile
            raise
        return str(found.experiment_id)
