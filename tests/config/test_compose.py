import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

import spoonful
from spoonful.config.compose import compose_config, composed_yaml
from spoonful.config.folders import choices
from spoonful.config.schema import GROUPS
from spoonful.config.settings import name_of
from spoonful.errors import SpoonfulError
from spoonful.project import conf_dir, project_root

CONF = Path(__file__).resolve().parents[2] / "conf"
CHOICES = [
    f"{path.parent.relative_to(CONF).as_posix()}={path.stem}"
    for path in sorted(CONF.glob("*/**/*.yaml"))
]


def refusal(overrides: list[str]) -> str:
    with pytest.raises(SpoonfulError) as caught:
        compose_config(overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("choice", CHOICES)
def test_every_file_in_conf_composes_and_checks(choice: str) -> None:
    config = compose_config([choice])
    group, _, name = choice.partition("=")
    if "_target_" in yaml.safe_load((CONF / f"{group}/{name}.yaml").read_text()):
        made: Any = config
        for part in group.split("/"):
            made = getattr(made, part)
        assert name_of(made) == name


# The packages of components, and the groups that choose among them.
PACKAGES = {
    "models": ("model",),
    "datasets": ("dataset",),
    "tasks": ("task",),
    "packing": ("pack",),
    "optimizers": ("optimizer", "optimizer/schedule"),
    "crops": ("generator/crop",),
}
# What components derive from, and return.
NO_COMPONENTS = {"dataset", "task", "optimizer", "plan", "hf_images"}


def components_of(package: str) -> set[str]:
    """The modules that declare a component of their own name."""
    found = set()
    for path in (Path(spoonful.__file__).parent / package).glob("*.py"):
        if re.search(rf"^class {path.stem.title().replace('_', '')}\b", path.read_text(), re.M):
            found.add(path.stem)
    return {name for name in found - NO_COMPONENTS if not name.startswith("foreign_")}


def test_conf_holds_a_folder_for_every_group_and_no_other() -> None:
    folders = {path.name for path in CONF.iterdir() if path.is_dir()}
    assert folders == {*GROUPS, "experiment", "debug"}
    assert all(choices(group) for group in folders)


@pytest.mark.parametrize(("package", "groups"), PACKAGES.items())
def test_conf_holds_a_file_for_every_component_of_ours(
    package: str, groups: tuple[str, ...]
) -> None:
    named = {name for group in groups for name in choices(group)}
    assert components_of(package) == named


def test_models_optimizers_and_schedules_combine_freely() -> None:
    groups = ("model", "optimizer", "optimizer/schedule")
    for chosen in itertools.product(*map(choices, groups)):
        config = compose_config([f"{g}={name}" for g, name in zip(groups, chosen, strict=True)])
        made = (config.model, config.optimizer, config.optimizer.schedule)
        assert tuple(map(name_of, made)) == chosen


REFUSED = [
    ("model=foo", "model=foo: expected one of cnn, mlp, resnet, vgg"),
    (
        "dataset=minst",
        "dataset=minst: expected one of arrays, digits, folder, hf_dataset",
    ),
    ("optimizer/schedule=foo", "optimizer/schedule=foo: expected one of constant, warmup_cosine"),
    ("experiment=nope", "experiment=nope: expected one of"),
    ("hydra/launcher=x", "hydra/launcher=x: expected one of basic"),
    ("model=", "expected one of cnn, mlp, resnet, vgg"),
    ("model=null", "model=null: expected one of cnn, mlp, resnet, vgg"),
    ("generator", "generator: not of the form key=value"),
    ("a b", "a b: not of the form key=value"),
    ("trainer.epochs=[1", "trainer.epochs=[1: not of the form key=value"),
    ("seed=${", "seed=${: not of the form key=value"),
    ('tracking.run_name="a', 'tracking.run_name="a: not of the form key=value'),
    ("tracking.run_name=it's", "tracking.run_name=it's: not of the form key=value"),
    ("seed=1,2", "seed=1,2"),
    ("seed=1,2", "--multirun"),
    ("seed=choice(1,2)", "--multirun"),
    ("~foo", "'foo' does not exist"),
    ("optimizer/schedul=constant", "unknown key optimizer/schedul"),
    ("trainer.early_stopping.x.y=1", "unknown key trainer.early_stopping.x: trainer.early_stoppi"),
]


@pytest.mark.parametrize(("override", "part"), REFUSED)
def test_what_hydra_refuses_is_explained_in_one_line(override: str, part: str) -> None:
    assert part in refusal([override])


@pytest.mark.parametrize("value", ['"a', "it's", "{a", "x=y,z", "a [b"])
def test_the_advice_on_quotes_can_be_typed(value: str) -> None:
    advice = refusal([f"tracking.run_name={value}"]).partition("special characters as ")[2]
    (override,) = shlex.split(advice)
    assert compose_config([override]).tracking.run_name == value


def test_a_wrong_override_is_explained_with_the_keys_of_the_chosen_file() -> None:
    message = refusal(["model=mlp", "model.dropout_rates=[0.1]"])
    assert "did you mean model.dropout_rate?" in message


@pytest.mark.parametrize(
    ("content", "parts"),
    [
        (b"_target_: a.B\nnum_units: [1\nx: 2\n", ("cnn.yaml, line 3", "not valid YAML")),
        (b"_target_: a.B\n\tnum_units: 1\n", ("cnn.yaml, line 2", "not valid YAML")),
        (b"", ("model={}", "_target_")),
        (b"- a\n- b\n", ("model=['a', 'b']", "choose a file with model=<name>")),
        (b"_target_: other\n", ("model._target_=other", "my_module.MyClass")),
        (b"_target_: a.B\n_target_: a.C\n", ("cnn.yaml, line 2", "duplicate key _target_")),
    ],
)
def test_a_broken_file_in_conf_is_named(
    project: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, parts: tuple[str, ...]
) -> None:
    (project / "conf/model/cnn.yaml").write_bytes(content)
    monkeypatch.chdir(project)
    project_root.cache_clear()
    message = refusal([])
    assert not [part for part in parts if part not in message], message


@pytest.mark.parametrize("value", ["{}", "[1,{}]", "-{}", "'{}'", "{{a: {}}}", "1_{}"])
def test_a_number_that_python_cannot_read_names_its_key(value: str) -> None:
    message = refusal([f"generator.batch_size={value.format('9' * 5000)}"])
    assert message.startswith("generator.batch_size=")
    assert "expected a number of at most 4,300 digits, found 5,00" in message
    assert len(message) < 300


@pytest.mark.parametrize("number", ["9" * 5000, "0x" + "f" * 5000])
def test_such_a_number_in_conf_names_its_key(
    project: Path, monkeypatch: pytest.MonkeyPatch, number: str
) -> None:
    path = project / "conf/generator/default.yaml"
    path.write_text(re.sub(r"batch_size: \d+", f"batch_size: {number}", path.read_text()))
    monkeypatch.chdir(project)
    project_root.cache_clear()
    message = refusal([])
    assert "batch_size=" in message
    assert len(message) < 500
    assert ("conf/generator/default.yaml, line " in message) == number.isdecimal()


def test_missing_files_in_conf_are_named(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    project_root.cache_clear()
    (project / "conf/model/cnn.yaml").unlink()
    message = refusal([])
    assert message.startswith("conf/model/cnn.yaml does not exist, but a file in conf/ names it; ")
    assert message.endswith("expected one of mlp, resnet, vgg")
    assert refusal(["model=cnn"]) == "model=cnn: expected one of mlp, resnet, vgg"
    (project / "conf/model/mlp.yaml").rename(project / "conf/model/cnn.yaml")
    assert name_of(compose_config([]).model) == "mlp"  # the file says what it is, not its name
    assert "model=mlp" in refusal(["model=mlp"])


def test_the_configs_of_the_project_one_is_in_are_read(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = project / "conf/trainer/default.yaml"
    path.write_text(path.read_text().replace("epochs: 20", "epochs: 3"))
    below = project / "data" / "deep"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    project_root.cache_clear()
    assert conf_dir() == project / "conf"
    assert compose_config([]).trainer.epochs == 3


def test_the_composed_yaml_is_what_the_config_says() -> None:
    composed: dict[str, Any] = yaml.safe_load(composed_yaml(["seed=5", "model=mlp"]))
    assert composed["seed"] == composed["generator"]["seed"] == 5
    assert composed["model"] == {
        "_target_": "spoonful.models.mlp.Mlp",
        "num_units": [256, 128],
        "dropout_rate": 0.2,
    }
    assert "hydra" not in composed
