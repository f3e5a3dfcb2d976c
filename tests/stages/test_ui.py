"""The MLflow UI after a sweep, in a real browser: what a researcher finds where."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spoonful.compare.runs import SweepRuns
from spoonful.config.compose import compose_config
from spoonful.tracking.sweeps import read_sweep
from tests.processes import run_spoonful
from tests.stages.pipelines import CHECKOUT, imported

SWEEP = ["generator.batch_size=32,128", "seed=0,1", "model=mlp", "trainer.epochs=2"]


pages = imported(CHECKOUT / "experiments" / "batch_size_shuffle" / "pages.py")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(pages.chromium() is None, reason="needs Chromium (Debian: chromium)"),
]


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, digits_data: Path, empty_store: Path) -> Path:
    """A project with a sweep that was compared."""
    folder = tmp_path_factory.mktemp("swept")
    shutil.copytree(CHECKOUT / "conf", folder / "conf")
    shutil.copytree(digits_data, folder / "data")
    shutil.copy(empty_store, folder)
    shutil.copy(CHECKOUT / "dvc.yaml", folder)
    for command in (["sweep", *SWEEP], ["compare"]):
        done = run_spoonful(folder, *command)
        assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def shown(swept: Path) -> Iterator[tuple[SweepRuns, str]]:
    """The sweep as it was recorded, with links to the UI that runs, and its address."""
    port = pages.free_port()
    store = f"tracking.uri=sqlite:///{swept / 'mlflow.db'}"
    config = compose_config([f"tracking.ui_port={port}", store]).tracking
    with pages.served(swept, port) as address:
        yield read_sweep(config, None), address


@pytest.fixture
def page() -> Iterator[Any]:
    """An empty window: the UI remembers what was searched for in the same one."""
    with pages.window() as page:
        yield page


def wait_for_runs(page: Any, sweep: SweepRuns) -> None:
    for run in sweep.runs:
        page.get_by_role("link", name=run.name, exact=True).wait_for()


def test_the_sweep_s_page_has_its_command_and_leads_to_its_points(
    shown: tuple[SweepRuns, str], page: Any
) -> None:
    sweep, address = shown
    page.goto(sweep.url)
    page.get_by_text(f"spoonful sweep {' '.join(SWEEP)}").first.wait_for()
    wait_for_runs(page, sweep)
    link = page.get_by_role("link", name="table", exact=True).get_attribute("href")
    assert link.startswith(("#", address))
    page.goto(f"{address}/{link.removeprefix(address).lstrip('/')}")
    wait_for_runs(page, sweep)
    assert page.get_by_role("link", name=sweep.name, exact=True).count() == 0


def test_the_experiment_s_page_lists_the_points_below_the_sweep(
    shown: tuple[SweepRuns, str], page: Any
) -> None:
    sweep, address = shown
    page.goto(f"{address}/#/experiments/1/runs?workflowType=machine_learning")
    page.get_by_role("link", name=sweep.name, exact=True).wait_for()
    page.get_by_role("row").filter(has_text=sweep.name).get_by_role("button").last.click()  # the +
    wait_for_runs(page, sweep)


def test_the_curves_of_all_points_are_one_click_away(
    shown: tuple[SweepRuns, str], page: Any
) -> None:
    sweep, _ = shown
    page.goto(sweep.points_url)
    wait_for_runs(page, sweep)
    plots = page.locator(".js-plotly-plot")
    plots.nth(2).wait_for()
    assert page.get_by_text("accuracy", exact=True).count() == 1
    assert plots.first.locator(".scatterlayer .trace").count() >= len(sweep.runs)


def test_two_runs_are_compared_by_params_and_curves(
    shown: tuple[SweepRuns, str], page: Any
) -> None:
    sweep, address = shown
    first, last = sweep.runs[0], sweep.runs[-1]
    page.goto(pages.compare_page(address, "1", [first.run_id, last.run_id]))
    row = page.get_by_role("row").filter(has_text="generator.batch_size")
    assert row.first.inner_text().split() == ["generator.batch_size", "32", "128"]
    page.get_by_role("link", name="accuracy", exact=True).click()
    page.locator(".js-plotly-plot .scatterlayer .trace").nth(1).wait_for()
    for run in (first, last):
        page.get_by_text(f"{run.name} (accuracy)").first.wait_for()


def test_the_report_opens_among_the_sweep_s_artifacts(
    shown: tuple[SweepRuns, str], page: Any
) -> None:
    sweep, _ = shown
    page.goto(sweep.url.replace("?", "/artifacts/compare/report.html?"))
    report = page.frame_locator("iframe")
    report.get_by_role("heading", name=f"Sweep {sweep.name}").wait_for()
    assert report.get_by_role("heading", name="Points").count() == 1
