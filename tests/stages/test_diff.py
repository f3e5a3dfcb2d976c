"""`spoonful diff` on real runs: what is the same, what differs first, shown from the data."""

import shutil
import subprocess
from pathlib import Path

import pytest
from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.diff.recorded_run import RecordedRun
from spoonful.project import project_root
from spoonful.record.ledger import TRAIN, VAL, Row
from spoonful.stages.diff import differences_of
from spoonful.tracking.recorded import read_run
from spoonful.workflow.data import open_train_and_val
from tests.processes import run_spoonful

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
SWEEP = ("model=mlp", "trainer.epochs=2", "seed=0,1")


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory, digits_data: Path, empty_store: Path) -> Path:
    """A project in git with a run of each of two seeds."""
    folder = tmp_path_factory.mktemp("swept")
    shutil.copytree(CHECKOUT / "conf", folder / "conf")
    shutil.copytree(digits_data, folder / "data")
    shutil.copy(empty_store, folder)
    for name in ("dvc.yaml", "params.yaml", "requirements.lock", ".gitignore"):
        shutil.copy(CHECKOUT / name, folder / name)
    names = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "start"]):
        subprocess.run(["git", *names, *arguments], cwd=folder, timeout=60, check=True)
    done = run_spoonful(folder, "train", "--multirun", *SWEEP)
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def inside(swept: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(swept)
    project_root.cache_clear()
    return swept


def run_id(project: Path, seed: int) -> str:
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    (run,) = client.search_runs([experiment.experiment_id], f"params.seed = '{seed}'")
    return str(run.info.run_id)


def recorded(project: Path, seed: int) -> RecordedRun:
    return read_run(compose_config([]).tracking, run_id(project, seed))


def first_ids(seed: int, split: str, step: int) -> list[str]:
    """The first four images of a step, as the generator says."""
    from spoonful.fitting.train import training_generator, validation_generator

    config = compose_config(["model=mlp", f"seed={seed}", "generator.shuffle=full"])
    place, make = {"train": (0, training_generator), "val": (1, validation_generator)}[split]
    source = open_train_and_val(config)[place]
    return [source.example_id(int(index)) for index in make(config, source).indices(step)[:4]]


def test_another_seed_shows_the_first_batch_of_each(inside: Path) -> None:
    done = run_spoonful(inside, "diff", run_id(inside, 0), run_id(inside, 1))
    assert done.returncode == 1
    assert done.stderr == ""
    assert "config      DIFFERENT  generator.seed 0 | 1, seed 0 | 1\n" in done.stdout
    assert "order       DIFFERENT  first at step 0 (epoch 1, batch 1)\n" in done.stdout
    for letter, seed in (("A", 0), ("B", 1)):
        ids = " ".join(first_ids(seed, "train", 0))
        assert f"  {letter}  {ids} ... (32 images)\n" in done.stdout
    assert "weights     DIFFERENT  first after epoch 1 (step 40): " in done.stdout
    assert done.stdout.splitlines()[-1] == (
        "first difference: order, at step 0 (epoch 1, batch 1); inputs that differ: config"
    )


def test_a_run_that_is_not_there_is_one_line(swept: Path) -> None:
    done = run_spoonful(swept, "diff", run_id(swept, 0), "0123456789")
    assert done.returncode == 2
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert "0123456789" in done.stderr


def test_without_the_data_the_steps_are_named_and_what_is_missing(
    inside: Path, tmp_path: Path
) -> None:
    shutil.move(inside / "data", tmp_path / "away")
    try:
        differences = differences_of(compose_config([]), recorded(inside, 0), recorded(inside, 1))
    finally:
        shutil.move(tmp_path / "away", inside / "data")
    order = differences.outcomes[0]
    assert order.detail == (
        "in steps 0 to 39 (epoch 1); what A and B read is not here to show them"
    )
    assert "there is no data in" in order.lines[0]
    assert differences.verdict.startswith("first difference: order, in steps 0 to 39 (epoch 1); ")


def test_other_data_than_those_recorded_are_not_shown_for_them(inside: Path) -> None:
    a, b = recorded(inside, 0), recorded(inside, 1)
    b.tags["fingerprint.train"] = "00" * 32
    order = differences_of(compose_config([]), a, b).outcomes[0]
    assert "what B read is not here" in order.detail
    assert order.lines[0].startswith(f"run {b.short_id}: fingerprint.train 000000000000, here ")


def with_other_rows(run: RecordedRun, stream: str, from_epoch: int) -> RecordedRun:
    """The run, as if it had seen other batches from an epoch on."""
    assert run.ledger is not None
    run.ledger[:] = [
        Row(row.stream, row.epoch, row.step, "00" * 16)
        if row.stream == stream and row.epoch >= from_epoch
        else row
        for row in run.ledger
    ]
    return run


@pytest.mark.parametrize(
    ("stream", "steps", "place"), [(TRAIN, "steps 40 to 79", 0), (VAL, "steps 0 to 5", 2)]
)
def test_of_two_ledgers_of_one_config_the_data_confirm_the_right_one(
    inside: Path, stream: str, steps: str, place: int
) -> None:
    good, bad = recorded(inside, 0), with_other_rows(recorded(inside, 0), stream, 2)
    for a, b, right, wrong in ((good, bad, "A", "B"), (bad, good, "B", "A")):
        finding = differences_of(compose_config([]), a, b).outcomes[place]
        assert finding.detail == f"in {steps} (epoch 2)"
        assert f"confirm the ledger of {right}, not of {wrong}" in finding.lines[0]
        assert finding.lines[1].startswith(f"{wrong} read other pixels or labels")
