"""--config-dir: config files of the user's own, and modules beside them."""

import os
import sys
from pathlib import Path

import pytest

from spoonful.command_line import main
from spoonful.config.compose import compose_config
from spoonful.config.folders import (
    CONFIG_DIR_VARIABLE,
    choices,
    config_folders,
    typed_flags,
    use_folders,
)
from spoonful.config.settings import name_of
from spoonful.errors import SpoonfulError
from spoonful.project import project_root
from tests.processes import without_progress

SMALL = "_target_: spoonful.models.mlp.Mlp\nnum_units: [3]\ndropout_rate: 0\n"


@pytest.fixture(autouse=True)
def in_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In a project's folder, with no folder of configs in use."""
    monkeypatch.chdir(project)
    monkeypatch.setenv(CONFIG_DIR_VARIABLE, "")
    monkeypatch.setattr(sys, "path", list(sys.path))
    project_root.cache_clear()


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A folder with a model and an experiment that chooses it."""
    folder = tmp_path / "my conf"
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "small.yaml").write_text(SMALL)
    (folder / "experiment").mkdir()
    overlay = "# @package _global_\ndefaults:\n  - override /model: small\ntrainer: {epochs: 7}\n"
    (folder / "experiment" / "mine.yaml").write_text(overlay)
    return folder


def refusal(*overrides: str) -> str:
    with pytest.raises(SpoonfulError) as caught:
        compose_config(list(overrides))
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_files_are_found_beside_those_of_conf(own: Path) -> None:
    assert "expected one of cnn, mlp, resnet, vgg" in refusal("model=small")
    use_folders([str(own)])
    assert choices("model") == ["cnn", "mlp", "resnet", "small", "vgg"]
    config = compose_config(["model=small"])
    assert (name_of(config.model), config.model.num_units) == ("mlp", [3])
    assert compose_config(["experiment=mine"]).trainer.epochs == 7
    assert compose_config(["experiment=mine"]).model.num_units == [3]
    assert name_of(compose_config([]).model) == "cnn"
    assert refusal("model=smal") == "model=smal: expected one of cnn, mlp, resnet, small, vgg"


def test_a_relative_path_is_taken_from_where_the_command_is_typed(
    own: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(own.parent)
    use_folders([own.name])
    assert config_folders() == [own]
    assert typed_flags() == ["--config-dir", str(own)]
    monkeypatch.chdir(own)
    assert config_folders() == [own]


@pytest.mark.parametrize("again", ["{}", "{}/", "{}/model/..", "{}/../my conf"])
def test_the_same_folder_twice_is_one(own: Path, again: str) -> None:
    use_folders([str(own), again.format(own)])
    assert config_folders() == [own]
    use_folders([str(own)])  # as a command does that is started by another
    assert config_folders() == [own]
    assert compose_config(["model=small"]).model.num_units == [3]


def test_folders_of_the_environment_are_used_too(own: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "model").mkdir(parents=True)
    (other / "model" / "tiny.yaml").write_text(SMALL)
    os.environ[CONFIG_DIR_VARIABLE] = str(own)
    use_folders([str(other)])
    assert sorted(config_folders()) == [own, other]
    assert {"small", "tiny"} < set(choices("model"))
    for name in ("small", "tiny"):
        assert compose_config([f"model={name}"]).model.num_units == [3]


@pytest.mark.parametrize("kind", ["missing", "file"])
def test_what_is_no_folder_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "nowhere"
    if kind == "file":
        path.write_text("")
    with pytest.raises(SpoonfulError, match=f"--config-dir {path}: no such folder"):
        use_folders([str(path)])
    assert config_folders() == []


def test_a_file_with_a_name_of_conf_is_refused(own: Path, project: Path) -> None:
    use_folders([str(own)])
    path = own / "model" / "mlp.yaml"
    path.write_text(SMALL)
    message = refusal("model=small")  # whichever is chosen
    assert message.startswith(f"{path}: {project / 'conf'} has a file model/mlp.yaml")
    assert message.endswith("rename yours")
    path.rename(own / "model" / "my_mlp.yaml")
    assert compose_config(["model=my_mlp"]).model.num_units == [3]


def test_a_name_that_two_folders_have_is_refused(own: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    (other / "model").mkdir(parents=True)
    (other / "model" / "small.yaml").write_text(SMALL)
    use_folders([str(own), str(other)])
    message = refusal()
    assert f"{other / 'model/small.yaml'}: {own} has a file model/small.yaml" in message


@pytest.mark.parametrize("place", ["beside the folder", "in the folder", "where it is typed"])
def test_modules_are_found_beside_the_files(own: Path, project: Path, place: str) -> None:
    folders = {"beside the folder": own.parent, "in the folder": own, "where it is typed": project}
    name = f"own_module_{place.replace(' ', '_')}"
    (folders[place] / f"{name}.py").write_text("def net(pixels, width=1): ...\n")
    (own / "model" / "mine.yaml").write_text(f"_target_: {name}.net\nwidth: 5\n")
    use_folders([str(own)])
    assert compose_config(["model=mine"]).model.target.arguments == {"width": 5}
    assert "did you mean model.width?" in refusal("model=mine", "model.widht=5")


def test_a_module_never_hides_an_installed_one(own: Path) -> None:
    (own / "json.py").write_text("raise RuntimeError\n")
    (own / "colorsys.py").write_text("raise RuntimeError\n")
    use_folders([str(own)])
    place = sys.path.index(str(own))
    assert all(str(Path(one).resolve()) != str(own) for one in sys.path[:place])
    assert "unknown key model.x" in refusal("model._target_=colorsys.hsv_to_rgb", "model.x=1")


def test_a_broken_file_is_named(own: Path) -> None:
    use_folders([str(own)])
    (own / "model" / "small.yaml").write_text("_target_: a.B\n\tnum_units: 1\n")
    assert refusal("model=small").startswith("small.yaml, line 2: not valid YAML")
    (own / "model" / "small.yaml").write_text(f"{SMALL}width: 3\n")
    assert "unknown key model.width" in refusal("model=small")


@pytest.mark.parametrize("typed", [["--config-dir", "{}"], ["--config-dir={}"]])
def test_the_flag_may_be_typed_both_ways(
    own: Path, typed: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["train", *(word.format(own) for word in typed), "model=small", "--help"])
    shown = capsys.readouterr()
    assert "  model=cnn|mlp|resnet|small|vgg\n" in shown.out
    assert "  model.num_units=[3]\n" in shown.out
    assert without_progress(shown.err) == ""
