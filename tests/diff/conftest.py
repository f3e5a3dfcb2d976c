"""Recorded runs as a store would give them back."""

import hashlib
from collections.abc import Callable
from datetime import datetime
from functools import cache
from typing import Any

import pytest

from spoonful.config.compose import compose_config
from spoonful.config.schema import Config
from spoonful.config.settings import settings_of
from spoonful.diff.recorded_run import RecordedRun
from spoonful.record.ledger import TRAIN, VAL, Ledger, Row

MakeRun = Callable[..., RecordedRun]
MakeRows = Callable[..., list[Row]]

STEPS_PER_EPOCH = 250
METRICS = ("loss", "accuracy", "val_loss", "val_accuracy", "learning_rate")
TAGS = {
    "digest.data": "8b585a055a4e0713",
    "digest.split": "9602aeb5e75e3a15",
    "fingerprint.train": "7d" * 32,
    "fingerprint.val": "f5" * 32,
    "git.commit": "c59e2bf" + "0" * 33,
    "git.dirty": "false",
    "requirements_lock": "16" * 32,
    "version.python": "3.11.7",
    "version.keras": "3.15.1",
    "hardware.cpu": "A processor",
    "hardware.num_cores": "2",
    "hardware.memory_gb": "23.5",
    "train_key": "6c" * 32,
}


def make_rows(
    num_epochs: int = 3, first_other_step: int | None = None, first_other_weights: int | None = None
) -> list[Row]:
    """The ledger of a training; from one step or one epoch on another one than by default."""
    ledger = Ledger()
    for epoch in range(1, num_epochs + 1):
        first = (epoch - 1) * STEPS_PER_EPOCH
        ledger.begin(TRAIN, epoch, first)
        ledger.add(
            TRAIN,
            [
                digest("step", step, first_other_step is not None and step >= first_other_step)
                for step in range(first, first + STEPS_PER_EPOCH)
            ],
        )
        ledger.end(TRAIN)
        ledger.begin(VAL, epoch, 0)
        ledger.add(VAL, [digest("val", step, False) for step in range(5)])
        ledger.end(VAL)
        is_other = first_other_weights is not None and epoch >= first_other_weights
        weights = digest("weights", epoch, is_other)[:16]
        ledger.note_weights(epoch, first + STEPS_PER_EPOCH, weights)
    return ledger.rows


@cache
def composed(overrides: tuple[str, ...]) -> Config:
    return compose_config(["model=mlp", *overrides])


def digest(*parts: object) -> bytes:
    return hashlib.sha256(repr(parts).encode()).digest()


def make_run(
    overrides: tuple[str, ...] = (),
    tags: dict[str, str | None] | None = None,
    num_epochs: int = 3,
    **attributes: Any,
) -> RecordedRun:
    """A finished run; tags of None are left out."""
    changed = {**TAGS, **(tags or {})}
    values: dict[str, Any] = {
        "run_id": "3f2a9c01" * 4,
        "name": "mlp-adam-b32-full-s0",
        "status": "FINISHED",
        "started": datetime(2026, 11, 23, 17, 40),
        "tags": {name: value for name, value in changed.items() if value is not None},
        "config": settings_of(composed(overrides)),
        "overrides": ["model=mlp", *overrides],
        "packages": {"keras": "3.15.1", "numpy": "2.4.6"},
        "metrics": {
            name: {epoch: 1 / (epoch + place) for epoch in range(1, num_epochs + 1)}
            for place, name in enumerate(METRICS)
        },
        "ledger": make_rows(num_epochs),
    }
    return RecordedRun(**{**values, **attributes})


@pytest.fixture(scope="session")
def run_of() -> MakeRun:
    return make_run


@pytest.fixture(scope="session")
def rows_of() -> MakeRows:
    return make_rows
