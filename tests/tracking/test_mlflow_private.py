"""What is used of MLflow's private parts is there, in the form that is expected.

A failure names what a new version of MLflow has changed, and the function to mend.
"""

import importlib
import inspect
import json
import logging
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import mlflow.data
import pytest
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Dataset, Metric, Run
from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.tracking import mlflow_private, moved
from spoonful.tracking.run import tracked_run
from spoonful.tracking.store import open_store, sqlite_uri

FILE = "src/spoonful/tracking/mlflow_private.py"


@contextmanager
def used_by(function: Callable[..., Any] | str, api: str) -> Iterator[None]:
    """Name what broke if the block fails in any way."""
    name = function if isinstance(function, str) else f"{FILE}: {function.__name__}()"
    try:
        yield
    except Exception as error:
        pytest.fail(f"MLflow {version('mlflow')} has changed {api}: mend {name} ({error!r})")


def attribute(path: str) -> Any:
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(module), name)


def takes(function: Any, *names: str) -> None:
    """Fail if a function cannot be called with as many arguments by position."""
    inspect.signature(function).bind(*names)


@pytest.fixture
def run(project: Path, in_project: None) -> Run:
    config = compose_config([]).tracking
    with tracked_run(config, "run", {}, "") as tracked:
        tracked.log_metrics({"loss": 2.0}, step=1)
        tracked.log_metrics({"loss": 1.0}, step=2)
    return open_store(config).get_run(tracked.run_id)


def test_metrics_have_steps(run: Run) -> None:
    with used_by(mlflow_private.last_metrics, "RunData._metric_objs"):
        last = {metric.key: metric for metric in run.data._metric_objs}
        assert isinstance(last["loss"], Metric)
        assert (last["loss"].step, last["loss"].value) == (2, 1.0)
        assert last["loss"].timestamp > 0
        assert last["loss"].model_id is None
    (loss,) = (m for m in mlflow_private.last_metrics(run) if m.key == "loss")
    assert loss.step == 2


def test_tags_of_the_context() -> None:
    api = "mlflow.tracking.context.registry.resolve_tags"
    with used_by(mlflow_private.with_context_tags, api):
        takes(attribute(api), "tags")
        found = mlflow_private.with_context_tags({"own": "value", "mlflow.user": "me"})
        assert found["own"] == "value"
        assert found["mlflow.user"] == "me"  # those that are given win
        assert found["mlflow.source.type"] == "LOCAL"


def test_tables_and_the_first_experiment(tmp_path: Path) -> None:
    path = tmp_path / "it's" / "mlflow.db"
    path.parent.mkdir()
    for api in ("_initialize_tables", "create_sqlalchemy_engine"):
        with used_by(mlflow_private.create_tables, f"mlflow.store.db.utils.{api}"):
            takes(attribute(f"mlflow.store.db.utils.{api}"), "one")
    api = "mlflow.store.tracking.dbmodels.models.SqlExperiment"
    with used_by(mlflow_private.create_tables, api):
        attribute(api)
        mlflow_private.create_tables(sqlite_uri(path), path.parent / "mlruns")
    (first,) = MlflowClient(sqlite_uri(path)).search_experiments()
    assert (first.experiment_id, first.name) == ("0", "Default")
    assert first.artifact_location == (path.parent / "mlruns" / "0").as_uri()


def test_every_column_that_holds_a_place_is_adapted_after_a_move(empty_store: Path) -> None:
    places = ("artifact_location", "artifact_uri", "source", "storage_location")
    found = set()
    with sqlite3.connect(empty_store) as store:
        for (table,) in store.execute("SELECT name FROM sqlite_master WHERE type = 'table'"):
            columns = [row[1] for row in store.execute(f"PRAGMA table_info({table})")]
            found |= {(table, column) for column in columns if column in places}
    with used_by("src/spoonful/tracking/moved.py: _COLUMNS", "the columns of its tables"):
        assert set(moved._COLUMNS) <= found, set(moved._COLUMNS) - found


def test_names_of_partial_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    api = "mlflow.store.artifact.local_artifact_repo._TEMP_ARTIFACT_PREFIX"
    with used_by(mlflow_private.half_copied, api):
        assert attribute(api)
        module = importlib.import_module("mlflow.store.artifact.local_artifact_repo")
        (tmp_path / "file").write_text("content")
        seen: list[list[Path]] = []
        for name in ("replace", "rename"):
            original = getattr(module.os, name)

            def look(*places: Any, original: Any = original) -> Any:
                seen.append(mlflow_private.half_copied(tmp_path / "artifacts"))
                return original(*places)

            monkeypatch.setattr(module.os, name, look)
        repository = module.LocalArtifactRepository((tmp_path / "artifacts").as_uri())
        repository.log_artifact(str(tmp_path / "file"))
        assert [len(paths) for paths in seen] == [1]
        assert not mlflow_private.half_copied(tmp_path / "artifacts")


@pytest.mark.parametrize("name", ["CPU", "Disk", "Network", "GPU", "ROCM"])
def test_monitors_of_the_system(name: str) -> None:
    api = f"mlflow.system_metrics.metrics.{name.lower()}_monitor.{name}Monitor"
    with used_by(mlflow_private.system_monitors, api):
        for method in ("collect_metrics", "aggregate_metrics", "clear_metrics"):
            takes(getattr(attribute(api), method), "self")


def test_the_monitors_measure() -> None:
    with used_by(mlflow_private.system_monitors, "mlflow.system_metrics.metrics"):
        found: dict[str, float] = {}
        for monitor in mlflow_private.system_monitors():
            monitor.collect_metrics()
            time.sleep(0.01)
            found |= monitor.aggregate_metrics()
            monitor.clear_metrics()
            assert not monitor.aggregate_metrics()
        assert found["system_memory_usage_megabytes"] > 0
        assert {"cpu_utilization_percentage", "disk_usage_percentage"} <= found.keys()
        assert {"network_receive_megabytes", "network_transmit_megabytes"} <= found.keys()


@pytest.mark.parametrize("name", ["mlflow.utils.environment", "mlflow.store.db.utils"])
def test_loggers_have_the_names_of_modules(name: str) -> None:
    with used_by(mlflow_private.hush, f"the logger {name}"):
        assert importlib.import_module(name)._logger is logging.getLogger(name)


def test_a_data_set_is_described_as_mlflow_describes_it(tmp_path: Path) -> None:
    facts = {
        "name": "train",
        "digest": "0" * 36,
        "source_type": "local",
        "source": json.dumps({"uri": tmp_path.as_uri()}),
    }
    with used_by("src/spoonful/tracking/recording.py: log_dataset()", "its data sets"):
        with pytest.warns(UserWarning, match="source"):
            source = resolve_dataset_source(tmp_path.as_uri())
        same = MetaDataset(source, name="train", digest="0" * 36)._to_mlflow_entity()
        assert {k: v for k, v in dict(same).items() if v is not None} == facts
        (tmp_path / "a.txt").write_text("content")
        loaded = mlflow.data.get_source(Dataset(**facts)).load()
        assert (Path(loaded) / "a.txt").read_text() == "content"
