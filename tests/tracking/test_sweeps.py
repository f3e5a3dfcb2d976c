"""Sweeps are read back whole, by id, by name or as the newest."""

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from spoonful.compare.runs import DEFAULT_SCORE, Score, SweepRuns
from spoonful.config.compose import compose_config
from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.record.tags import SCORE_MODE_TAG, SCORE_TAG
from spoonful.tracking import sweeps
from spoonful.tracking.store import prepare_store
from spoonful.tracking.sweeps import log_comparison, read_sweep

AXES = ["generator.batch_size", "generator.shuffle", "seed"]
LOSSES = {1: 1.7424746751785278, 2: 0.1 + 0.2, 3: float("inf")}


class Store:
    """A store that tests fill."""

    def __init__(self, folder: Path, empty_store: Path) -> None:
        shutil.copy(empty_store, folder / "runs.db")
        store = f"tracking.uri=sqlite:///{folder / 'runs.db'}"
        self.tracking = compose_config([store, "tracking.ui_port=5123"]).tracking
        self.client = MlflowClient(prepare_store(self.tracking))
        self.experiment = self.client.create_experiment("digits", (folder / "artifacts").as_uri())
        self.time = 1000

    def begin(self, name: str, tags: Mapping[str, str]) -> str:
        self.time += 1000
        run = self.client.create_run(
            self.experiment, run_name=name, tags=dict(tags), start_time=self.time
        )
        return str(run.info.run_id)

    def parent(self, name: str, **tags: str) -> str:
        """A sweep; without tags of its own one that was asked for by name."""
        run_id = self.begin(name, tags or {"sweep.name": name})
        self.client.set_tag(run_id, "sweep.id", run_id)
        return run_id

    def child(
        self, parent: str, params: Mapping[str, object], status: str = "FINISHED", **tags: str
    ) -> str:
        """A training of a sweep, with three losses."""
        own = {"sweep.id": parent, "mlflow.parentRunId": parent, **tags}
        run_id = self.begin(f"child-{self.time}", own)
        self.client.log_batch(
            run_id,
            metrics=[Metric("loss", value, 7, epoch) for epoch, value in LOSSES.items()]
            + [Metric("best_val_accuracy", 0.9, 7, 0), Metric("digest_train", 5.0, 7, 1)],
            params=[Param(name, str(value)) for name, value in params.items()],
        )
        self.client.set_terminated(run_id, status)
        return run_id


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Store:
    return Store(tmp_path_factory.mktemp("store"), empty_store)


@pytest.fixture(scope="module")
def grid(store: Store) -> tuple[str, list[str]]:
    """A sweep with its axes recorded, and its trainings in the order of their beginning."""
    parent = store.parent(
        "sizes",
        **{
            "sweep.axes": json.dumps(AXES),
            "sweep.num_points": "4",
            "mlflow.note.content": "`spoonful sweep seed=0,1`",
        },
    )
    settings = [(16, "full", 0), (16, "full", 1), (64, "none", 0)]
    children = [
        store.child(
            parent,
            dict(zip(AXES, values, strict=True)) | {"pack.x": "null"},
            "FAILED" if values[0] == 64 else "FINISHED",
            experiment="throughput",
        )
        for values in settings
    ]
    store.client.set_terminated(parent, "FAILED")
    return parent, children


@pytest.fixture(scope="module")
def named(store: Store, grid: tuple[str, list[str]]) -> str:
    """A younger sweep that single trainings joined: it recorded no axes."""
    parent = store.parent("by name")
    for seed in (0, 1):
        store.child(parent, {"generator.batch_size": 16, "seed": seed, "generator.seed": seed})
    return parent


def test_a_sweep_comes_back_with_its_runs(store: Store, grid: tuple[str, list[str]]) -> None:
    parent, children = grid
    sweep = read_sweep(store.tracking, parent)
    assert (sweep.run_id, sweep.name, sweep.status) == (parent, "sizes", "FAILED")
    assert sweep.axes == tuple(AXES)
    assert sweep.num_points == 4
    assert sweep.description == "`spoonful sweep seed=0,1`"
    assert [run.run_id for run in sweep.runs] == children
    assert [run.status for run in sweep.runs] == ["FINISHED", "FINISHED", "FAILED"]
    first = sweep.runs[0]
    assert first.name.startswith("child-")
    assert first.settings == {
        "generator.batch_size": 16,
        "generator.shuffle": "full",
        "seed": 0,
        "pack.x": None,
        "experiment": "throughput",
    }
    assert sweep.score == DEFAULT_SCORE  # of runs that recorded none
    assert first.metrics == {"loss": LOSSES}  # bit for bit, and nothing that is not asked for
    assert first.scalars["best_val_accuracy"] == 0.9
    assert first.started < sweep.runs[1].started


def test_the_links_are_those_of_the_ui(store: Store, grid: tuple[str, list[str]]) -> None:
    parent, children = grid
    sweep = read_sweep(store.tracking, parent)
    start = f"http://127.0.0.1:5123/#/experiments/{store.experiment}/runs"
    end = "?workflowType=machine_learning"
    assert sweep.url == f"{start}/{parent}{end}"
    assert sweep.points_url.startswith(f"{start}{end}&searchFilter=tags.")
    assert parent in sweep.points_url
    assert [run.url for run in sweep.runs] == [f"{start}/{child}{end}" for child in children]
    assert not sweep.is_served


def test_the_axes_of_a_sweep_without_any_recorded_are_found(store: Store, named: str) -> None:
    sweep = read_sweep(store.tracking, named)
    assert sweep.axes == ("seed",)
    assert sweep.num_points is None
    assert len(sweep.runs) == 2


def test_a_choice_that_is_no_param_is_read_off_the_command(store: Store) -> None:
    parent = store.parent("choices", **{"sweep.axes": '["trainer", "model", "optimizer/schedule"]'})
    for trainer in ("default", "augmented"):
        overrides = f"trainer={trainer} model=mlp optimizer/schedule=constant 'tracking.uri=a b'"
        params = {"model": "mlp", "optimizer.schedule": "constant", "seed": 0}
        store.child(parent, params, overrides=overrides)
    runs = read_sweep(store.tracking, parent).runs
    assert [run.setting("trainer") for run in runs] == ["default", "augmented"]
    assert {run.setting("optimizer/schedule") for run in runs} == {"constant"}
    assert {run.setting("model") for run in runs} == {"mlp"}
    store.client.delete_run(parent)


def test_points_are_ranked_by_the_score_of_their_task_unless_told(store: Store) -> None:
    parent = store.parent("regression")
    error, other = "val_mean_absolute_error", "val_r2"
    child = store.child(parent, {"seed": 0}, **{SCORE_TAG: error, SCORE_MODE_TAG: "min"})
    for name in (error, other):
        store.client.log_metric(child, name, 0.25, step=1)
    own = read_sweep(store.tracking, parent)
    assert own.score == Score(error, is_more_better=False)
    assert own.runs[0].metrics[error] == {1: 0.25}
    assert other not in own.runs[0].metrics
    asked = read_sweep(store.tracking, parent, other)
    assert asked.score == Score(other, is_more_better=True)
    assert asked.runs[0].metrics[other] == {1: 0.25}
    store.client.delete_run(parent)


def found(store: Store, sweep: str | None) -> str:
    return read_sweep(store.tracking, sweep).run_id


def test_a_sweep_is_found_by_id_beginning_name_or_as_the_newest(
    store: Store, grid: tuple[str, list[str]], named: str
) -> None:
    assert found(store, None) == named
    assert found(store, "sizes") == found(store, grid[0]) == grid[0]
    length = next(n for n in range(1, 33) if not named.startswith(grid[0][:n]))
    assert found(store, grid[0][:length]) == grid[0]


def test_of_sweeps_of_one_name_the_newest_is_taken(store: Store, named: str) -> None:
    older, newer = (store.parent("twice") for _ in range(2))
    assert found(store, "twice") == newer
    assert found(store, older) == older
    for run_id in (older, newer):
        store.client.delete_run(run_id)
    with pytest.raises(SpoonfulError, match="twice"):
        found(store, "twice")


def test_what_is_no_sweep_is_one_line_with_the_newest(
    store: Store, grid: tuple[str, list[str]], named: str
) -> None:
    for wrong in ("nothing", grid[1][0]):  # a child is no sweep
        with pytest.raises(SpoonfulError) as raised:
            found(store, wrong)
        text = str(raised.value)
        assert "\n" not in text
        assert f"compare.sweep={wrong}" in text
        assert f"{named} (by name, " in text
        assert f"{grid[0]} (sizes, " in text


def test_a_beginning_of_several_ids_is_one_line_with_them(
    store: Store, grid: tuple[str, list[str]], named: str
) -> None:
    with pytest.raises(SpoonfulError, match="several ids start with this") as raised:
        found(store, "")
    assert grid[0] in str(raised.value)
    assert named in str(raised.value)


def test_a_store_without_a_sweep_says_how_to_make_one(tmp_path: Path, empty_store: Path) -> None:
    empty = Store(tmp_path, empty_store)
    empty.begin("a single training", {})
    with pytest.raises(SpoonfulError, match="no sweep: run `spoonful sweep` first"):
        read_sweep(empty.tracking, None)


def test_all_runs_are_read_however_few_come_at_a_time(
    store: Store, grid: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sweeps, "_PAGE", 1)
    assert [run.run_id for run in read_sweep(store.tracking, "sizes").runs] == grid[1]


def test_of_a_metric_that_was_recorded_twice_the_later_counts(store: Store, named: str) -> None:
    parent = store.parent("repeated")
    child = store.child(parent, {"seed": 0})
    for time, value in ((30, 0.3), (20, 0.2)):
        store.client.log_batch(child, metrics=[Metric("loss", value, time, 2)])
    assert read_sweep(store.tracking, parent).runs[0].metrics["loss"][2] == 0.3
    store.client.delete_run(parent)


def test_what_is_not_finite_comes_back_so(store: Store, named: str) -> None:
    parent = store.parent("diverged")
    child = store.child(parent, {"seed": 0})
    values = (float("inf"), float("-inf"), float("nan"), 1e300)
    logged = [Metric("val_loss", value, 7, epoch) for epoch, value in enumerate(values)]
    store.client.log_batch(child, metrics=[*logged, Metric("best_val_loss", values[0], 7, 0)])
    (run,) = read_sweep(store.tracking, parent).runs
    assert run.epochs("val_loss") == pytest.approx(values, nan_ok=True)
    assert run.scalars["best_val_loss"] == values[0]
    store.client.delete_run(parent)


def test_points_that_are_chosen_one_by_one_have_no_number(store: Store) -> None:
    parent = store.parent("search", **{"sweep.axes": '["seed"]', "sweep.num_points": "0"})
    assert read_sweep(store.tracking, parent).num_points is None
    store.client.delete_run(parent)


def test_a_comparison_is_kept_with_the_sweep(
    store: Store, grid: tuple[str, list[str]], tmp_path: Path
) -> None:
    (tmp_path / "charts").mkdir()
    (tmp_path / "report.html").write_text("<p>", encoding="utf-8")
    (tmp_path / "charts" / "a.svg").write_text("<svg/>", encoding="utf-8")
    log_comparison(store.tracking, grid[0], tmp_path)
    names = {file.path for file in store.client.list_artifacts(grid[0], "compare")}
    assert names == {"compare/report.html", "compare/charts"}
    assert store.client.get_run(grid[0]).info.status == "FAILED"  # as it was


def test_a_store_of_no_known_kind_is_one_line(store: Store) -> None:
    wrong: TrackingConfig = replace(store.tracking, uri="ftp://x")
    with pytest.raises(SpoonfulError, match="ftp://x"):
        read_sweep(wrong, None)


def test_what_is_read_knows_nothing_of_mlflow(store: Store, named: str) -> None:
    sweep: SweepRuns = read_sweep(store.tracking, named)
    assert {type(value) for run in sweep.runs for value in run.settings.values()} == {int}
    assert {type(e) for run in sweep.runs for e in run.metrics["loss"]} == {int}
