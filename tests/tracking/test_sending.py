"""Entries reach MLflow, also while other runs are recorded."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from mlflow.tracking import MlflowClient
from sqlalchemy import Engine, event

from spoonful.config.compose import compose_config
from spoonful.tracking.sending import Delivery
from spoonful.tracking.store import prepare_store

DATA = {"name": "mnist", "digest": "0123", "source_type": "local", "source": "{}"}


@pytest.fixture
def client(in_project: None) -> MlflowClient:
    return MlflowClient(prepare_store(compose_config([]).tracking))


@contextmanager
def just_before_the_insertion(act: Any) -> Iterator[list[bool]]:
    """Act once, after MLflow has looked for a data set and before it adds it."""
    acted: list[bool] = []

    def before(*arguments: Any) -> None:
        if arguments[2].startswith("INSERT INTO datasets") and not acted:
            acted.append(True)
            act()

    event.listen(Engine, "before_cursor_execute", before)
    try:
        yield acted
    finally:
        event.remove(Engine, "before_cursor_execute", before)


def test_two_runs_record_the_same_data_at_the_same_moment(
    client: MlflowClient, tmp_path: Path
) -> None:
    experiment = client.create_experiment("shared")
    runs = [str(client.create_run(experiment).info.run_id) for _ in range(2)]
    one, other = (Delivery(client, run, tmp_path) for run in runs)
    entry = {"kind": "dataset", "dataset": DATA, "tags": {"mlflow.data.context": "train"}}
    with just_before_the_insertion(lambda: other.send(entry, False)) as acted:
        one.send(entry, False)
    assert acted
    found = [client.get_run(run).inputs.dataset_inputs for run in runs]
    assert [[(i.dataset.name, i.dataset.digest) for i in inputs] for inputs in found] == [
        [("mnist", "0123")]
    ] * 2
