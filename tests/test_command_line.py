import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml

from spoonful.command_line import main
from spoonful.commands import STAGES
from tests.processes import without_progress

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
SLOW_TO_IMPORT = ("tensorflow", "keras", "mlflow", "dvc", "sklearn", "matplotlib")


def refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    written = capsys.readouterr()
    assert written.out == ""
    errors = without_progress(written.err)
    assert errors.startswith("spoonful: ")
    assert errors.count("\n") == 1
    return errors


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["trian"], ("unknown stage 'trian'", *STAGES)),
        (["--foo"], ("unknown stage '--foo'",)),
        (["train", "--foo"], ("--foo", "--help", "--multirun", "--config-dir", "key=value")),
        (["train", "--cfg=job"], ("--cfg=job", "--cfg")),
        (["train", "--cfg", "job"], ("job: not of the form key=value",)),
        (["train", "--verify"], ("--verify: spoonful train takes",)),
        (["pack", "--verify", "pack.shard_mb=0"], ("pack.shard_mb=0", ">= 1")),
        (["pack", "--check"], ("--check: spoonful pack takes", "--verify")),
        (["fetch", "--multirun"], ("--multirun: spoonful fetch takes", "--help")),
        (["train", "generator.batchsize=1"], ("did you mean generator.batch_size?",)),
        (["train", "seed=1,2"], ("seed=1,2", "--multirun")),
        (["train", "-m", "seed=1,x"], ("seed=x", "a whole number")),
        (["train", "--multirun", "model=mlp,foo"], ("model=foo", "one of cnn, mlp, resnet, vgg")),
        (["train", "-m", "model=glob(*)"], ("model=glob(*)", "key=a,b")),
        (["ui", "tracking.ui_port=0"], ("tracking.ui_port=0", "<= 65535")),
        (["train", "nope=1", "--help"], ("unknown key nope",)),
        (["train", "trainer.checkpoint_every_steps=0"], ("checkpoint_every_steps=0", ">= 1")),
        (["train", "trainer.checkpoint_every_minutes=0"], ("checkpoint_every_minutes=0", "> 0")),
        (["diff", "abc"], ("diff abc", "RUN_A RUN_B", "id of a run")),
        (["diff", "a", "b", "c"], ("diff a b c", "RUN_A RUN_B")),
        (["diff", "a", "b", "nope=1"], ("unknown key nope",)),
        (["reproduce"], ("reproduce: expected reproduce RUN",)),
        (["train", "--config-dir"], ("--config-dir: expected a folder of config files after it",)),
        (["train", "--config-dir=nowhere"], ("--config-dir ", "nowhere: no such folder")),
        (["train", "model._target_=no_such.Net"], ("there is no module no_such", "--config-dir")),
        (["reproduce", "a", "--force"], ("--force", "--anyway")),
        (["order", "--step"], ("--step: expected a value after it (preview.step)",)),
        (["order", "--step="], ("--step: expected a value after it (preview.step)",)),
        (["order", "--step", "-1"], ("preview.step=-1", ">= 0", "step, from 0")),
        (["order", "--step=x"], ("preview.step=x", "a whole number")),
        (["order", "--epoch", "0"], ("preview.epoch=0", ">= 1", "from 1")),
        (["preview", "--split", "test"], ("preview.split=test", "one of train, val")),
        (["train", "--step", "3"], ("--step: spoonful train takes", "--multirun")),
        (["train", "debug=slow"], ("debug=slow: expected one of fast, none",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_exits_with_2_and_one_line(
    arguments: list[str], parts: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(arguments, capsys)
    assert not [part for part in parts if part not in line], line


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_usage_lists_the_stages(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main(arguments)
    written = capsys.readouterr()
    assert written.out.startswith("usage: spoonful <stage>")
    for name, stage in STAGES.items():
        assert f"  {name:<9} {stage.summary}\n" in written.out
    assert written.err == ""


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--version"])
    assert capsys.readouterr().out == f"spoonful {version('spoonful')}\n"


@pytest.mark.parametrize("name", STAGES)
def test_every_stage_has_help(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    main([name, "--help"])
    written = capsys.readouterr()
    assert written.out.startswith(f"usage: spoonful {name}")
    assert STAGES[name].summary in written.out
    assert without_progress(written.err) == ""


def test_help_shows_the_values_of_the_chosen_group(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "model=mlp", "--help"])
    text = capsys.readouterr().out
    assert "  model.num_units=[256, 128]\n      units of each hidden layer [>= 1]\n" in text
    assert "model.num_filters" not in text


@pytest.mark.parametrize("command", [["sweep"], ["train", "--multirun"]])
def test_a_sweep_can_be_explained(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    main([*command, "generator.batch_size=8,16", "--cfg"])
    assert yaml.safe_load(capsys.readouterr().out)["generator"]["batch_size"] == 8
    main([*command, "generator.batch_size=8,16", "--help"])
    assert "  generator.batch_size=8\n" in capsys.readouterr().out


def test_cfg_prints_the_composed_config_as_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--cfg", "seed=3", "model=mlp", "generator.batch_size=8"])
    composed = yaml.safe_load(capsys.readouterr().out)
    assert composed["seed"] == composed["generator"]["seed"] == 3
    assert composed["model"]["_target_"] == "spoonful.models.mlp.Mlp"
    assert composed["generator"]["batch_size"] == 8
    assert set(composed) == {
        *("dataset", "pack", "source", "generator", "model", "optimizer", "task"),
        *("trainer", "callbacks", "seed", "sweep", "evaluation", "compare", "tracking"),
        *("preview", "cache"),
    }


@pytest.mark.parametrize("words", [["--step", "5"], ["--step=5"], ["preview.step=5"]])
def test_a_flag_with_a_value_sets_its_key(
    words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    main(["order", "--cfg", *words, "seed=3"])
    composed = yaml.safe_load(capsys.readouterr().out)
    assert composed["preview"] == {"split": "train", "epoch": None, "step": 5, "num_images": 16}
    assert composed["seed"] == 3


def test_an_override_given_twice_counts_once(capsys: pytest.CaptureFixture[str]) -> None:
    main(["train", "--cfg", "+tracking.tags.a=1", "+tracking.tags.a=1"])
    assert yaml.safe_load(capsys.readouterr().out)["tracking"]["tags"] == {"a": "1"}


def test_a_real_process_refuses_a_wrong_key_before_anything_slow_is_imported(
    project: Path,
) -> None:
    code = (
        "import sys\n"
        "from spoonful.command_line import main\n"
        "try:\n"
        "    main(['train', '-m', 'generator.batchsize=64', 'seed=1,2'])\n"
        "except SystemExit as stop:\n"
        f"    print(stop.code, [name for name in {SLOW_TO_IMPORT} if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=True
    )
    assert done.stdout == "2 []\n"
    line = without_progress(done.stderr)
    assert line.count("\n") == 1
    assert "did you mean generator.batch_size?" in line
    assert sorted(path.name for path in project.iterdir()) == [
        *("conf", "dvc.yaml", "params.yaml", "requirements.lock")
    ]


def test_a_real_process_exits_with_2_on_an_unknown_stage(spoonful: Spoonful) -> None:
    done = spoonful("trian")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        f"spoonful: unknown stage 'trian': expected one of {', '.join(STAGES)}\n"
    )


def test_a_real_process_prints_usage_without_arguments(spoonful: Spoonful) -> None:
    done = spoonful()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("usage: spoonful <stage>")


@pytest.mark.parametrize(
    ("stage", "parts"),
    [
        ("split", ("spoonful fetch",)),
        ("pack", ("there is no data", "spoonful fetch", "spoonful split")),
        ("train", ("there is no data", "spoonful fetch", "spoonful split", "dvc repro")),
        ("evaluate", ("no trained model", "spoonful train")),
    ],
)
def test_a_stage_without_its_input_says_what_to_run(
    spoonful: Spoonful, stage: str, parts: tuple[str, ...]
) -> None:
    done = spoonful(stage)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    assert not [part for part in parts if part not in done.stderr], done.stderr


def test_a_reader_that_goes_away_is_no_traceback(project: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "spoonful", "train", "--help"],
        cwd=project,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()
    error = process.stderr.read()
    process.stderr.close()
    assert process.wait(timeout=60) == 1
    assert without_progress(error) == ""
