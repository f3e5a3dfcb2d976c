"""One run in MLflow, from its start to the right status at its end."""

import traceback
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from matplotlib.figure import Figure
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import RunStatus
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.tracking.store import artifact_location, prepare_store
from spoonful.tracking.system_metrics import SystemMetrics

TRAIN_KEY_TAG = "train_key"
_DIGEST_LENGTH = 36  # the longest digest that MLflow takes
_ERROR_LENGTH = 500
_MODEL_PACKAGES = ("keras", "tensorflow", "numpy")


@dataclass
class TrackedRun:
    """A run that is being recorded."""

    run_id: str

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record what was decided before the run began."""
        mlflow.log_params({name: _text(value) for name, value in params.items()})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Record what the run is to be found and grouped by."""
        mlflow.set_tags(dict(tags))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers; `step` is the epoch, from 1."""
        mlflow.log_metrics(dict(metrics), step=step)

    def log_text(self, text: str, artifact_file: str) -> None:
        """Keep a text file with the run."""
        mlflow.log_text(text, artifact_file)

    def log_dict(self, value: Mapping[str, Any], artifact_file: str) -> None:
        """Keep a JSON or YAML file with the run."""
        mlflow.log_dict(dict(value), artifact_file)

    def log_figure(self, figure: Figure, artifact_file: str) -> None:
        """Keep a figure with the run."""
        mlflow.log_figure(figure, artifact_file)

    def log_dataset(
        self, name: str, folder: Path, fingerprint: str, dvc_hash: str, context: str
    ) -> None:
        """Record which data the run read; `context` is "training" or "validation"."""
        with warnings.catch_warnings():
            # MLflow registers its source for local files twice, and warns that both would do.
            warnings.simplefilter("ignore", UserWarning)
            source = resolve_dataset_source(folder.as_uri())
        dataset = MetaDataset(
            source,
            name=name,
            digest=fingerprint[:_DIGEST_LENGTH],  # MLflow hashes the path, not the content
        )
        mlflow.log_input(
            dataset, context=context, tags={"fingerprint": fingerprint, "dvc_hash": dvc_hash}
        )

    def log_model(self, model: Any, example: NDArray[Any], class_names: tuple[str, ...]) -> None:
        """Keep the model, with its signature and an input example [k, h, w, c]."""
        from mlflow.models import Model, infer_signature

        Model.log(
            artifact_path=None,
            name="model",
            flavor=_KerasFlavor,
            model=model,
            signature=infer_signature(example, np.asarray(model(example, training=False))),
            input_example=example,
            # Given, because inferring them runs the model in a new environment (14 s).
            pip_requirements=[f"{name}=={version(name)}" for name in _MODEL_PACKAGES],
            metadata={"class_names": list(class_names)},
        )


class _KerasFlavor:
    """mlflow.keras, whose log_model fails on an input example: it writes the example first and
    makes the folder for it after (MLflow 3.17.2)."""

    __name__ = "mlflow.keras"

    @staticmethod
    def save_model(path: str, **arguments: Any) -> None:
        import mlflow.keras

        Path(path).mkdir(parents=True, exist_ok=True)
        mlflow.keras.save_model(path=path, **arguments)


@contextmanager
def tracked_run(
    config: TrackingConfig, run_name: str, tags: Mapping[str, str], description: str
) -> Iterator[TrackedRun]:
    """Record a run; whatever ends the block, the run's status is right.

    An exception marks it FAILED and keeps the error, Ctrl-C and SIGTERM mark it KILLED.

    Raises:
        SpoonfulError: the store cannot be reached or refuses the run.
    """
    run = _start(config, run_name, tags, description)
    system_metrics = SystemMetrics(run.info.run_id)
    system_metrics.start()
    try:
        with _refusals(config):
            yield TrackedRun(run.info.run_id)
    except Exception as error:
        system_metrics.finish()
        _keep_error(error)
        _end(RunStatus.FAILED, error)
        raise
    except BaseException as error:  # KeyboardInterrupt, SystemExit
        system_metrics.finish()
        _end(RunStatus.KILLED, error)
        raise
    else:
        system_metrics.finish()
        with _refusals(config):
            mlflow.end_run(RunStatus.to_string(RunStatus.FINISHED))


def find_run(config: TrackingConfig, train_key: str) -> str | None:
    """Return the id of the newest finished run that made a model; None where the store has none."""
    client = MlflowClient(prepare_store(config))
    with _refusals(config):
        experiments = [e.experiment_id for e in client.search_experiments()]
        runs = client.search_runs(
            experiments,
            filter_string=f"tags.{TRAIN_KEY_TAG} = '{train_key}' and status = 'FINISHED'",
            order_by=["start_time DESC"],
            max_results=1,
        )
    return runs[0].info.run_id if runs else None


@contextmanager
def finished_run(config: TrackingConfig, run_id: str) -> Iterator[MlflowClient]:
    """Add to a run that is over, without touching its status."""
    with _refusals(config):
        yield MlflowClient(prepare_store(config))


def _start(
    config: TrackingConfig, run_name: str, tags: Mapping[str, str], description: str
) -> mlflow.ActiveRun:
    mlflow.set_tracking_uri(prepare_store(config))
    with _refusals(config):
        name = config.experiment_name
        if mlflow.get_experiment_by_name(name) is None:
            _create_experiment(name, artifact_location(config, name))
        mlflow.set_experiment(name)
        mlflow.set_system_metrics_sampling_interval(config.system_metrics_interval_s)
        mlflow.set_system_metrics_samples_before_logging(1)
        return mlflow.start_run(
            run_name=run_name, tags=dict(tags), description=description, log_system_metrics=False
        )


def _create_experiment(name: str, location: str | None) -> None:
    try:
        mlflow.create_experiment(name, artifact_location=location)
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


def _end(status: int, error: BaseException) -> None:
    """Mark a run that did not finish; its own error must come through whatever happens here."""
    try:
        mlflow.end_run(RunStatus.to_string(status))
    except Exception as second:
        error.add_note(f"the run could not be marked in MLflow: {second}")


def _text(value: Any) -> str:
    return "null" if value is None else str(value)
