"""What tests of inspections share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from spoonful.config.compose import compose_config
from spoonful.config.schema import Config
from spoonful.datasets import RawDataset
from spoonful.inspection import parallel
from spoonful.inspection.measure import Measured, measure
from spoonful.project import raw_dir

Fetched = Callable[..., tuple[RawDataset, Config]]


@pytest.fixture
def fetched(project: Path, monkeypatch: pytest.MonkeyPatch) -> Fetched:
    """`fetched(*overrides)`: what `fetch` leaves of the folder "mine" in an empty project."""
    monkeypatch.chdir(project)

    def fetch(*overrides: str) -> tuple[RawDataset, Config]:
        config = compose_config(["dataset=folder", "dataset.path=mine", *overrides])
        config.dataset.fetch(raw_dir())
        return config.dataset.open_raw(raw_dir()), config

    return fetch


def count_decoded(monkeypatch: pytest.MonkeyPatch, limit: int = 1 << 30) -> list[str]:
    """Return the digests of what is decoded from now on; after the limit comes Ctrl-C."""
    decoded: list[str] = []

    def counted(content: bytes, sha256: str, max_pixels: int) -> Measured:
        if len(decoded) == limit:
            raise KeyboardInterrupt
        decoded.append(sha256)
        return measure(content, sha256, max_pixels)

    monkeypatch.setattr(parallel, "measure", counted)
    return decoded


def rows_of(folder: Path) -> dict[str, dict[str, Any]]:
    return {row["origin"]: row for row in pq.read_table(folder / "images.parquet").to_pylist()}
