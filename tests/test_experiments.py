import math
import re
from operator import attrgetter
from pathlib import Path

import numpy as np
import pytest
import yaml

from spoonful.config.axes import check_sweep, sweep_of
from spoonful.config.compose import compose_config
from spoonful.config.fields import AUTO
from spoonful.config.schema import GROUPS, Config
from spoonful.config.settings import name_of, settings_of
from spoonful.errors import SpoonfulError
from spoonful.fitting.epoch_result import EpochResult
from spoonful.fitting.train import train
from spoonful.sources.array import ArraySource
from spoonful.workflow.shuffle_choice import shuffle_choice, with_shuffle

ROOT = Path(__file__).resolve().parents[1]
OVERLAYS = {path.stem: path for path in sorted((ROOT / "conf/experiment").glob("*.yaml"))}
HEADINGS = ("Question", "Command", "Hardware", "Time", "Expected")


def header_of(path: Path) -> dict[str, str]:
    """The header's entries; a line that is indented belongs to the entry above."""
    entries: dict[str, str] = {}
    heading = ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        found = re.match(r"# (\w+): +(\S.*)", line)
        if found:
            heading = found[1]
            entries[heading] = found[2]
        elif heading:
            entries[heading] += " " + line.removeprefix("#").strip()
    return entries


def test_every_experiment_has_an_overlay_and_a_folder_of_the_same_name() -> None:
    folders = {path.name for path in (ROOT / "experiments").iterdir() if path.is_dir()}
    assert folders == set(OVERLAYS)
    assert OVERLAYS


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_experiment_has_a_readme(name: str) -> None:
    text = (ROOT / "experiments" / name / "README.md").read_text(encoding="utf-8")
    assert text.startswith("# ")
    assert f"experiment={name}" in text
    for part in ("**Question.**", "**Hypothesis.**", "**Command.**", "**Hardware", "## Verdict"):
        assert part in text, f"{part} is missing"


@pytest.mark.parametrize("name", OVERLAYS)
def test_a_readme_s_links_lead_somewhere(name: str) -> None:
    folder = ROOT / "experiments" / name
    text = (folder / "README.md").read_text(encoding="utf-8")
    targets = [t.partition("#")[0] for t in re.findall(r"\]\(([^)\s]+)\)", text)]
    local = {target for target in targets if target and not target.startswith("http")}
    missing = sorted(target for target in local if not (folder / target).exists())
    assert not missing
    figures = {Path(target).name for target in local if target.endswith((".png", ".svg"))}
    kept = {path.name for path in (folder / "results").glob("*.png")}
    assert kept <= figures, "a figure that no README shows"


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_says_its_question_command_hardware_time_and_what_to_expect(name: str) -> None:
    entries = header_of(OVERLAYS[name])
    assert tuple(entries) == HEADINGS
    assert entries["Question"].endswith("?")
    assert f"experiment={name}" in entries["Command"]
    assert re.search(r"\d", entries["Hardware"])
    assert re.search(r"\d+ ?(s|min|h)\b", entries["Time"])
    assert re.search(r"\d", entries["Expected"])


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_composes_and_changes_what_it_says(name: str) -> None:
    plain, config = compose_config([]), compose_config([f"experiment={name}"])
    assert config != plain
    content = yaml.safe_load(OVERLAYS[name].read_text(encoding="utf-8"))
    content.pop("hydra", None)  # axes: below
    for entry in content.pop("defaults", []):
        for override, choice in entry.items():
            group = override.removeprefix("override /")
            assert group in (*GROUPS, "optimizer/schedule", "generator/crop")
            file = ROOT / "conf" / group / f"{choice}.yaml"
            target = yaml.safe_load(file.read_text(encoding="utf-8")).get("_target_")
            part = attrgetter(group.replace("/", "."))(config)
            assert settings_of(part).get("_target_") == target
    check_values(config, content)


def check_values(node: Config | object, content: dict[str, object]) -> None:
    for key, value in content.items():
        if isinstance(value, dict):
            check_values(getattr(node, key), value)
        else:
            assert getattr(node, key) == value


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_can_still_be_overridden(name: str) -> None:
    config = compose_config([f"experiment={name}", "trainer.epochs=1", "optimizer=sgd"])
    assert config.trainer.epochs == 1
    assert name_of(config.optimizer) == "sgd"


@pytest.mark.parametrize("name", OVERLAYS)
def test_every_value_of_an_overlay_s_axes_composes(name: str) -> None:
    content = yaml.safe_load(OVERLAYS[name].read_text(encoding="utf-8"))
    params = content.get("hydra", {}).get("sweeper", {}).get("params", {})
    if not params:
        with pytest.raises(SpoonfulError, match="nothing to sweep over"):
            sweep_of([f"experiment={name}"])
        return
    sweep = sweep_of([f"experiment={name}"])
    assert set(sweep.axes) <= set(params)
    check_sweep(sweep)


@pytest.mark.slow  # a training each
@pytest.mark.parametrize("name", OVERLAYS)
def test_every_experiment_trains_a_few_steps(name: str) -> None:
    few = ["generator.batch_size=8", "trainer.epochs=2", "trainer.steps_per_execution=2"]
    config = compose_config([f"experiment={name}", *few])
    is_known = config.dataset.image_size != AUTO
    size = config.dataset.image_size if is_known else [32, 32]
    shape = (*size, config.dataset.num_channels)
    labels = np.arange(20) % 10
    images = np.random.default_rng(0).integers(0, 256, (20, *shape), dtype=np.uint8)
    source = ArraySource(images, labels)
    reports: list[EpochResult] = []
    config = with_shuffle(config, shuffle_choice(config, (source, source)))
    training = train(config, source, source, reports.append)
    assert len(training.history) == len(reports) == 2
    assert all(math.isfinite(report.metrics["loss"]) for report in reports)
