"""`spoonful reproduce` on real runs: the same bits again, or what is in the way."""

import shutil
import subprocess
from pathlib import Path

import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from spoonful.config.compose import compose_config
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.stages import reproduce
from spoonful.tracking.store import prepare_store
from tests.other_data import with_another_pixel
from tests.processes import run_spoonful

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]


def git(folder: Path, *arguments: str) -> None:
    names = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *names, *arguments], cwd=folder, timeout=60, check=True)


def runs_of(project: Path) -> list[Run]:
    """The runs of a project, the newest first."""
    client = MlflowClient(f"sqlite:///{project / 'mlflow.db'}")
    return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, digits_data: Path) -> Path:
    """A project in git with one finished run, of settings other than those in conf/."""
    folder = tmp_path_factory.mktemp("trained")
    shutil.copytree(CHECKOUT / "conf", folder / "conf")
    shutil.copytree(digits_data, folder / "data")
    for name in ("dvc.yaml", "params.yaml", "requirements.lock", ".gitignore"):
        shutil.copy(CHECKOUT / name, folder / name)
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-qm", "start")
    done = run_spoonful(folder, "train", "model=mlp", "trainer.epochs=2", "optimizer=sgd")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture
def altered(trained: Path, tmp_path: Path) -> Path:
    """A copy of the project in which code, config and lock have moved on since."""
    folder = tmp_path / "altered"
    shutil.copytree(trained, folder, symlinks=True)
    path = folder / "conf" / "optimizer" / "sgd.yaml"
    path.write_text(path.read_text().replace("momentum: 0.9", "momentum: 0.8"))
    git(folder, "commit", "-qam", "another momentum")
    with (folder / "requirements.lock").open("a") as lock:
        lock.write("# more\n")
    return folder


def test_a_run_is_trained_again_to_the_same_bits(trained: Path) -> None:
    (first,) = runs_of(trained)
    model = trained / "models" / "train"
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    # Where this checkout has changes that are not committed, no run of it can be reproduced.
    flags = ["--anyway"] if first.data.tags["git.dirty"] == "true" else []
    done = run_spoonful(trained, "reproduce", *flags, first.info.run_id[:10])
    assert done.returncode == 0, done.stdout + done.stderr
    allowed = "warning: not as recorded: code (" if flags else None
    assert [line for line in done.stderr.splitlines() if not allowed or allowed not in line] == []
    assert done.stdout.splitlines()[-1] == (
        "bit-identical: weights, metrics of 2 epochs, order of 80 steps"
    )
    again, _ = runs_of(trained)
    assert again.info.status == "FINISHED"
    assert again.data.tags["reproduces"] == first.info.run_id
    assert again.info.run_name == "mlp-sgd-b32-full-s0 again"
    assert again.data.tags["overrides"] == first.data.tags["overrides"]
    assert again.info.experiment_id == first.info.experiment_id
    made = trained / "models" / "reproduce" / first.info.run_id
    assert {path.name: path.read_bytes() for path in made.iterdir()} == before
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    compared = run_spoonful(trained, "diff", first.info.run_id, again.info.run_id)
    assert compared.returncode == 0
    unknown = " (unknown: code)" if flags else ""
    assert compared.stdout.splitlines()[-1] == f"the same training, to the bit{unknown}"


def test_all_that_is_not_as_recorded_is_named_in_one_line(altered: Path) -> None:
    number = len(runs_of(altered))
    done = run_spoonful(altered, "reproduce", runs_of(altered)[-1].info.run_id)
    assert done.returncode == 2
    assert done.stdout == ""
    (line,) = done.stderr.strip().splitlines()
    for words in (
        "project (recorded at commit ",
        "and changed files: `git stash -u`, then `git checkout ",
        "requirements.lock (recorded ",
        "config optimizer.momentum (recorded 0.9, now 0.8)",
        "add --anyway",
    ):
        assert words in line
    assert len(runs_of(altered)) == number


def test_anyway_trains_as_recorded_and_says_where_the_runs_part(altered: Path) -> None:
    first = runs_of(altered)[-1].info.run_id
    MlflowClient(f"sqlite:///{altered / 'mlflow.db'}").set_tag(first, "hardware.cpu", "Another")
    with_another_pixel(altered / "data" / "packed" / "train")
    done = run_spoonful(altered, "reproduce", "--anyway", first)
    assert done.returncode == 1, done.stdout + done.stderr
    warnings = done.stderr.splitlines()
    assert all(line.startswith("spoonful: ") for line in warnings)
    assert "warning: not as recorded: config optimizer.momentum (recorded 0.9, now 0.8)" in (
        done.stderr
    )
    assert "note: the run was trained on other hardware (cpu Another | " in done.stderr
    lines = done.stdout.splitlines()
    assert any(line.startswith("config      same") for line in lines)
    assert any(line.startswith("data        DIFFERENT  ") for line in lines)
    assert any(
        line.startswith("order       DIFFERENT  in steps 0 to 39 (epoch 1)") for line in lines
    )
    assert lines[-1].startswith("not bit-identical: first difference: order, in steps 0 to 39 ")


@pytest.fixture(scope="module")
def config(tmp_path_factory: pytest.TempPathFactory, empty_store: Path) -> Config:
    """A config with an empty store of its own."""
    store = tmp_path_factory.mktemp("store")
    shutil.copy(empty_store, store / "runs.db")
    config = compose_config([f"tracking.uri=sqlite:///{store / 'runs.db'}"])
    client = MlflowClient(prepare_store(config.tracking))
    client.create_experiment("digits", (store / "artifacts").as_uri())
    return config


def begin(config: Config) -> tuple[MlflowClient, str]:
    client = MlflowClient(config.tracking.uri)
    experiment = client.get_experiment_by_name("digits")
    assert experiment is not None
    return client, str(client.create_run(experiment.experiment_id).info.run_id)


@pytest.mark.parametrize("status", ["KILLED", "FAILED", "RUNNING"])
def test_a_run_that_has_not_finished_is_refused(config: Config, status: str) -> None:
    client, run_id = begin(config)
    client.update_run(run_id, status)
    with pytest.raises(SpoonfulError, match=f"run {run_id} is {status}: only a finished run"):
        reproduce.run(config, run_id)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (None, "its config.yaml is not among its artifacts"),
        ("trainer: {magic: 1}", r"does not know \(unknown key trainer\.magic"),
    ],
)
def test_a_config_that_cannot_be_used_is_refused(
    config: Config, text: str | None, words: str
) -> None:
    client, run_id = begin(config)
    if text is not None:
        client.log_text(run_id, text, "config.yaml")
    client.set_terminated(run_id)
    with pytest.raises(SpoonfulError, match=words) as caught:
        reproduce.anyway(config, run_id)
    assert "\n" not in str(caught.value)
