"""DVC besides `dvc repro`: its plots, and experiments in copies of the project."""

import json
import time
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from tests.stages.pipelines import (
    CHECKOUT,
    TIMEOUT_S,
    copy_of,
    imported,
    new_project,
    runs_of,
    sh,
)

pytestmark = pytest.mark.slow

PLOTS = (
    "images per class and split",
    "loss and accuracy",
    "confusion",
    "f1 per class",
    "calibration",
)

pages = imported(CHECKOUT / "experiments" / "batch_size_shuffle" / "pages.py")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose pipeline has run once; committed."""
    folder = new_project(tmp_path_factory.mktemp("ran"))
    sh(folder, "dvc", "repro")
    sh(folder, "git", "add", "-A")
    sh(folder, "git", "commit", "-qm", "ran")
    return folder


def test_metrics_and_plots_are_understood_by_dvc(ran: Path) -> None:
    shown = json.loads(sh(ran, "dvc", "metrics", "show", "--json"))
    assert "accuracy" in json.dumps(shown)
    html = plots_page(ran).read_text()
    for name in PLOTS:
        assert name in html


def plots_page(project: Path) -> Path:
    sh(project, "dvc", "plots", "show")
    return project / "dvc_plots" / "index.html"


@pytest.mark.skipif(pages.chromium() is None, reason="needs Chromium (Debian: chromium)")
def test_the_plots_are_drawn_without_a_network(ran: Path) -> None:
    asked: list[str] = []
    failures: list[str] = []
    with pages.window() as page:
        page.context.set_offline(True)
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: failures.append(str(error)))
        address = plots_page(ran).as_uri()
        page.goto(address)
        page.locator("svg.marks").nth(len(PLOTS) - 1).wait_for()
        for name in PLOTS:
            page.locator("svg.marks").get_by_text(name, exact=True).wait_for()
        assert page.locator("svg.marks path").count() > 50  # bars, points, fields of the matrix
    assert failures == []
    assert [url for url in asked if not url.startswith("data:")] == [address]


def test_runs_of_experiments_in_dvc_s_copies_are_kept(ran: Path, tmp_path: Path) -> None:
    # Two projects: MLflow keeps the database of the first open.
    folder, queueing = copy_of(ran, tmp_path / "temp"), copy_of(ran, tmp_path / "queue")
    seed = 'train.overrides="model=mlp trainer.epochs=1 seed={}"'
    sh(folder, "dvc", "exp", "run", "--temp", "-S", seed.format(1), "train")
    (temporary,) = runs_of(folder)
    assert temporary.info.run_name == "mlp-adam-b32-full-s1"
    assert not (queueing / "mlflow.db").exists()  # two workers make it at once
    for number in (2, 3):
        sh(queueing, "dvc", "exp", "run", "--queue", "-S", seed.format(number), "train")
    sh(queueing, "dvc", "queue", "start", "-j", "2")
    try:
        end = time.monotonic() + TIMEOUT_S
        while (shown := sh(queueing, "dvc", "queue", "status")).count("Success") < 2:
            assert "Failed" not in shown, shown
            assert time.monotonic() < end, f"the queue has not ended:\n{shown}"
            time.sleep(1)
    finally:
        sh(queueing, "dvc", "queue", "stop", "--kill")
    queued = runs_of(queueing)
    assert {run.info.run_name[-2:] for run in queued} == {"s2", "s3"}
    client = MlflowClient(f"sqlite:///{queueing / 'mlflow.db'}")
    for run in queued:
        assert run.info.status == "FINISHED"
        names = {file.path for file in client.list_artifacts(run.info.run_id)}
        assert {"config.yaml", "ledger.csv"} <= names
    assert list((queueing / "models" / "checkpoints").iterdir()) == []
    assert sh(queueing, "git", "status", "--short") == ""  # nothing of it in the user's own files
