"""What a run records, once."""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
from matplotlib.figure import Figure
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Run, RunStatus
from mlflow.tracking import MlflowClient
from numpy.typing import NDArray

_DIGEST_LENGTH = 36  # the longest digest that MLflow takes
_MODEL_PACKAGES = ("keras", "tensorflow", "numpy")


@dataclass
class TrackedRun:
    """A run that is being recorded.

    Attributes:
        run_id: its id.
        recorded: what it recorded before it was interrupted; None: it is new.
    """

    run_id: str
    recorded: Run | None = None

    @cached_property
    def _last_steps(self) -> dict[str, int]:
        """The last step that each metric was recorded at before the interruption."""
        # Not public: the public way reads every value of every metric.
        metrics = [] if self.recorded is None else self.recorded.data._metric_objs
        return {metric.key: metric.step for metric in metrics}

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record what was decided before the run began; what is recorded already stays."""
        known = {} if self.recorded is None else self.recorded.data.params
        mlflow.log_params({n: _text(value) for n, value in params.items() if n not in known})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Record what the run is to be found and grouped by."""
        mlflow.set_tags(dict(tags))

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers that are not recorded already; `step` is the epoch, from 1."""
        new = {n: v for n, v in metrics.items() if (step or 0) > self._last_steps.get(n, -1)}
        if new:
            mlflow.log_metrics(new, step=step)

    def _forget_models(self) -> None:
        """Delete the models of a run that was interrupted while it recorded its own."""
        if self.recorded is None:
            return
        client = MlflowClient()
        for model in client.search_logged_models(
            [self.recorded.info.experiment_id], filter_string=f"source_run_id = '{self.run_id}'"
        ):
            client.delete_logged_model(model.model_id)

    def mark_killed(self) -> None:
        """Mark the run KILLED, from any thread."""
        MlflowClient().set_terminated(self.run_id, RunStatus.to_string(RunStatus.KILLED))

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
        if self.recorded is not None and name in {
            known.dataset.name for known in self.recorded.inputs.dataset_inputs
        }:
            return
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

        self._forget_models()
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


def _text(value: Any) -> str:
    return "null" if value is None else str(value)
