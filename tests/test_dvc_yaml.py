"""dvc.yaml lists all of the source that decides what a stage leaves."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import CHECKOUT
from tests.imports import MODULES, imported_modules, name_of, within

# What decides how a stage speaks, waits, records and fails, but no byte of what it leaves.
SILENT = (
    "background",
    "config",  # names what it checks the values for; the values are those of conf/
    "errors",
    "output",
    "progress",
    "progress_bar",
    "project",
    "refusals",
    "secrets",
    "signals",
    "tracking",
    "watched",
    "workflow.interrupted",
    "workflow.job",
    "workflow.train_record",
    "workflow.train_words",
    "workflow.trained",
    "workflow.unsent",
)
# Later stages ask them where an image came from; what they made is a dependency itself.
MAKE_DATA = ("datasets", "splitting")
STAGES: dict[str, Any] = yaml.safe_load((CHECKOUT / "dvc.yaml").read_text())["stages"]
PATHS = {name_of(path): path for path in MODULES}


def deciding(stage: str) -> set[str]:
    """The modules that a stage's own imports, directly or not, without the silent ones."""
    silent = SILENT if stage in ("fetch", "split") else SILENT + MAKE_DATA
    found: set[str] = set()
    left = [f"stages.{stage}"]
    while left:
        name = left.pop()
        if name in found or within(name, silent):
            continue
        found.add(name)
        left += imported_modules(PATHS[name])
    return found


def listed(stage: str) -> list[str]:
    """The names of modules and packages that a stage in dvc.yaml depends on."""
    paths = [Path(path) for path in STAGES[stage]["deps"] if path.startswith("src/spoonful")]
    return [".".join(path.with_suffix("").parts[2:]) for path in paths]


@pytest.mark.parametrize("stage", ["fetch", "split", "pack", "train", "evaluate", "compare"])
def test_a_stage_depends_on_all_that_decides_what_it_leaves(stage: str) -> None:
    names = listed(stage)
    needed = deciding(stage)
    missing = sorted(name for name in needed if not within(name, tuple(names)))
    assert not missing, f"dvc.yaml: {stage} depends on none of {missing}"
    needed.add("config.schema")
    useless = [one for one in names if not any(within(name, (one,)) for name in needed)]
    assert not useless, f"dvc.yaml: {stage} does not import {useless}"
    twice = [one for one in names for other in names if one != other and within(one, (other,))]
    assert not twice


@pytest.mark.parametrize("stage", ["train", "evaluate"])
def test_what_learns_or_judges_depends_on_the_checks_of_the_config(stage: str) -> None:
    assert "config" in listed(stage)


def test_a_point_of_a_sweep_depends_on_what_training_does() -> None:
    assert STAGES["sweep"]["deps"] == STAGES["train"]["deps"]
