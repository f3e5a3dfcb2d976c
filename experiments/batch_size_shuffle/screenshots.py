"""Keep pictures of the MLflow UI after the sweep, in results/ui.

python experiments/batch_size_shuffle/screenshots.py [SWEEP]

Needs Chromium. SWEEP is a name or a run's id; without it the newest sweep is shown.
"""

import re
import sys
from pathlib import Path

from pages import compare_page, free_port, served, window
from playwright.sync_api import Page

from spoonful.compare.runs import PointRun, SweepRuns
from spoonful.config.compose import compose_config
from spoonful.project import project_root
from spoonful.tracking.sweeps import read_sweep

_FOLDER = Path(__file__).resolve().parent / "results" / "ui"
_SETTLE_MS = 4_000  # charts are drawn one after the other
_REPORT = "artifacts/compare/report.html"


def main() -> None:
    """Open each page and keep what it shows."""
    port = free_port()
    config = compose_config([f"tracking.ui_port={port}"]).tracking
    sweep = read_sweep(config, sys.argv[1] if len(sys.argv) > 1 else None)
    _FOLDER.mkdir(parents=True, exist_ok=True)
    with served(project_root(), port) as address, window() as page:
        page.goto(sweep.points_url)
        page.get_by_role("button", name="Close").click()  # the assistant's panel
        page.locator(".js-plotly-plot").nth(2).wait_for()
        _keep(page, "curves")
        page.goto(sweep.url)
        page.get_by_role("link", name="curves", exact=True).wait_for()
        _keep(page, "sweep")
        page.goto(compare_page(address, _experiment_id(sweep), _best_and_middle(sweep)))
        page.get_by_role("link", name="accuracy", exact=True).click()
        page.wait_for_url("**/#/metric?**")
        page.goto(f"{page.url}&workflowType=machine_learning")
        page.locator(".js-plotly-plot .scatterlayer").first.wait_for()
        _keep(page, "two_runs")
        page.goto(sweep.url.replace("?", f"/{_REPORT}?"))
        page.frame_locator("iframe").get_by_role("heading", level=1).wait_for()
        # Where the files lie is of no interest to others.
        page.get_by_text("Path: file:").first.evaluate("place => place.style.display = 'none'")
        _keep(page, "report")


def _experiment_id(sweep: SweepRuns) -> str:
    return re.findall(r"/experiments/(\w+)/", sweep.url)[0]


def _best_and_middle(sweep: SweepRuns) -> list[str]:
    def accuracy(run: PointRun) -> float:
        return run.scalars["best_val_accuracy"]

    finished = sorted(filter(lambda run: run.is_finished, sweep.runs), key=accuracy)
    return [finished[-1].run_id, finished[len(finished) // 2].run_id]


def _keep(page: Page, name: str) -> None:
    page.wait_for_timeout(_SETTLE_MS)
    page.screenshot(path=_FOLDER / f"{name}.png")
    print(_FOLDER / f"{name}.png", flush=True)


if __name__ == "__main__":
    main()
