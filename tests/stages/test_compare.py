"""`spoonful compare` on a store with a sweep of which one run has failed and one never began."""

import csv
import json
import shutil
from functools import partial
from itertools import product
from pathlib import Path

import pytest
from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.config.settings import flattened
from spoonful.errors import SpoonfulError
from spoonful.project import project_root
from spoonful.stages import compare
from spoonful.tracking.store import prepare_store
from tests.processes import run_command

CHECKOUT = Path(__file__).resolve().parents[2]
AXES = ("generator.batch_size", "generator.shuffle", "seed")
SIZES, SHUFFLES, SEEDS = (16, 64, 256), ("full", "none"), (0, 1, 2)
FAILED, NEVER = (64, "none", 1), (256, "full", 2)
NUM_EPOCHS = 4


def accuracy(size: int, shuffle: str, seed: int) -> float:
    noise = (0.0, 0.0031, -0.0042)[seed] + 0.0007 * (size % 7) * seed
    return 0.97 - size / 10_000 - (0.4 if shuffle == "none" else 0.0) + noise


def metrics_of(values: tuple[int, str, int]) -> list[Metric]:
    size, _, _ = values
    best = accuracy(*values)
    epochs = range(1, NUM_EPOCHS + 1)
    by_epoch = {
        "loss": [2.0 / epoch for epoch in epochs],
        "val_loss": [2.1 / epoch + 1 - best for epoch in epochs],
        "val_accuracy": [best - 0.1 / epoch for epoch in epochs],
        "images_per_s": [50.0 * size, *[100.0 * size] * (NUM_EPOCHS - 1)],
        "train_time_s": [900.0 / size * epoch for epoch in epochs],
        "peak_rss_mb": [500.0 + size] * NUM_EPOCHS,
        "input_wait_fraction": [0.01] * NUM_EPOCHS,
        "images_seen": [1000.0 * epoch for epoch in epochs],
        "shuffle_class_chi2": [1.5] * NUM_EPOCHS,
    }
    logged = [
        Metric(name, value, epoch, epoch)
        for name, values_of in by_epoch.items()
        for epoch, value in zip(epochs, values_of, strict=True)
    ]
    return [*logged, Metric("best_val_accuracy", best, 9, 0), Metric("best_val_loss", 0.3, 9, 0)]


@pytest.fixture(scope="session")
def swept(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Path:
    """A project with an empty sweep and, younger, one of 3 batch sizes, 2 shuffles and 3 seeds."""
    folder = tmp_path_factory.mktemp("swept")
    (folder / "conf").symlink_to(CHECKOUT / "conf")
    (folder / "dvc.yaml").write_text("", encoding="utf-8")
    shutil.copy(empty_store, folder)
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = MlflowClient(prepare_store(compose_config([f"tracking.uri={uri}"]).tracking))
    experiment = client.create_experiment("digits", (folder / "mlruns").as_uri())
    tags = {"sweep.axes": json.dumps(AXES), "sweep.num_points": "18"}
    for time, name in enumerate(("empty", "sizes")):
        run = client.create_run(experiment, run_name=name, tags=tags, start_time=1000 + time)
        parent = run.info.run_id
        client.set_tag(parent, "sweep.id", parent)
    defaults = flattened(compose_config([]))
    for values in product(SIZES, SHUFFLES, SEEDS):
        if values == NEVER:
            continue
        params = {**defaults, **dict(zip(AXES, values, strict=True))}
        run = client.create_run(
            experiment,
            run_name="mlp-{}-{}-{}".format(*values),
            tags={"sweep.id": parent, "mlflow.parentRunId": parent},
        )
        is_failed = values == FAILED
        client.log_batch(
            run.info.run_id,
            metrics=[] if is_failed else metrics_of(values),
            params=[Param(k, "null" if v is None else str(v)) for k, v in params.items()],
        )
        client.set_terminated(run.info.run_id, "FAILED" if is_failed else "FINISHED")
    client.set_terminated(parent, "FAILED")
    return folder


@pytest.fixture
def inside(swept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(swept)
    project_root.cache_clear()
    return swept


def read(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def client_of(project: Path) -> MlflowClient:
    return MlflowClient(f"sqlite:///{project / 'mlflow.db'}")


@pytest.mark.slow
def test_a_sweep_is_compared(inside: Path, capfd: pytest.CaptureFixture[str]) -> None:
    compare.run(compose_config([]))
    out, err = capfd.readouterr()
    assert err == ""
    lines = out.splitlines()
    sweep_id = lines[0].removeprefix("sweep sizes, run ")
    assert lines[2].split()[:3] == ["point", "seeds", "val_accuracy,"]
    assert [line.partition("  ")[0] for line in lines[3:9]] == [
        f"batch_size={size} shuffle={shuffle}" for shuffle in SHUFFLES for size in SIZES
    ]
    assert "Best: batch_size=16 shuffle=full with val_accuracy " in out
    assert "without a result: batch_size=64 shuffle=none seed=1: FAILED" in lines
    assert "without a result: batch_size=256 shuffle=full seed=2: never began" in lines
    assert lines[-1] == "report: models/compare/report.html"
    # The tables have what was recorded.
    rows = read(inside / "models" / "compare" / "runs.csv")
    assert len(rows) == 17
    for row in rows:
        size, shuffle, seed = int(row[AXES[0]]), row[AXES[1]], int(row["seed"])
        if (size, shuffle, seed) == FAILED:
            assert (row["status"], row["counts"], row["val_accuracy"]) == ("FAILED", "no", "")
            continue
        assert float(row["val_accuracy"]) == accuracy(size, shuffle, seed)
        assert float(row["train_time_s"]) == 900.0 / size * NUM_EPOCHS
        assert float(row["images_per_s"]) == 100.0 * size
        assert float(row["shuffle_class_chi2"]) == 1.5
    best = json.loads((inside / "models" / "compare" / "metrics.json").read_text(encoding="utf-8"))
    mean = sum(accuracy(16, "full", seed) for seed in SEEDS) / 3
    assert best["val_accuracy_mean"] == pytest.approx(mean)
    assert (best["num_runs"], best["num_missing"]) == (16, 2)
    # The sweep's run has it all, and is otherwise as it was.
    client = client_of(inside)
    kept = {file.path for file in client.list_artifacts(sweep_id, "compare")}
    assert kept == {f"compare/{path.name}" for path in (inside / "models" / "compare").iterdir()}
    assert client.get_run(sweep_id).info.status == "FAILED"
    page = (inside / "models" / "compare" / "report.html").read_text(encoding="utf-8")
    assert all(row["run_id"] in page for row in rows)


@pytest.mark.slow
def test_the_metric_is_chosen(inside: Path, capfd: pytest.CaptureFixture[str]) -> None:
    compare.run(compose_config(["compare.metric=val_loss", "compare.sweep=sizes"]))
    assert "with val_loss 0.3000" in capfd.readouterr().out
    rows = read(inside / "models" / "compare" / "points.csv")
    assert {row["val_loss_mean"] for row in rows} == {"0.3"}
    # Equal in all runs: there is no test, and it is said.
    found = read(inside / "models" / "compare" / "differences.csv")
    verdicts = [row["verdict"] for row in found]
    assert set(verdicts) == {"identical", "one_pair"}
    assert verdicts.count("one_pair") == 1  # the points that lack a seed, each another one


@pytest.mark.slow
def test_the_level_decides_what_exceeds_the_noise(inside: Path) -> None:
    verdicts = {}
    for level in ("0.5", "1e-12"):
        compare.run(compose_config([f"compare.level={level}"]))
        rows = read(inside / "models" / "compare" / "differences.csv")
        verdicts[level] = [row["verdict"] for row in rows].count("exceeds")
    assert verdicts["0.5"] > verdicts["1e-12"] == 0


def test_a_sweep_without_results_is_one_line_and_leaves_what_was_there(inside: Path) -> None:
    report = inside / "models" / "compare" / "report.html"
    report.parent.mkdir(parents=True, exist_ok=True)
    report.write_bytes(b"of another sweep")
    with pytest.raises(SpoonfulError) as raised:
        compare.run(compose_config(["compare.sweep=empty"]))
    assert str(raised.value).startswith("sweep empty (")
    assert "no run of it has finished with a val_accuracy (it has no runs)" in str(raised.value)
    assert report.read_bytes() == b"of another sweep"


@pytest.mark.slow
def test_it_is_published_where_the_readme_has_a_place_for_it(inside: Path) -> None:
    folder = inside / "experiments" / "sizes"
    folder.mkdir(parents=True)
    readme = folder / "README.md"
    ask = ["compare.sweep=sizes", "compare.publish=experiments/sizes"]
    begin, end = "<!-- sizes: written by the command -->", "<!-- end of sizes -->"
    for text in (None, "# Sizes\n", f"# Sizes\n{end}\n{begin}\n"):
        if text is not None:
            readme.write_text(text, encoding="utf-8")
        with pytest.raises(SpoonfulError, match=r"README\.md must have a line"):
            compare.run(compose_config(ask))
        assert text is None or readme.read_text(encoding="utf-8") == text
    readme.write_text(f"# Sizes\n\n{begin}\nold\n{end}\n\nmore\n", encoding="utf-8")
    (folder / "results" / "sizes").mkdir(parents=True)
    (folder / "results" / "sizes" / "old.svg").touch()
    for _ in range(2):  # the second time it says the same
        compare.run(compose_config(ask))
        text = readme.read_text(encoding="utf-8")
        assert text.startswith(f"# Sizes\n\n{begin}\nval_accuracy, %:\n\n| shuffle \\ batch_size |")
        assert text.endswith(f"\n{end}\n\nmore\n")
        assert "| full | 96." in text
        assert "old" not in text
        assert "\n- Best: batch_size=16 shuffle=full" in text
    compared = inside / "models" / "compare"
    for path in (folder / "results" / "sizes").iterdir():
        source = compared / path.name if path.suffix == ".csv" else compared / "charts" / path.name
        assert path.read_bytes() == source.read_bytes()
    assert not (folder / "results" / "sizes" / "old.svg").exists()


@pytest.mark.parametrize("folder", ["..", "/", "../elsewhere"])
def test_nothing_is_published_outside_the_project(inside: Path, folder: str) -> None:
    with pytest.raises(SpoonfulError, match="expected a folder in"):
        compare.run(compose_config(["compare.sweep=sizes", f"compare.publish={folder}"]))


@pytest.mark.slow
def test_the_command_compares_and_refuses_in_one_line(swept: Path) -> None:
    spoonful = partial(run_command, swept)
    done = spoonful("compare", "compare.sweep=sizes")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("report: models/compare/report.html\n")
    for wrong, words in (
        ("compare.sweep=other", "expected the name of a sweep"),
        ("compare.metric=loss", "expected a metric of the validation images, such as val_loss"),
        ("compare.level=0", "> 0"),
    ):
        done = spoonful("compare", wrong)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.strip().splitlines()) == 1
        assert words in done.stderr
