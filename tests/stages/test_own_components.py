"""Components of a user's own, from a folder outside the project: trained, resumed, judged."""

import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from mlflow.tracking import MlflowClient

from tests.processes import run_spoonful

pytestmark = pytest.mark.slow

PARTS = Path(__file__).parent / "own" / "my_parts.py"
# A file for each group: what an addition to the project itself needs besides its own module.
CONFIGS: dict[str, dict[str, Any]] = {
    "model/network": {"_target_": "my_parts.Network", "width": 24},
    "optimizer/signs": {
        "defaults": [{"schedule": "constant"}, "_self_"],
        "_target_": "my_parts.Signs",
        "learning_rate": 0.001,
        "learning_rate_scaling": "none",
        "base_batch_size": 32,
        "weight_decay": 0.01,
    },
    "optimizer/schedule/halving": {"_target_": "my_parts.Halving", "every_epochs": 1},
    "callbacks/damping": {"damping": {"_target_": "my_parts.Damping", "share": 0.002}},
    "generator/order/backwards": {"_target_": "my_parts.Backwards", "turn": 3},
    "generator/crop/corner": {"_target_": "my_parts.Corner", "side": 0.75},
    "source/arrays": {"_target_": "my_parts.digits"},
    "dataset/few": {
        "defaults": ["digits", "_self_"],
        "_target_": "my_parts.FewDigits",
        "below": 3,
    },
    "task/second_best": {"_target_": "my_parts.SecondBest", "loss": None, "metrics": {}},
}
EVERYTHING = (
    "model=network",
    "optimizer=signs",
    "optimizer/schedule=halving",
    "source=arrays",
    "generator.shuffle=custom",
    "generator/order=backwards",
    "generator/crop=corner",
    "trainer.augmentation=[{_target_: my_parts.Dim, largest: 0.3}]",
    "task.loss={_target_: my_parts.power_loss, power: 1.5}",
    "+task.metrics.far={_target_: my_parts.distance}",
    "+task.metrics.top3={_target_: keras.metrics.TopKCategoricalAccuracy, k: 3}",
    "trainer.early_stopping.metric=val_top3",
    "trainer.early_stopping.mode=max",
    "callbacks.plateau={_target_: keras.callbacks.ReduceLROnPlateau, patience: 1}",
    "trainer.epochs=2",
)

Run = Callable[..., Any]


@pytest.fixture
def own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder outside the project with a module and config files."""
    folder = tmp_path_factory.mktemp("outside")
    shutil.copy(PARTS, folder)
    for name, values in CONFIGS.items():
        path = folder / "my_conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(values, sort_keys=False))
    return folder


@pytest.fixture
def run(digits: Path, own: Path) -> Run:
    """`run(stage, *overrides)` in a project with the digits, with the user's folder."""

    def spoonful(stage: str, *arguments: str) -> Any:
        return run_spoonful(digits, stage, "--config-dir", str(own / "my_conf"), *arguments)

    return spoonful


def newest_run(project: Path) -> Any:
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    return client.search_runs([e.experiment_id for e in client.search_experiments()])[0]


def test_one_of_each_trains_and_is_judged(digits: Path, run: Run) -> None:
    done = run("train", *EVERYTHING)
    assert done.returncode == 0, done.stderr
    recorded = newest_run(digits)
    assert recorded.data.params["model"] == "my_parts.Network"
    assert recorded.data.params["model.width"] == "24"
    assert recorded.data.params["optimizer.schedule"] == "my_parts.Halving"
    assert recorded.data.params["generator.order.turn"] == "3"
    assert recorded.data.params["generator.crop.side"] == "0.75"
    assert {"far", "val_far", "val_top3"} <= recorded.data.metrics.keys()
    assert recorded.data.metrics["learning_rate"] == pytest.approx(0.0005)  # halved once
    assert len(recorded.data.tags["code.my_parts"]) == 64
    judged = run("evaluate")
    assert judged.returncode == 0, judged.stderr
    assert f"run           {recorded.info.run_id}" in judged.stdout
    assert "200 images" in judged.stdout


def test_what_keras_has_is_named_by_overrides_alone(digits: Path, run: Run) -> None:
    done = run(
        "train",
        "model=mlp",
        "optimizer._target_=keras.optimizers.Lion",
        "optimizer.weight_decay=0.01",
        "optimizer.schedule._target_=keras.optimizers.schedules.CosineDecay",
        "optimizer.schedule.alpha=0.5",
        "task.loss={_target_: keras.losses.CategoricalFocalCrossentropy, gamma: 1.5}",
        "callbacks.nan={_target_: keras.callbacks.TerminateOnNaN}",
        "trainer.epochs=2",
    )
    assert done.returncode == 0, done.stderr
    recorded = newest_run(digits)
    assert recorded.data.params["optimizer"] == "keras.optimizers.Lion"
    assert "optimizer.beta_1" not in recorded.data.params
    # decay_steps is the length of the training: the last step is one of 80 before the end.
    assert recorded.data.metrics["learning_rate"] == pytest.approx(0.0005, rel=1e-2)
    for wrong, words in (
        ("optimizer._target_=keras.optimizers.Lionn", "did you mean keras.optimizers.Lion?"),
        ("optimizer.schedule._target_=keras.optimizers.schedules.ExponentialDecay", "decay_rate"),
    ):
        refused = run("train", "model=mlp", wrong)
        assert refused.returncode == 2
        assert words in refused.stderr
        assert "Traceback" not in refused.stderr
    assert newest_run(digits).info.run_id == recorded.info.run_id  # none was begun


def test_a_data_set_and_a_task_of_the_users_own(digits: Path, run: Run) -> None:
    for stage in ("fetch", "split", "pack"):
        done = run(stage, "dataset=few")
        assert done.returncode == 0, done.stderr
    done = run("train", "dataset=few", "task=second_best", "model=mlp", "trainer.epochs=2")
    assert done.returncode == 0, done.stderr
    assert "val_top_2_accuracy" in done.stdout
    assert newest_run(digits).data.tags["score"] == "val_top_2_accuracy"
    assert newest_run(digits).data.tags["dataset"] == "my_parts.FewDigits"


@pytest.mark.parametrize(
    ("labels", "task", "score"),
    [
        ("several", "multilabel", "macro_f1"),
        ("numbers", "regression", "mean_absolute_error"),
        ("classes", "classification", "accuracy"),
    ],
)
def test_each_task_learns_its_labels(
    digits: Path, run: Run, labels: str, task: str, score: str
) -> None:
    chosen = ("source=arrays", f"source.labels={labels}", f"task={task}", "model=mlp")
    done = run("train", *chosen, "trainer.epochs=6", f"trainer.early_stopping.metric=val_{score}")
    assert done.returncode == 0, done.stderr
    judged = run("evaluate")
    assert judged.returncode == 0, judged.stderr
    value = newest_run(digits).data.metrics[f"test_{score}"]
    assert f"test {score.replace('_', ' ')} {value:.4f} on 200 images" in judged.stdout
    assert value < 0.25 if task == "regression" else value > 0.6
    report = (digits / "models" / "evaluate" / "report.html").read_text(encoding="utf-8")
    assert task in report
    summary = run("summary")
    assert f"{value:.4f}" in summary.stdout
    other = run("train", *chosen[:2], "task=regression" if task != "regression" else "model=mlp")
    assert other.returncode == 2
    assert f"use task={task}" in other.stderr


CALLED_EACH_STEP = (
    "model=network",
    "callbacks=damping",
    "optimizer=signs",
    "trainer.epochs=3",
    "trainer.steps_per_execution=4",
)


def test_the_state_of_a_callback_is_resumed_to_the_bit(
    digits: Path, run: Run, own: Path, processes: Any
) -> None:
    whole = run("train", *CALLED_EACH_STEP)
    assert whole.returncode == 0, whole.stderr
    expected = (digits / "models" / "train" / "model.keras").read_bytes()
    history = (digits / "models" / "train" / "history.csv").read_text()
    assert "num_steps" in history
    flags = ("--config-dir", str(own / "my_conf"))
    code, _, errors = processes.interrupted_by(
        signal.SIGINT, *flags, *CALLED_EACH_STEP, "trainer.checkpoint_every_steps=8"
    )
    assert code == 130, errors
    assert "--config-dir" in errors
    again = run("train", *CALLED_EACH_STEP, "trainer.resume=auto")
    assert again.returncode == 0, again.stderr
    assert "resuming" in again.stdout
    assert (digits / "models" / "train" / "history.csv").read_text() == history
    assert (digits / "models" / "train" / "model.keras").read_bytes() == expected


def test_changed_code_is_named_and_not_resumed(
    digits: Path, run: Run, own: Path, processes: Any
) -> None:
    flags = ("--config-dir", str(own / "my_conf"))
    endless = ("model=network", "trainer.epochs=1000", "trainer.checkpoint_every_steps=40")
    code, _, errors = processes.interrupted_by(signal.SIGINT, *flags, *endless)
    assert code == 130, errors
    run_id = newest_run(digits).info.run_id
    with (own / "my_parts.py").open("a") as file:
        file.write("\nCHANGED = True\n")
    refused = run("train", *endless, f"trainer.resume={run_id}")
    assert refused.returncode == 2
    assert "code.my_parts (saved " in refused.stderr


def test_reproduce_and_evaluate_name_changed_code(digits: Path, run: Run, own: Path) -> None:
    done = run("train", "model=network", "trainer.epochs=1")
    assert done.returncode == 0, done.stderr
    with (own / "my_parts.py").open("a") as file:
        file.write("\nCHANGED = True\n")
    refused = run("reproduce", newest_run(digits).info.run_id)
    assert refused.returncode == 2
    assert "code of the module my_parts (recorded SHA-256" in refused.stderr
    judged = run("evaluate")
    assert judged.returncode == 0, judged.stderr
    assert (
        "warning: my_parts (my_parts.py) has changed since the model was trained" in judged.stderr
    )
    (own / "my_parts.py").unlink()
    missing = run("evaluate")
    assert missing.returncode == 2
    assert "there is no module my_parts" in missing.stderr
    assert "Traceback" not in missing.stderr


def test_a_sweep_takes_the_users_own(digits: Path, run: Run) -> None:
    swept = ("model=network,mlp", "trainer.epochs=1", "optimizer=signs")
    done = run("sweep", *swept)
    assert done.returncode == 0, done.stderr
    compared = run("compare")
    assert compared.returncode == 0, compared.stderr
    assert "model=network" in compared.stdout
    assert "model=mlp" in compared.stdout
