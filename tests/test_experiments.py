import re
from pathlib import Path

import pytest
import yaml

from spoonful.config.compose import compose_config
from spoonful.config.schema import Config

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
    for entry in content.pop("defaults", []):
        for override, choice in entry.items():
            group = override.removeprefix("override /")
            if group in ("dataset", "generator", "model", "optimizer"):
                assert getattr(config, group).name == choice
    check_values(config, content)


def check_values(node: Config | object, content: dict[str, object]) -> None:
    for key, value in content.items():
        if isinstance(value, dict):
            check_values(getattr(node, key), value)
        else:
            assert getattr(node, key) == value


@pytest.mark.parametrize("name", OVERLAYS)
def test_an_overlay_can_still_be_overridden(name: str) -> None:
    config = compose_config([f"experiment={name}", "trainer.epochs=1", "model=mlp"])
    assert config.trainer.epochs == 1
    assert config.model.name == "mlp"
