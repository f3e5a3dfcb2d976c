"""`spoonful sweep`: what it records, one bad point among good ones, points that are chosen."""

import json
import subprocess
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import optuna
import pytest

from tests.stages.pipelines import children, parents

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
TINY = ["model=mlp", "trainer.epochs=1"]
GRID = ["generator.batch_size=32,64", "seed=0,1", *TINY]
DRAWN = ["sweep.sampler=tpe", "seed=interval(0,9)"]


def test_hydra_s_multirun_is_a_sweep_whose_points_can_be_judged(
    digits: Path, processes: Any, spoonful: Spoonful
) -> None:
    done = spoonful("train", "--multirun", "generator.shuffle=none,full", *TINY)
    assert done.returncode == 0, done.stderr
    (parent,) = parents(processes.runs())
    assert parent.data.tags["sweep.num_points"] == "2"
    found = children(processes.runs())
    assert {run.data.tags["mlflow.parentRunId"] for run in found} == {parent.info.run_id}
    assert {run.info.status for run in [parent, *found]} == {"FINISHED"}
    assert {run.data.params["generator.shuffle"] for run in found} == {"none", "full"}
    assert "[2/2] shuffle=full: val_accuracy 0." in done.stdout
    folder = digits / "models" / "sweeps" / parent.info.run_id
    judged = spoonful("evaluate", f"evaluation.model_dir={folder.relative_to(digits)}/1")
    assert judged.returncode == 0, judged.stderr
    assert (folder / "1" / "evaluate" / "report.html").is_file()


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
    compared = spoonful("compare")
    assert compared.returncode == 0, compared.stderr
    assert compared.stdout.count(": pruned after epoch 1") == len(pruned)
    assert "without a result" not in compared.stdout


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
