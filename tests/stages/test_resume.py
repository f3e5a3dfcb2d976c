"""`spoonful train` interrupted and resumed, as real processes that are really killed."""

import json
import os
import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from tests.other_data import with_another_pixel
from tests.processes import become_command, command_environment, forked

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
NUM_KILLS = 3
AUTO = "trainer.resume=auto"
# All that a checkpoint must hold in one run: Dropout, augmentation, loss scaling, a schedule,
# early stopping, several steps an execution.
EVERYTHING = [
    "model=cnn",
    "model.num_filters=[4,8]",
    "model.num_units=32",
    "optimizer=adamw",
    "optimizer/schedule=warmup_cosine",
    "trainer.precision=mixed_float16",
    "trainer.epochs=80",
    "trainer.steps_per_execution=4",
    "trainer.max_steps_per_epoch=35",
    "trainer.early_stopping.metric=val_accuracy",
    "trainer.early_stopping.patience_epochs=8",
    "trainer.augmentation=[{_target_: keras.layers.RandomTranslation, height_factor: 0.1, "
    "width_factor: 0.1}]",
]
ENDLESS = ["model=mlp", "trainer.epochs=100000"]
RESULTS = ("model.keras", "model.json", "history.csv", "ledger.csv", "config.yaml")


def histories_of(project: Path, run: Run) -> dict[str, list[tuple[int, float]]]:
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    return {
        name: sorted((m.step, m.value) for m in client.get_metric_history(run.info.run_id, name))
        for name in run.data.metrics
    }


def results_of(project: Path) -> dict[str, bytes]:
    return {name: (project / "models" / "train" / name).read_bytes() for name in RESULTS}


def test_killed_again_and_again_it_ends_with_the_same_bits(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    done = spoonful("train", *EVERYTHING)
    assert done.returncode == 0, done.stderr
    (reference,) = processes.runs()
    expected, histories = results_of(digits), histories_of(digits, reference)
    num_epochs = len(histories["loss"])
    assert 16 <= num_epochs < 80  # early stopping has stopped it
    shutil.rmtree(digits / "models")

    rng = random.Random(7)
    num_kills = 0
    while num_kills < NUM_KILLS:
        threads = f"generator.num_threads={rng.choice((0, 1, 3))}"
        every = f"trainer.checkpoint_every_steps={rng.choice((4, 12, 28))}"
        process = processes.start("train", *EVERYTHING, AUTO, threads, every)
        before = processes.checkpoint_steps()
        try:
            moved = processes.wait_for(partial(processes.have_moved, before), process, "checkpoint")
            assert moved, process.communicate()
            time.sleep(rng.uniform(0, 0.4))
            assert process.poll() is None, "it must train longer for so many kills"
            process.send_signal(signal.SIGKILL)
        finally:
            process.kill()
            process.communicate()
        num_kills += 1
    last = spoonful("train", *EVERYTHING, AUTO)
    assert last.returncode == 0, last.stderr
    assert "resuming" in last.stdout

    assert results_of(digits) == expected
    (resumed,) = [run for run in processes.runs() if run.info.run_id != reference.info.run_id]
    assert resumed.info.status == "FINISHED"
    found = histories_of(digits, resumed)
    for name, history in found.items():
        steps = [step for step, _ in history]
        assert len(steps) == len(set(steps)), f"{name} has a step twice"
    for name in ("loss", "accuracy", "val_loss", "learning_rate", "digest_train", "digest_val"):
        assert found[name] == histories[name]
    assert not list((digits / "models" / "checkpoints").iterdir())


def test_a_run_killed_before_its_first_checkpoint_is_begun_again_as_itself(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    process = processes.start("train", "model=mlp", "trainer.epochs=2")
    folder = digits / "models" / "checkpoints"
    try:
        assert processes.wait_for(lambda: any(folder.glob("*/run.json")), process, "run folder")
        process.send_signal(signal.SIGKILL)
    finally:
        process.kill()
        process.communicate()
    done = spoonful("train", "model=mlp", "trainer.epochs=2", AUTO)
    assert done.returncode == 0, done.stderr
    (run,) = processes.runs()
    assert run.info.status == "FINISHED"
    assert run.data.params["trainer.epochs"] == "2"
    assert len(run.inputs.dataset_inputs) == 2


def test_a_damaged_checkpoint_is_passed_over_with_a_warning(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    settings = ["model=mlp", "trainer.epochs=30", "trainer.steps_per_execution=1"]
    assert spoonful("train", *settings).returncode == 0
    expected = results_of(digits)
    often = "trainer.checkpoint_every_steps=10"
    process = processes.start("train", *settings, often)
    try:
        assert processes.wait_for(
            lambda: len(processes.checkpoint_steps()) > 1, process, "second checkpoint"
        )
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=60)
    finally:
        process.kill()
    first, second = processes.checkpoint_steps()
    (newest,) = (digits / "models" / "checkpoints").glob(f"*/step-{second:012d}")
    with (newest / "arrays.npz").open("r+b") as file:
        file.seek(1000)
        file.write(b"damaged")
    done = spoonful("train", *settings, AUTO)
    assert done.returncode == 0, done.stderr
    assert f"step-{second:012d} is damaged" in done.stderr
    assert f"after step {first:,} " in done.stdout
    assert results_of(digits) == expected


def test_another_config_or_other_data_are_refused_field_by_field(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    processes.interrupted_by(signal.SIGTERM, *ENDLESS)
    (run,) = processes.runs()
    asked = f"trainer.resume={run.info.run_id}"
    changed = ["generator.batch_size=64", "optimizer.learning_rate=0.5", "model=mlp"]
    done = spoonful("train", *ENDLESS, *changed, asked)
    assert done.returncode == 2
    (line,) = done.stderr.strip().splitlines()
    assert "generator.batch_size (saved 32, now 64)" in line
    assert "optimizer.learning_rate (saved 0.001, now 0.5)" in line
    assert "num_units" not in line
    # Another config is another run for auto, which begins it.
    begun = spoonful("train", "model=mlp", "trainer.epochs=1", AUTO)
    assert begun.returncode == 0
    assert "resuming" not in begun.stdout

    meta_path = digits / "data" / "packed" / "train" / "meta.json"
    fingerprint = json.loads(meta_path.read_text())["fingerprint"]
    now = with_another_pixel(meta_path.parent)
    refused = spoonful("train", *ENDLESS, asked)
    assert refused.returncode == 2
    assert f"fingerprint.train (saved {fingerprint}, now {now})" in refused.stderr
    assert [r.info.status for r in processes.runs() if r.info.run_id == run.info.run_id] == [
        "KILLED"
    ]


def test_auto_begins_anew_on_other_data_and_says_so(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    settings = ["model=mlp", "trainer.epochs=40", "trainer.checkpoint_every_steps=16"]
    processes.interrupted_by(signal.SIGKILL, *settings)
    (run,) = processes.runs()
    with_another_pixel(digits / "data" / "packed" / "train")
    done = spoonful("train", *settings, AUTO)
    assert done.returncode == 0, done.stderr
    assert f"run {run.info.run_id} read other data (fingerprint.train" in done.stderr
    assert len(processes.runs()) == 2


def test_a_finished_or_unknown_run_cannot_be_gone_on_with(
    processes: Any, spoonful: Spoonful
) -> None:
    assert spoonful("train", "model=mlp", "trainer.epochs=1").returncode == 0
    (run,) = processes.runs()
    for run_id, reason in ((run.info.run_id, "has finished"), ("feedbeef", "no such run")):
        done = spoonful("train", "model=mlp", "trainer.epochs=1", f"trainer.resume={run_id}")
        assert done.returncode == 2
        (line,) = done.stderr.strip().splitlines()
        assert f"trainer.resume={run_id}" in line
        assert reason in line


def test_a_run_that_another_process_trains_is_left_alone(
    processes: Any, spoonful: Spoonful
) -> None:
    process = processes.start("train", *ENDLESS)
    try:
        assert processes.wait_for(lambda: bool(processes.checkpoint_steps()), process, "checkpoint")
        (run,) = processes.runs()
        done = spoonful("train", *ENDLESS, f"trainer.resume={run.info.run_id}")
        assert process.poll() is None
    finally:
        process.kill()
        process.communicate()
    assert done.returncode == 2
    assert f"being trained by process {process.pid}: " in done.stderr


def train_and_be_killed_at_the_end(settings: list[str]) -> None:
    """Become a training that is killed once its run has finished."""
    with mock.patch(
        "spoonful.stages.train.remove_run_folder",
        side_effect=lambda run_id: os.kill(os.getpid(), signal.SIGKILL),
    ):
        become_command(["train", *settings], Path.cwd(), command_environment())


@pytest.mark.parametrize("is_output_there", [True, False])
def test_killed_after_its_run_has_finished_nothing_is_trained_again(
    digits: Path, processes: Any, spoonful: Spoonful, is_output_there: bool
) -> None:
    settings = ["model=mlp", "trainer.epochs=2"]
    killed, output = forked(train_and_be_killed_at_the_end, digits, settings)
    with output:
        output.read()
    killed.join()
    assert killed.exitcode == -signal.SIGKILL
    expected = results_of(digits)
    if not is_output_there:  # DVC removes it before it runs a stage again
        shutil.rmtree(digits / "models" / "train")
    done = spoonful("train", *settings, AUTO)
    assert done.returncode == 0, done.stderr
    assert "has finished training" in done.stdout
    assert results_of(digits) == expected
    (run,) = processes.runs()
    assert run.info.status == "FINISHED"
    losses = MlflowClient(f"sqlite:///{digits / 'mlflow.db'}").get_metric_history(
        run.info.run_id, "loss"
    )
    assert [metric.step for metric in losses] == [1, 2]
    assert not list((digits / "models" / "checkpoints").iterdir())
    if is_output_there:
        assert spoonful("train", *settings, AUTO).returncode == 0
        assert len(processes.runs()) == 2  # now it is another training
