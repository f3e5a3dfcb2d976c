"""Apply an entry of a run's record in MLflow; applying it twice records it once."""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

from mlflow.entities import (
    Dataset,
    DatasetInput,
    InputTag,
    LoggedModelOutput,
    LoggedModelStatus,
    Metric,
    Param,
    Run,
    RunTag,
)
from mlflow.exceptions import MlflowException
from mlflow.models import Model
from mlflow.tracking import MlflowClient

from spoonful.files.content_hash import content_hash
from spoonful.files.documents import unexpected
from spoonful.tracking.journal import Entry
from spoonful.tracking.mlflow_private import last_metrics

_MODEL_FILE = "MLmodel"
# What databases say of a row that is there already: SQLite, PostgreSQL, MySQL.
_IS_THERE = ("UNIQUE constraint failed", "violates unique constraint", "Duplicate entry")


class Delivery:
    """Send entries to one run.

    Args:
        client: client of the store.
        run: its id, or a function that finds or begins it.
        folder: the folder to which files named by entries are relative.
    """

    def __init__(
        self, client: MlflowClient, run: str | Callable[[MlflowClient], str], folder: Path
    ) -> None:
        self._client = client
        self._run = run
        self._folder = folder
        self._known: dict[str, set[tuple[int, int]]] = {}

    @cached_property
    def _run_id(self) -> str:
        return self._run if isinstance(self._run, str) else self._run(self._client)

    def send(self, entry: Entry, may_be_there: bool) -> None:
        """Send one entry.

        Args:
            entry: see `TrackedRun`, which makes them.
            may_be_there: the server may already have it, because a response was lost.
        """
        getattr(self, f"_send_{entry['kind']}")(entry, may_be_there)

    def _send_params(self, entry: Entry, may_be_there: bool) -> None:
        params = [Param(name, value) for name, value in entry["params"].items()]
        self._client.log_batch(self._run_id, params=params)

    def _send_tags(self, entry: Entry, may_be_there: bool) -> None:
        tags = [RunTag(name, value) for name, value in entry["tags"].items()]
        self._client.log_batch(self._run_id, tags=tags)

    def _send_metrics(self, entry: Entry, may_be_there: bool) -> None:
        step, time_ms = entry["step"], entry["time_ms"]
        metrics = [Metric(n, value, time_ms, step) for n, value in entry["metrics"].items()]
        if may_be_there:  # MLflow stores a step twice if it is sent twice
            metrics = [m for m in metrics if (step, time_ms) not in self._recorded(m.key)]
        self._client.log_batch(self._run_id, metrics=metrics)

    def _recorded(self, name: str) -> set[tuple[int, int]]:
        """Return the steps and times of a metric at the server."""
        if name not in self._known:
            history = self._client.get_metric_history(self._run_id, name)
            self._known[name] = {(metric.step, metric.timestamp) for metric in history}
        return self._known[name]

    def forget_known(self) -> None:
        """Ask the server again for its metrics before the next one that it may have."""
        self._known = {}

    def _send_file(self, entry: Entry, may_be_there: bool) -> None:
        path = self._folder / entry["file"]
        wanted = entry.get("sha256")  # of a file that waited in a journal
        if wanted is not None and (found := content_hash(path)) != wanted:
            raise unexpected(path, f"SHA-256 {wanted}", found, "remove its journal to give it up")
        self._client.log_artifact(self._run_id, str(path), entry["to"] or None)

    def _send_dataset(self, entry: Entry, may_be_there: bool) -> None:
        dataset = Dataset(**entry["dataset"])
        tags = [InputTag(name, value) for name, value in entry["tags"].items()]
        inputs = [DatasetInput(dataset, tags)]
        try:
            self._client.log_inputs(self._run_id, inputs)
        except MlflowException as error:
            # Another run has added the same data between MLflow's look and its insertion.
            if not any(words in str(error) for words in _IS_THERE):
                raise
            self._client.log_inputs(self._run_id, inputs)

    def _send_model(self, entry: Entry, may_be_there: bool) -> None:
        """Record a model that is in a folder, as mlflow.keras.log_model would."""
        client, folder = self._client, self._folder / entry["file"]
        run = client.get_run(self._run_id)
        experiment = run.info.experiment_id
        if may_be_there or entry["replaces"]:  # an earlier try may have left an incomplete one
            for found in client.search_logged_models(
                [experiment], filter_string=f"source_run_id = '{self._run_id}'"
            ):
                client.delete_logged_model(found.model_id)
        made = client.create_logged_model(
            experiment, "model", self._run_id, params=dict(run.data.params)
        )
        client.log_outputs(self._run_id, [LoggedModelOutput(made.model_id, step=0)])
        model = Model.load(folder / _MODEL_FILE)
        model.run_id, model.model_id = self._run_id, made.model_id
        model.model_uuid, model.artifact_path = made.model_id, made.artifact_location
        model.save(folder / _MODEL_FILE)
        self._link_metrics(run, made.model_id)
        client.log_model_artifacts(made.model_id, str(folder))
        client.finalize_logged_model(made.model_id, LoggedModelStatus.READY)

    def _link_metrics(self, run: Run, model_id: str) -> None:
        """Also show the run's metrics without an epoch on the model's page."""
        metrics = [
            Metric(m.key, m.value, m.timestamp, 0, model_id=model_id, run_id=self._run_id)
            for m in last_metrics(run)
            if m.step == 0 and m.model_id is None
        ]
        self._client.log_batch(self._run_id, metrics=metrics)

    def _send_status(self, entry: Entry, may_be_there: bool) -> None:
        if entry["status"] == "RUNNING":
            self._client.update_run(self._run_id, entry["status"])
        else:
            self._client.set_terminated(self._run_id, entry["status"], entry["time_ms"])

    def _send_others(self, entry: Entry, may_be_there: bool) -> None:
        """Mark other runs, but none that began later: a server that was down is told late."""
        experiment = self._client.get_run(self._run_id).info.experiment_id
        wanted = f"{entry['wanted']} AND attributes.start_time <= {entry['time_ms']}"
        for run in self._client.search_runs([experiment], wanted):
            if entry["error"] is not None:
                self._client.set_tag(run.info.run_id, "error", entry["error"])
            self._client.set_terminated(run.info.run_id, entry["status"], entry["time_ms"])
