"""Runs are read back as they were recorded, by their id or its beginning."""

import hashlib
import json
import shutil
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient
from omegaconf import OmegaConf

from spoonful.config.compose import compose_config
from spoonful.config.schema import TrackingConfig
from spoonful.config.settings import settings_of
from spoonful.errors import SpoonfulError
from spoonful.record.ledger import TRAIN, WEIGHTS, Row, to_csv
from spoonful.tracking.outlets import outlet_of
from spoonful.tracking.recorded import read_run
from spoonful.tracking.recording import TrackedRun
from spoonful.tracking.store import prepare_store

ROWS = [Row(TRAIN, 1, 40, "9f" * 16), Row(WEIGHTS, 1, 40, "85" * 16)]
FILES = ("config.yaml", "overrides.txt", "environment.json", "ledger.csv")
LOSSES = {1: 1.7424746751785278, 2: 0.1 + 0.2}


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> TrackingConfig:
    """A store with an experiment, and no runs."""
    store = tmp_path_factory.mktemp("store")
    shutil.copy(empty_store, store / "runs.db")
    tracking = compose_config([f"tracking.uri=sqlite:///{store / 'runs.db'}"]).tracking
    client = MlflowClient(prepare_store(tracking))
    client.create_experiment("digits", (store / "artifacts").as_uri())
    return tracking


def begin(tracking: TrackingConfig, name: str) -> tuple[MlflowClient, str]:
    client = MlflowClient(tracking.uri)
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    run = client.create_run(experiment.experiment_id, run_name=name)
    return client, str(run.info.run_id)


def artifacts_of(client: MlflowClient, run_id: str) -> Path:
    return Path(client.get_run(run_id).info.artifact_uri.removeprefix("file://"))


@pytest.fixture(scope="module")
def whole(tracking: TrackingConfig) -> str:
    """A run that recorded all that is asked for."""
    client, run_id = begin(tracking, "whole")
    client.set_tag(run_id, "git.commit", "c59e2bf")
    for epoch, loss in LOSSES.items():
        client.log_metric(run_id, "loss", loss, step=epoch)
        client.log_metric(run_id, "val_loss", loss / 2, step=epoch)
        client.log_metric(run_id, "images_per_s", 1000.0, step=epoch)
    client.log_text(
        run_id, OmegaConf.to_yaml(settings_of(compose_config(["seed=3"]))), "config.yaml"
    )
    client.log_text(run_id, "seed=3\ntracking.tags={a: b c}", "overrides.txt")
    client.log_text(run_id, json.dumps({"packages": {"keras": "3.15.1"}}), "environment.json")
    client.log_text(run_id, to_csv(ROWS), "ledger.csv")
    client.set_terminated(run_id)
    return run_id


def test_a_run_comes_back_as_it_was_recorded(tracking: TrackingConfig, whole: str) -> None:
    run = read_run(tracking, whole)
    assert (run.run_id, run.name, run.status) == (whole, "whole", "FINISHED")
    assert run.tags["git.commit"] == "c59e2bf"
    assert run.metrics == {
        "loss": LOSSES,
        "val_loss": {epoch: loss / 2 for epoch, loss in LOSSES.items()},
    }
    assert run.num_epochs == 2
    assert run.config == settings_of(compose_config(["seed=3"]))
    assert run.overrides == ["seed=3", "tracking.tags={a: b c}"]
    assert run.packages == {"keras": "3.15.1"}
    assert run.ledger == ROWS
    assert run.num_steps == 40
    assert abs((datetime.now() - run.started).total_seconds()) < 600


def test_reading_shows_no_bars(
    tracking: TrackingConfig, whole: str, capfd: pytest.CaptureFixture[str]
) -> None:
    read_run(tracking, whole)
    shown = capfd.readouterr()
    assert shown.out == shown.err == ""


def test_the_beginning_of_an_id_will_do(tracking: TrackingConfig, whole: str) -> None:
    assert read_run(tracking, whole[:12]).run_id == whole


def test_what_an_early_run_did_not_record_is_none(tracking: TrackingConfig) -> None:
    _, run_id = begin(tracking, "bare")
    run = read_run(tracking, run_id)
    assert (run.config, run.packages, run.ledger, run.learning) == (None, None, None, None)
    assert run.rows(TRAIN) is None
    assert (run.overrides, run.metrics, run.num_epochs, run.num_steps) == ([], {}, 0, 0)
    assert run.status == "RUNNING"


def test_several_runs_that_begin_alike_are_listed(tracking: TrackingConfig) -> None:
    ids = [begin(tracking, f"run {number}")[1] for number in range(17)]
    ((letter, count),) = Counter(run_id[0] for run_id in ids).most_common(1)
    assert count > 1
    with pytest.raises(SpoonfulError, match="several runs start with this") as caught:
        read_run(tracking, letter)
    alike = [run_id for run_id in ids if run_id[0] == letter]
    assert sum(run_id in str(caught.value) for run_id in alike) >= min(count, 4)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("given", ["0" * 32, "nonsense", "%", "' or 1=1"])
def test_an_unknown_run_is_answered_with_the_newest_ones(
    tracking: TrackingConfig, given: str
) -> None:
    _, newest = begin(tracking, "newest")
    with pytest.raises(SpoonfulError, match="the newest are") as caught:
        read_run(tracking, given)
    assert f"{newest} (newest, " in str(caught.value)
    assert str(caught.value).startswith(given)
    assert "\n" not in str(caught.value)


def test_a_deleted_run_is_unknown(tracking: TrackingConfig) -> None:
    client, run_id = begin(tracking, "deleted")
    client.delete_run(run_id)
    with pytest.raises(SpoonfulError, match="no run whose id starts with this"):
        read_run(tracking, run_id)


@pytest.mark.parametrize(
    ("name", "text"),
    [("config.yaml", "a: ["), ("environment.json", "{"), ("ledger.csv", "stream,epoch\ntrain,x\n")],
)
def test_a_damaged_file_is_named(tracking: TrackingConfig, name: str, text: str) -> None:
    client, run_id = begin(tracking, "damaged")
    client.log_text(run_id, text, name)
    with pytest.raises(
        SpoonfulError, match=f"{run_id}: its {name} in .*: expected .*, found "
    ) as caught:
        read_run(tracking, run_id)
    assert "\n" not in str(caught.value)


@pytest.fixture(scope="module")
def checked(tracking: TrackingConfig) -> tuple[str, Path]:
    """A run that was recorded with the checksums of its files, and their folder."""
    client, run_id = begin(tracking, "checked")
    tracked = TrackedRun(run_id, outlet_of(tracking, run_id))
    config = OmegaConf.to_yaml(settings_of(compose_config(["seed=3"])))
    packages = json.dumps({"packages": {"keras": "3.15.1"}})
    for name, text in zip(
        FILES, (config, "seed=3\nmodel=mlp", packages, to_csv(ROWS)), strict=True
    ):
        tracked.log_checked(text, name)
    tracked.outlet.finish()
    return run_id, artifacts_of(client, run_id)


def test_a_run_with_checksums_comes_back(
    tracking: TrackingConfig, checked: tuple[str, Path]
) -> None:
    run = read_run(tracking, checked[0])
    assert run.overrides == ["seed=3", "model=mlp"]
    assert run.ledger == ROWS


@pytest.mark.parametrize("name", FILES)
def test_each_changed_or_lost_byte_of_a_run_s_file_is_noticed(
    tracking: TrackingConfig, checked: tuple[str, Path], name: str
) -> None:
    run_id, folder = checked
    content = (folder / name).read_bytes()
    places = sorted({*range(0, len(content), len(content) // 6 + 1), len(content) - 1})
    damaged = [content[:p] + bytes([content[p] ^ (1 << p % 8)]) + content[p + 1 :] for p in places]
    damaged += [content[:p] + content[p + 1 :] for p in places]
    try:
        for other in [*damaged, b"", content * 2]:
            (folder / name).write_bytes(other)
            with pytest.raises(SpoonfulError) as caught:
                read_run(tracking, run_id)
            found = hashlib.sha256(other).hexdigest()
            message = str(caught.value)
            assert f"run {run_id}: its {name} in {folder.as_uri()}: expected content" in message
            assert hashlib.sha256(content).hexdigest() in message
            assert f"found {found}; " in message
            assert "\n" not in message
        (folder / name).unlink()
        with pytest.raises(SpoonfulError, match=f"its {name} in .*: expected a file with the SHA"):
            read_run(tracking, run_id)
    finally:
        (folder / name).write_bytes(content)


def test_a_file_that_was_written_again_is_right_wherever_the_process_was_killed(
    tracking: TrackingConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, run_id = begin(tracking, "again")

    def recording() -> TrackedRun:
        """A process that continues the run."""
        return TrackedRun(run_id, outlet_of(tracking, run_id), client.get_run(run_id))

    versions = [to_csv(ROWS[:1]), to_csv(ROWS), to_csv([*ROWS, *ROWS])]
    recording().log_checked(versions[0], "ledger.csv")
    for text in versions[1:]:
        tracked = recording()
        with monkeypatch.context() as patch:
            patch.setattr(tracked, "log_text", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):  # killed before the file
                tracked.log_checked(text, "ledger.csv")
        assert read_run(tracking, run_id).ledger == ROWS[:1]
    tracked = recording()
    with monkeypatch.context() as patch:
        write, patched = tracked.log_text, patch.setattr
        patched(tracked, "log_text", lambda *given: (write(*given), 1 / 0))
        with pytest.raises(ZeroDivisionError):  # killed after the file
            tracked.log_checked(versions[2], "ledger.csv")
    assert read_run(tracking, run_id).ledger == [*ROWS, *ROWS]
    recording().log_checked(versions[1], "ledger.csv")
    assert read_run(tracking, run_id).ledger == ROWS
    tag = client.get_run(run_id).data.tags["sha256.ledger.csv"]
    assert tag == hashlib.sha256(versions[1].encode()).hexdigest()


def test_artifacts_that_are_gone_are_not_recorded(tracking: TrackingConfig) -> None:
    client, run_id = begin(tracking, "moved")
    client.log_text(run_id, to_csv(ROWS), "ledger.csv")
    shutil.rmtree(artifacts_of(client, run_id))
    assert read_run(tracking, run_id).ledger is None
