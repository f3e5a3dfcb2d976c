"""`spoonful sweep` as real processes: gone on with after any end, one bad point among good ones."""

import json
import signal
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from spoonful.files.lock import locked
from tests.processes import run_command
from tests.stages.pipelines import children, parents

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
TINY = ["model=mlp", "trainer.epochs=1"]
GRID = ["generator.batch_size=32,64", "seed=0,1", *TINY]
# The last point trains for long: it is the one that is interrupted.
LONG = ["trainer.epochs=1,1000", "model=mlp", "trainer.checkpoint_every_steps=20"]
FIRST_STEPS = 40  # of its first point, whose checkpoints go only after it is recorded
DRAWN = ["sweep.sampler=tpe", "seed=interval(0,9)"]


def ended_by(number: int, processes: Any, *overrides: str) -> tuple[int, str, str]:
    """Start a sweep, end it once its long point has a checkpoint that it has not begun with."""
    before = max([FIRST_STEPS, *processes.checkpoint_steps()])
    process = processes.start("sweep", *overrides)

    def is_inside() -> bool:
        return bool(max(processes.checkpoint_steps(), default=0) > before)

    try:
        assert processes.wait_for(is_inside, process, "checkpoint"), process.communicate()
        process.send_signal(number)
        output, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, output, errors


def wait_for_end(project: Path) -> None:
    """Wait until no process trains a point of the killed sweep."""
    for path in (project / "models" / "sweeps").glob("*/*.lock"):
        with locked(path, f"{path} is held", 20):
            pass


def test_hydra_s_multirun_is_a_sweep(processes: Any, spoonful: Spoonful) -> None:
    done = spoonful("train", "--multirun", "seed=0,1", *TINY)
    assert done.returncode == 0, done.stderr
    (parent,) = parents(processes.runs())
    assert parent.data.tags["sweep.num_points"] == "2"
    found = children(processes.runs())
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {parent.info.run_id}
    assert {run.info.status for run in [parent, *found]} == {"FINISHED"}
    assert "[2/2] seed=1: val_accuracy 0." in done.stdout


def test_every_point_is_a_child_of_one_run(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    done = spoonful("sweep", *GRID)
    assert done.returncode == 0, done.stderr
    (parent,) = parents(processes.runs())
    assert parent.info.status == "FINISHED"
    tags = parent.data.tags
    assert json.loads(tags["sweep.axes"]) == ["generator.batch_size", "seed"]
    assert tags["sweep.num_points"] == "4"
    assert tags["sweep.id"] == parent.info.run_id
    assert "spoonful sweep" in tags["mlflow.note.content"]
    found = children(processes.runs())
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {parent.info.run_id}
    assert {run.data.tags["sweep.id"] for run in found} == {parent.info.run_id}
    assert Counter(run.data.tags["sweep.point"] for run in found) == {
        "batch_size=32": 2,
        "batch_size=64": 2,
    }
    assert {run.info.status for run in found} == {"FINISHED"}
    assert {run.info.run_name for run in found} == {
        f"mlp-adam-b{size}-full-s{seed}" for size in (32, 64) for seed in (0, 1)
    }
    folder = digits / "models" / "sweeps" / parent.info.run_id
    assert sorted(p.name for p in folder.iterdir() if p.is_dir()) == ["0", "1", "2", "3"]
    assert "[4/4] batch_size=64 seed=1: val_accuracy 0." in done.stdout
    assert "; left " in done.stdout
    # It has finished: the same command is another sweep.
    again = spoonful("sweep", "seed=0,1", "generator.batch_size=32", *TINY)
    assert again.returncode == 0, again.stderr
    assert len(parents(processes.runs())) == 2


def test_a_killed_sweep_goes_on_with_the_point_it_was_at(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    code, output, _ = ended_by(signal.SIGKILL, processes, *LONG)
    assert code == -signal.SIGKILL
    assert "[1/2]" in output
    wait_for_end(digits)
    before = {run.info.run_id: run.info.status for run in processes.runs()}
    # Its point's process ends with it, in order.
    assert before.pop(next(run.info.run_id for run in parents(processes.runs()))) == "RUNNING"
    code, output, errors = ended_by(signal.SIGINT, processes, *LONG)
    assert code == 130, errors
    assert "continuing, 1 of them finished" in output
    assert "training mlp" not in output
    assert "resuming mlp" in output
    assert "sweep ended after 1 of 2 points; continue it with\n  spoonful sweep" in errors
    after = {run.info.run_id: run.info.status for run in processes.runs()}
    assert sorted(before.values()) == ["FINISHED", "KILLED"]
    assert before.keys() < after.keys()
    assert sorted(after.values()) == ["FINISHED", "KILLED", "KILLED"]
    (parent,) = parents(processes.runs())
    assert after[parent.info.run_id] == "KILLED"


def test_a_point_that_fails_stops_no_other_and_is_tried_again(
    processes: Any, spoonful: Spoonful
) -> None:
    axes = ["optimizer.learning_rate=1e30,0.001", *TINY]
    done = spoonful("sweep", *axes)
    assert done.returncode == 1
    assert "failed: learning_rate=1e+30: the loss is nan" in done.stdout
    assert "1 point finished, 1 failed" in done.stdout
    assert "Traceback" not in done.stderr
    (parent,) = parents(processes.runs())
    assert parent.info.status == "FAILED"
    assert sorted(run.info.status for run in children(processes.runs())) == ["FAILED", "FINISHED"]
    again = spoonful("sweep", *axes)
    assert again.returncode == 1
    assert "continuing, 1 of them finished" in again.stdout
    assert len(parents(processes.runs())) == 1
    # The run that failed is taken up again, as any interrupted one is.
    assert sorted(run.info.status for run in children(processes.runs())) == ["FAILED", "FINISHED"]


def test_values_that_do_not_go_together_fail_as_a_point(processes: Any, spoonful: Spoonful) -> None:
    # Each value by itself is fine.
    axes = ["trainer.deterministic=false,true", "trainer.jit_compile=null,true", *TINY]
    done = spoonful("sweep", *axes)
    assert done.returncode == 1, done.stderr
    assert "[4/4] deterministic=True jit_compile=True: failed: trainer.jit_compile" in done.stderr
    assert "3 points finished, 1 failed" in done.stdout
    (parent,) = parents(processes.runs())
    assert parent.info.status == "FAILED"
    assert [run.info.status for run in children(processes.runs())] == ["FINISHED"] * 3


def test_a_point_that_has_its_data_is_trained(processes: Any, spoonful: Spoonful) -> None:
    done = spoonful("sweep", "dataset.image_size=[16,16],[8,8]", *TINY)
    assert done.returncode == 1, done.stderr
    assert "failed: image_size=[16,16]: data/packed/train was packed otherwise" in done.stdout
    assert "1 point finished, 1 failed" in done.stdout
    (child,) = children(processes.runs())
    assert child.info.status == "FINISHED"


def test_a_sampler_chooses_the_points_and_prunes_them(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    axes = ["optimizer.learning_rate=tag(log, interval(1e-6, 0.01))", "model=mlp"]
    search = ["sweep.sampler=random", "sweep.num_trials=5", "sweep.pruner=asha"]
    done = spoonful(
        "sweep", *axes, *search, "trainer.epochs=2", "trainer.early_stopping.metric=val_accuracy"
    )
    assert done.returncode == 0, done.stderr
    (parent,) = parents(processes.runs())
    folder = digits / "models" / "sweeps" / parent.info.run_id
    study = optuna.load_study(
        study_name=parent.info.run_id, storage=f"sqlite:///{folder / 'study.db'}"
    )
    assert study.direction.name == "MAXIMIZE"
    pruned = [trial for trial in study.trials if trial.state.name == "PRUNED"]
    assert 0 < len(pruned) < 5
    assert len(study.trials) == 5
    found = children(processes.runs())
    assert {run.info.status for run in found} == {"FINISHED"}
    assert sum("sweep.pruned" in run.data.tags for run in found) == len(pruned)
    assert f"{5 - len(pruned)} points finished, {len(pruned)} pruned" in done.stdout
    assert f"val_accuracy {study.best_value:.4f}" in done.stdout
    assert not list((digits / "models" / "checkpoints").glob("*/step-*"))
    compared = run_command(digits, "compare")
    assert compared.returncode == 0, compared.stderr
    assert compared.stdout.count(": pruned after epoch 1") == len(pruned)
    assert "without a result" not in compared.stdout


def test_a_sweep_that_others_run_is_left_alone(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    process = processes.start("sweep", *LONG)
    try:
        sweeps = digits / "models" / "sweeps"
        assert processes.wait_for(lambda: any(sweeps.glob("*/0.json")), process, "first point"), (
            process.communicate()
        )
        second = spoonful("sweep", *LONG)
        assert second.returncode == 2
        assert f"is being run by process {process.pid}: " in second.stderr
        assert len(second.stderr.splitlines()) == 1
    finally:
        process.kill()
        process.communicate()


def test_single_trainings_join_a_sweep_by_name(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    for seed in (0, 1):
        point = ["sweep.run_name=grid", f"sweep.point=s{seed}", f"seed={seed}"]
        done = spoonful("train", *TINY, *point)
        assert done.returncode == 0, done.stderr
        assert (digits / "models" / "sweeps" / "grid" / f"s{seed}" / "model.keras").is_file()
    found = children(processes.runs())
    assert len(found) == 2
    assert len({run.data.tags["mlflow.parentRunId"] for run in found}) == 1
    assert len(processes.runs()) == 3
    assert {run.info.status for run in processes.runs()} == {"FINISHED"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep", "model=mlp"], "nothing to sweep over"),
        (["sweep", "seed=0,1", "model=mlp,foo"], "model=foo"),
        (["sweep", "seed=0,1", "sweep.resume=abc"], "sweep.resume=abc: expected auto, null or"),
        (
            ["sweep", "seed=0,1", "trainer.resume=auto"],
            "trainer.resume: a sweep is resumed by sweep",
        ),
        (
            ["sweep", "seed=0,1", "trainer.accept_changed_data=true"],
            "trainer.accept_changed_data: a sweep compares settings on the same data",
        ),
        (["sweep", "seed=0,1", "sweep.point=a"], "sweep.point: it makes one `spoonful train` a"),
        (["sweep", *DRAWN], "sweep.sampler=tpe: say how many points it chooses with sweep.num_"),
        (["sweep", "seed=0,1", "sweep.pruner=asha"], "sweep.pruner=asha: a grid trains every"),
        (
            ["sweep", *DRAWN, "sweep.num_trials=2", "sweep.storage=oracle://u:secret@h/d"],
            "the sweep's study in oracle://***@h/d cannot be used",
        ),
        (["sweep", "experiment=nope", "seed=0,1"], "experiment=nope"),
        (["sweep", "experiment=recipe"], "data/split was made otherwise: dataset (config mnist"),
        (["sweep", "pack=jpeg", "seed=0,1"], "data/packed/train was packed otherwise: encoding"),
        (["train", "sweep.point=a"], "give sweep.run_name, too"),
        (["train", "sweep.point=../a", "sweep.run_name=grid"], "sweep.point=../a: expected the"),
        (["train", "sweep.point=a", "sweep.run_name=g/h"], "sweep.run_name=g/h: expected the"),
    ],
)
def test_what_cannot_be_swept_is_one_line(
    digits: Path, spoonful: Spoonful, arguments: list[str], words: str
) -> None:
    done = spoonful(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not (digits / "models").exists()
