"""Open the MLflow UI after a sweep, page by page, in a headless Chromium."""

import json
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",  # which root may not have
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
_SIZE = {"width": 1500, "height": 950}
_LIMIT_S = 120.0


def chromium() -> str | None:
    """Return the browser's program, or None where there is none."""
    return next(filter(None, map(shutil.which, _NAMES)), None)


def free_port() -> int:
    """Return a port that nothing listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@contextmanager
def served(project: Path, port: int) -> Iterator[str]:
    """Run `spoonful ui` in a project; give its address."""
    command = [sys.executable, "-m", "spoonful", "ui", f"tracking.ui_port={port}"]
    address = f"http://127.0.0.1:{port}"
    with subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL) as process:
        try:
            end = time.monotonic() + _LIMIT_S
            while not _answers(address):
                if process.poll() is not None or time.monotonic() > end:
                    raise SystemExit(f"`{' '.join(command)}` did not answer at {address}")
                time.sleep(0.2)
            yield address
        finally:
            process.terminate()


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(f"{address}/health", timeout=5):
            return True
    except (urllib.error.URLError, OSError):
        return False


@contextmanager
def window() -> Iterator[Page]:
    """Give an empty page of a browser of its own."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=list(_FLAGS))
        page = browser.new_page(viewport=_SIZE)
        page.set_default_timeout(1e3 * _LIMIT_S)
        yield page
        browser.close()


def compare_page(address: str, experiment_id: str, run_ids: Sequence[str]) -> str:
    """Return the address of the page that lays runs side by side."""
    asked = {
        "runs": json.dumps(list(run_ids)),
        "experiments": json.dumps([experiment_id]),
        "workflowType": "machine_learning",
    }
    return f"{address}/#/compare-runs?{urllib.parse.urlencode(asked)}"
