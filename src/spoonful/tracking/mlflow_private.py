"""All of MLflow that is used here and is not public. No other module touches it.

Each may change in any version: pyproject.toml bounds MLflow, and
tests/tracking/test_mlflow_private.py names what broke. Public are mlflow.entities,
mlflow.exceptions, mlflow.tracking, mlflow.models, mlflow.keras and the command `mlflow`.
"""

import logging
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow.entities import Metric, Run
    from mlflow.system_metrics.metrics.base_metrics_monitor import BaseMetricsMonitor


def last_metrics(run: "Run") -> "list[Metric]":
    """Return the last value of each metric of a run, with its step and time.

    `RunData._metric_objs`: the public `metrics` has values only, and the public way to the steps
    reads every value of every metric.
    """
    return list(run.data._metric_objs)


def with_context_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return tags with those that MLflow itself sets: the user, the program and its git commit.

    `mlflow.tracking.context.registry.resolve_tags`: the only public call that adds them,
    `mlflow.start_run`, makes the run the active one of the process.
    """
    from mlflow.tracking.context.registry import resolve_tags

    return dict(resolve_tags(dict(tags)))


def create_tables(uri: str, artifacts: Path) -> None:
    """Create the tables of a store in an empty database, and the experiment that MLflow needs.

    `mlflow.store.db.utils` and `SqlExperiment`: the public way is a client, which creates the
    tables in place, half of them if the process is killed. It also fails to add the experiment at
    a path with a quote (3.17.2).

    Args:
        uri: address of the database, for SQLAlchemy.
        artifacts: folder of the artifacts of all experiments.
    """
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine
    from mlflow.store.tracking.dbmodels.models import SqlExperiment
    from sqlalchemy.orm import Session

    hush()  # importing it has set its own levels
    engine = create_sqlalchemy_engine(uri)
    _initialize_tables(engine)
    now_ms = int(time.time() * 1000)
    default = SqlExperiment(
        experiment_id=0,
        name="Default",
        artifact_location=(artifacts / "0").as_uri(),
        lifecycle_stage="active",
        creation_time=now_ms,
        last_update_time=now_ms,
    )
    with Session(engine) as session:
        session.add(default)
        session.commit()
    engine.dispose()


def half_copied(artifacts: Path) -> list[Path]:
    """Return the partial copies of artifacts that a killed process left in a run's folder.

    `_TEMP_ARTIFACT_PREFIX` of `mlflow.store.artifact.local_artifact_repo`: MLflow removes such
    files only in the process that wrote them.
    """
    from mlflow.store.artifact.local_artifact_repo import _TEMP_ARTIFACT_PREFIX

    return list(artifacts.rglob(f"{_TEMP_ARTIFACT_PREFIX}*"))


def system_monitors() -> "list[BaseMetricsMonitor]":
    """Return the monitors of processor, memory, disk, network and, if there is one, GPU.

    `mlflow.system_metrics.metrics`: the public `mlflow.start_run(log_system_metrics=True)` asks the
    server at each sample, and stops for good if it does not answer.
    """
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.disk_monitor import DiskMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor
    from mlflow.system_metrics.metrics.network_monitor import NetworkMonitor
    from mlflow.system_metrics.metrics.rocm_monitor import ROCMMonitor

    found = [CPUMonitor(), DiskMonitor(), NetworkMonitor()]
    for kind in (GPUMonitor, ROCMMonitor):
        with suppress(Exception):  # no such GPU, no package for it, or a driver that fails
            found.append(kind())
            break
    return found


def hush() -> None:
    """Hide notes of MLflow's modules about migrations and packages; warnings are shown.

    Their loggers: MLflow has no public setting for one of them.
    """
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns if an environment has no pip, such as those made by uv.
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)
    # It warns at each sample that a GPU cannot be asked for.
    logging.getLogger("mlflow.system_metrics").setLevel(logging.ERROR)
    # It also writes the traceback of what it raises, for example for a full disk.
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
