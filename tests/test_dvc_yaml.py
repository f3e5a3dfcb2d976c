"""dvc.yaml lists all of the source and conf/ that decides what a stage leaves."""

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from spoonful.commands import STAGES as COMMANDS
from spoonful.config.schema import Config
from tests.conftest import CHECKOUT
from tests.imports import (
    MODULES,
    imported_modules,
    modules_of,
    name_of,
    named_modules,
    recorded_groups,
    within,
)

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
MAKE_DATA = ("datasets", "splitting", "inspection")
# What a stage's modules import for a part that it does not run.
OF_OTHERS: dict[str, tuple[str, ...]] = {
    "fetch": ("order",),  # its largest seed, to check a data set's
    "inspect": ("order",),
    "split": ("order",),
    "pack": MAKE_DATA,
    "train": (*MAKE_DATA, "evaluation", "figures"),  # tasks judge in `evaluate`
    "evaluate": MAKE_DATA,
    "compare": (*MAKE_DATA, "order"),  # the names of its metrics
}
# The keys of these groups change no byte of what a stage leaves; "seed" is in conf/config.yaml.
SILENT_GROUPS = ("seed", "sweep", "tracking", "cache")
NAMES = ("fetch", "inspect", "split", "pack", "train", "evaluate", "compare")
STAGES: dict[str, Any] = yaml.safe_load((CHECKOUT / "dvc.yaml").read_text())["stages"]
PATHS = {name_of(path): path for path in MODULES}


def groups_of(stage: str) -> set[str]:
    """The groups of conf/ whose keys decide what a stage leaves."""
    return set(COMMANDS[stage].groups) - set(SILENT_GROUPS)


def components(group: str) -> set[str]:
    """The modules that a group's `_target_` may lead to: a file of ours, or the adapter."""
    adapters = {f.name: f.metadata.get("adapter") for f in dataclasses.fields(Config)}
    return named_modules(group) | modules_of(filter(None, [adapters.get(group)]))


def deciding(stage: str) -> set[str]:
    """The modules that a stage's own imports, directly or not, without the silent ones.

    What conf/ names with `_target_` is imported by the stages that read the group, and by those
    that make a model's recorded component again.
    """
    silent = SILENT + OF_OTHERS[stage]
    found: set[str] = set()
    left = [f"stages.{stage}", *(m for group in groups_of(stage) for m in components(group))]
    while left:
        name = left.pop()
        if name in found or within(name, silent):
            continue
        found.add(name)
        left += imported_modules(PATHS[name])
        left += (m for group in recorded_groups(PATHS[name]) for m in components(group))
    return found


def listed(stage: str) -> list[str]:
    """The names of modules and packages that a stage in dvc.yaml depends on."""
    paths = [Path(path) for path in STAGES[stage]["deps"] if path.startswith("src/spoonful")]
    return [".".join(path.with_suffix("").parts[2:]) for path in paths]


def test_what_conf_names_is_found() -> None:
    assert named_modules("source") == {"workflow.folder_split", "workflow.packed_split"}
    assert "optimizers.warmup_cosine" in named_modules("optimizer")
    assert components("source") - named_modules("source") == {"workflow.foreign_source"}
    assert {"tasks.regression", "workflow.packed_split"} <= deciding("evaluate")


@pytest.mark.parametrize("stage", NAMES)
def test_a_stage_depends_on_the_groups_that_it_reads(stage: str) -> None:
    files = {Path(path) for path in STAGES[stage]["deps"] if path.startswith("conf/")}
    assert {path.name for path in files if not path.suffix} - {"experiment", "debug"} == groups_of(
        stage
    )


@pytest.mark.parametrize("stage", NAMES)
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
