"""What a `_target_` names is found, or one line says what is wrong with it and where."""

import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from spoonful.config.compose import compose_config
from spoonful.config.targets import Target
from spoonful.errors import SpoonfulError

SLOW = ("tensorflow", "keras", "torch", "jax", "mlflow", "dvc", "sklearn", "matplotlib")
# Modules of a user's, each with a name that no other test has.
MODULES = {
    "own_net": """
        NUMBER = 3


        class Net:
            def __init__(self, width, depth=2):
                self.sizes = (width, depth)

            class Inner:
                pass


        def net(pixels, width=3):
            return (pixels, width)


        def placed(pixels, /, width):
            return (pixels, width)


        def anything(pixels, **rest):
            return rest
        """,
    "own_syntax": "x = 1\ndef net(:\n",
    "own_needs": "import no_module_is_called_so\n",
    "own_imports": "\nfrom os import nothing_is_called_so\n",
    "own_raises": "x = 1\n\nraise RuntimeError('not\\n  today')\n",
    "own_script": "import sys\nsys.exit(3)\n",
    "own_package/__init__": "",
    "own_package/fine": "class Net: ...\n",
    "own_package/broken": "import no_module_is_called_so\n",
}

Refusal = Callable[..., str]


@pytest.fixture(autouse=True)
def own_modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of modules, and a record of those that were imported."""
    for name, text in MODULES.items():
        path = tmp_path / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    for name in [name for name in sys.modules if name.split(".")[0].startswith("own_")]:
        del sys.modules[name]


def refusal(*overrides: str) -> str:
    with pytest.raises(SpoonfulError) as caught:
        compose_config(list(overrides))
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        # a typo in the module
        ("own_nte.Net", ("there is no module own_nte", "--config-dir")),
        ("own_package.fien.Net", ("own_package has no fien", "mean own_package.fine.Net?")),
        ("spoonful.models.cn.Cnn", ("spoonful.models has no cn", "mean spoonful.models.cnn.Cnn?")),
        # in the name
        ("own_net.Nte", ("own_net has no Nte", "did you mean own_net.Net?")),
        ("own_net.Nte.Inner", ("own_net has no Nte", "did you mean own_net.Net.Inner?")),
        ("own_net.Net.Iner", ("own_net.Net has no Iner", "did you mean own_net.Net.Inner?")),
        ("own_net.xyz", ("own_net has no xyz",)),
        ("spoonful.models.cnn.Cn", ("did you mean spoonful.models.cnn.Cnn?",)),
        # modules that cannot be imported, with the line at fault
        ("own_syntax.net", ("SyntaxError", "own_syntax.py, line 2")),
        ("own_needs.Net", ("own_needs.py, line 1", "No module named 'no_module_is_called_so'")),
        ("own_imports.Net", ("own_imports.py, line 2", "ImportError", "nothing_is_called_so")),
        ("own_raises.Net", ("own_raises.py, line 3: RuntimeError: not today",)),
        ("own_script.Net", ("own_script.py, line 2: SystemExit: 3",)),
        ("own_package.broken.Net", ("importing own_package.broken failed", "broken.py, line 1")),
        # what is there, but is no class or function
        ("own_net.NUMBER", ("expected a class or function, found 3",)),
        ("os.path", ("expected a class or function", "posixpath")),
        # what is no import path
        ("own_net", ("expected the import path of a class or function", "my_module.MyClass")),
        ("own_net.", ("expected the import path",)),
        ("'own net.Net'", ("expected the import path",)),
        ("[a]", ("expected the import path",)),
        ("3", ("expected the import path",)),
    ],
)
def test_what_cannot_be_found_is_named_in_one_line(path: str, parts: tuple[str, ...]) -> None:
    message = refusal(f"model._target_={path}")
    assert message.startswith("model._target_=")
    assert not [part for part in parts if part not in message], message


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        (
            ["model._target_=own_net.Net", "model.width=1", "model.dept=1"],
            ("unknown key model.dept", "did you mean model.depth?", "takes width, depth"),
        ),
        (
            ["model._target_=own_net.Net"],
            ("model.width: the key is missing", "model.width=<value>"),
        ),
        (["model._target_=own_net.Net.Inner", "model.a=1"], ("own_net.Net.Inner takes no argum",)),
        # The pixels are what the program passes.
        (["model._target_=own_net.net", "model.pixels=1"], ("unknown key model.pixels", "width")),
        (["model._target_=own_net.placed"], ("model.width: the key is missing",)),
        (["callbacks.mine._target_=own_net.Net"], ("callbacks.mine.width: the key is missing",)),
        (
            ["task.loss._target_=own_net.net", "task.loss.q=1"],
            ("unknown key task.loss.q", "own_net.net takes width"),
        ),
        (
            ["trainer.augmentation=[{_target_: own_net.Net, width: 1, height: 2}]"],
            ("unknown key trainer.augmentation[0].height", "takes width, depth"),
        ),
        # Of ours, the fields of the dataclass.
        (["model._target_=spoonful.models.mlp.Mlp"], ("model.num_units: the key is missing",)),
        (["model.num_filter=[1,2]"], ("did you mean model.num_filters?",)),
    ],
)
def test_an_argument_that_is_not_taken_or_missing_is_named(
    overrides: list[str], parts: tuple[str, ...]
) -> None:
    message = refusal(*overrides)
    assert not [part for part in parts if part not in message], message


@pytest.mark.parametrize("group", ["dataset", "pack", "task"])
def test_a_group_that_is_asked_before_training_takes_dataclasses_alone(group: str) -> None:
    for path in ("own_net.net", "keras.Model"):
        message = refusal(f"{group}._target_={path}")
        assert message.startswith(f"{group}._target_={path}: expected a dataclass with ")
        assert f"conf/{group}" in message


@pytest.mark.parametrize(
    ("path", "arguments", "result"),
    [
        ("own_net.net", {"width": 5}, ("pixels", 5)),
        ("own_net.net", {}, ("pixels", 3)),
        ("own_net.placed", {"width": 5}, ("pixels", 5)),
        ("own_net.anything", {"a": 1}, {"a": 1}),
    ],
)
def test_a_function_gets_its_arguments(
    path: str, arguments: dict[str, object], result: object
) -> None:
    target = Target(path, arguments, "model")
    target.check(num_given=1)
    assert target("pixels") == result


def test_arguments_that_are_offered_are_passed_where_they_are_taken_and_not_given() -> None:
    net = Target("own_net.Net", {"depth": 7}, "model")
    net.check(offered=["width", "depth", "height"])
    assert net(width=1, depth=2, height=3).sizes == (1, 7)


def test_what_fails_when_called_is_one_line_with_its_place() -> None:
    target = Target("own_net.Net", {"width": 1, "height": 2}, "callbacks.mine")
    with pytest.raises(SpoonfulError) as caught:
        target()
    message = str(caught.value)
    assert message.startswith("callbacks.mine: own_net.Net failed with {'width': 1, 'height': 2}: ")
    assert "TypeError" in message
    assert "\n" not in message


@pytest.mark.slow
def test_targets_of_ours_and_of_keras_import_nothing_slow(own_modules: Path) -> None:
    """Keras' are looked up when training begins: importing it takes seconds."""
    code = f"""
        import sys
        from spoonful.config.compose import compose_config
        from spoonful.config.folders import choices
        from spoonful.config.schema import GROUPS

        for group in (*GROUPS, "optimizer/schedule", "experiment", "debug"):
            for name in choices(group):
                compose_config([f"{{group}}={{name}}"])
        compose_config(["optimizer._target_=keras.optimizers.Lion"])
        compose_config(["model._target_=own_net.net", "task.loss._target_=keras.losses.Huber"])
        print([name for name in {SLOW} if name in sys.modules])
        """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env={"PYTHONPATH": str(own_modules)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_class_without_a_method_of_its_base_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "half_a_dataset.py").write_text(
        "from dataclasses import dataclass\n"
        "from spoonful.datasets.dataset import Dataset\n"
        "@dataclass\nclass Half(Dataset):\n    def fetch(self, raw_dir):\n        pass\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    words = "dataset._target_=half_a_dataset.Half: the class lacks open_raw"
    with pytest.raises(SpoonfulError, match=words):
        compose_config(["dataset._target_=half_a_dataset.Half"])
