"""Record each item of a run once.

Everything goes through the run's outlet as JSON entries: a local store applies them at once;
entries for a server are kept in a journal until it has them.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from mlflow.entities import Run
from numpy.typing import NDArray

from spoonful.files.whole import naming
from spoonful.record.tags import CHECKSUM_TAGS, DATASET_CONTEXT_TAG
from spoonful.secrets import redacted
from spoonful.tracking.mlflow_private import last_metrics
from spoonful.tracking.outlets import Outlet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_ABORT_S = 2.0  # of the 3 s of a process that is to end at once
_DIGEST_LENGTH = 36  # the longest digest that MLflow accepts
_MODEL_PACKAGES = ("keras", "tensorflow", "numpy")


@dataclass
class TrackedRun:
    """A run that is being recorded. Users and passwords in addresses are left out.

    Attributes:
        run_id: its id.
        outlet: where its records go.
        recorded: what it recorded before an interruption; None: it is new.
        known: metrics of a finished run; they are not added again with the same value.
        unsent: why not everything is at the server, after the run; None: everything is.
        has_id: `run_id` is MLflow's; otherwise its server was down when it began.
    """

    run_id: str
    outlet: Outlet
    recorded: Run | None = None
    unsent: str | None = None
    known: Mapping[str, float] = field(default_factory=dict)
    has_id: bool = True

    @cached_property
    def _last_steps(self) -> dict[str, int]:
        """The last step that each metric was recorded at before the interruption."""
        metrics = [] if self.recorded is None else last_metrics(self.recorded)
        return {metric.key: metric.step for metric in metrics}

    def next_step(self, prefix: str) -> int:
        """Return the step, from 0, at which the metrics with this prefix continue."""
        steps = (step for name, step in self._last_steps.items() if name.startswith(prefix))
        return max(steps, default=-1) + 1

    @cached_property
    def _checksums(self) -> dict[str, str]:
        """The digests in the store of the files that are read back, by their tags."""
        return {} if self.recorded is None else dict(self.recorded.data.tags)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Record what was decided before the run began; existing values are kept."""
        known = {} if self.recorded is None else self.recorded.data.params
        texts = {n: "null" if v is None else str(v) for n, v in params.items() if n not in known}
        self.outlet.put({"kind": "params", "params": redacted_values(texts)})

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Record the tags by which the run is found and grouped."""
        self.outlet.put({"kind": "tags", "tags": redacted_values(tags)})

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Record numbers that are not yet recorded; `step` is the epoch, from 1."""
        new = {
            n: float(v)
            for n, v in metrics.items()
            if (step or 0) > self._last_steps.get(n, -1) and self.known.get(n) != float(v)
        }
        if new:
            entry = {"kind": "metrics", "metrics": new, "step": step or 0, "time_ms": _now_ms()}
            self.outlet.put(entry)

    def mark(self, status: str) -> None:
        """Record the end of the run and its status, such as "FINISHED"; from any thread."""
        self.outlet.put({"kind": "status", "status": status, "time_ms": _now_ms()})

    def end_others(self, wanted: str, status: str, error: str | None = None) -> None:
        """Mark other runs of the same experiment that began before now.

        Args:
            wanted: MLflow's filter for them.
            status: how they ended.
            error: the reason.
        """
        entry = {"kind": "others", "wanted": wanted, "status": status, "error": error}
        self.outlet.put({**entry, "time_ms": _now_ms()})

    def mark_killed(self) -> None:
        """Mark the run KILLED, from any thread."""
        self.mark("KILLED")
        self.outlet.finish(_ABORT_S)

    def log_text(self, text: str, artifact_file: str) -> None:
        """Keep a text file with the run."""
        with self._new_file(artifact_file) as path:
            path.write_text(redacted(text), encoding="utf-8")

    def log_checked(
        self, text: str, artifact_file: str, tags: Mapping[str, str] | None = None
    ) -> None:
        """Keep a text file that is read back, and its SHA-256 among the tags.

        While it replaces another file, the tag has both digests: a killed process leaves either
        file.

        Args:
            text: the file's text.
            artifact_file: its name.
            tags: further tags, set once the file exists.
        """
        name = f"{CHECKSUM_TAGS}{artifact_file}"
        digest = hashlib.sha256(redacted(text).encode()).hexdigest()
        before = self._checksums.get(name, "")
        if before not in ("", digest):
            self.set_tags({name: f"{digest} {before}"})
        self.log_text(text, artifact_file)
        self.set_tags({name: digest, **(tags or {})})
        self._checksums[name] = digest

    def log_figure(self, figure: "Figure", artifact_file: str) -> None:
        """Keep a figure with the run."""
        from spoonful.figures import save

        with self._new_file(artifact_file) as path:
            save(figure, path)

    def log_folder(self, folder: Path, artifact_path: str) -> None:
        """Keep the files of a folder with the run, in their current state."""
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            self.log_file(path, f"{artifact_path}/{path.relative_to(folder).as_posix()}")

    def log_file(self, path: Path, artifact_file: str) -> None:
        """Keep a file with the run, in its current state."""
        with self._new_file(artifact_file) as copy:
            copy.write_bytes(path.read_bytes())

    def log_dataset(
        self, name: str, folder: Path, fingerprint: str, dvc_hash: str, context: str
    ) -> None:
        """Record which data the run read; `context` is "training" or "validation"."""
        if self.recorded is not None and name in {
            known.dataset.name for known in self.recorded.inputs.dataset_inputs
        }:
            return
        facts = {
            "name": name,
            "digest": fingerprint[:_DIGEST_LENGTH],
            "source_type": "local",
            "source": json.dumps({"uri": folder.as_uri()}),
        }
        tags = {"fingerprint": fingerprint, "dvc_hash": dvc_hash, DATASET_CONTEXT_TAG: context}
        self.outlet.put({"kind": "dataset", "dataset": facts, "tags": tags})

    def log_model(self, model: Any, example: NDArray[Any], class_names: tuple[str, ...]) -> None:
        """Keep the model, with its signature and an input example [k, h, w, c]."""
        import mlflow.keras
        from mlflow.models import Model, infer_signature

        folder = self.outlet.place_for("model")
        folder.mkdir()  # MLflow 3.17.2 writes the example before it creates the folder
        with naming(folder):
            mlflow.keras.save_model(
                model,
                str(folder),
                mlflow_model=Model(metadata={"class_names": list(class_names)}),
                signature=infer_signature(example, np.asarray(model(example, training=False))),
                input_example=example,
                # Passed, because inferring them runs the model in a new environment (14 s).
                pip_requirements=[f"{name}=={version(name)}" for name in _MODEL_PACKAGES],
            )
        is_again = self.recorded is not None
        self.outlet.put({"kind": "model", "file": _below(folder), "replaces": is_again})

    @contextmanager
    def _new_file(self, artifact_file: str) -> Iterator[Path]:
        """Yield where to write a file, which is kept with the run once it is written."""
        to, _, name = artifact_file.rpartition("/")
        path = self.outlet.place_for(name)
        with naming(path):
            yield path
        self.outlet.put({"kind": "file", "file": _below(path), "to": to})


def redacted_values(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags without users and passwords in their values."""
    return {name: redacted(str(value)) for name, value in tags.items()}


def _below(path: Path) -> str:
    """Return the path of a file relative to the outlet's folder."""
    return f"{path.parent.name}/{path.name}"


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
