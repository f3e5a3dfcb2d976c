"""What is not as it was recorded is named: code, data, lock, packages, config."""

import dataclasses
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest

from spoonful.config.compose import compose_config
from spoonful.config.settings import settings_of
from spoonful.diff.recorded_run import RecordedRun
from spoonful.project import project_root
from spoonful.tracking import environment
from spoonful.tracking.environment import (
    code_version,
    installed_packages,
    lock_digest,
    package_versions,
)
from spoonful.workflow.data import open_train_and_val
from spoonful.workflow.preconditions import not_as_recorded, overrides_of

pytestmark = pytest.mark.slow  # it makes data, and a git repository for each test

OVERRIDES = ["model=mlp", "optimizer.learning_rate=0.01"]
ABSENT_PACKAGES = {f"package{number:02d}": "1" for number in range(7)}


def git(folder: Path, *arguments: str) -> None:
    names = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *names, *arguments], cwd=folder, timeout=60, check=True)


@pytest.fixture
def committed(digits: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with data, in git, nothing changed."""
    (digits / ".gitignore").write_text("/data/\n")
    package = digits / "src" / "spoonful"
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    monkeypatch.setattr(environment, "PACKAGE", package)  # the code that runs is the project's own
    git(digits, "init", "-q")
    git(digits, "add", "-A")
    git(digits, "commit", "-qm", "start")
    monkeypatch.chdir(digits)
    project_root.cache_clear()
    return digits


@pytest.fixture
def recorded(committed: Path) -> RecordedRun:
    """A run that was recorded a moment ago."""
    config = compose_config(OVERRIDES)
    train_source, val_source = open_train_and_val(config)
    return RecordedRun(
        run_id="3f" * 16,
        name="recorded",
        status="FINISHED",
        started=datetime(2026, 11, 23),
        tags={
            **code_version(),
            **lock_digest(),
            **package_versions(),
            "fingerprint.train": train_source.fingerprint,
            "fingerprint.val": val_source.fingerprint,
        },
        config=settings_of(config),
        overrides=[*OVERRIDES, "trainer.resume=auto"],
        packages=installed_packages(),
    )


def found(run: RecordedRun) -> list[str]:
    return not_as_recorded(run, compose_config(OVERRIDES))


def tagged(run: RecordedRun, **tags: str) -> RecordedRun:
    dotted = {name.replace("__", "."): value for name, value in tags.items()}
    return dataclasses.replace(run, tags={**run.tags, **dotted})


def only(run: RecordedRun) -> str:
    (one,) = found(run)
    return one


def test_a_moment_later_all_is_as_it_was(recorded: RecordedRun) -> None:
    assert recorded.tags["git.dirty"] == "false"
    assert found(recorded) == []


def test_the_override_that_went_on_with_a_run_is_left_out(recorded: RecordedRun) -> None:
    assert overrides_of(recorded) == OVERRIDES


def test_what_was_chosen_for_auto_is_no_other_config(recorded: RecordedRun) -> None:
    config = recorded.config
    assert config is not None
    assert config["generator"]["shuffle"] == "auto"  # as composed
    chosen = {**config, "generator": {**config["generator"], "shuffle": "block"}}
    assert found(dataclasses.replace(recorded, config=chosen)) == []
    typed = [*recorded.overrides, "generator.shuffle=full"]
    other = dataclasses.replace(recorded, config=chosen, overrides=typed)
    assert only(other) == "config generator.shuffle (recorded block, now full)"


def test_another_commit_is_named_with_the_checkout(committed: Path, recorded: RecordedRun) -> None:
    git(committed, "commit", "-q", "--allow-empty", "-m", "more")
    then, now = recorded.tags["git.commit"][:12], code_version()["git.commit"][:12]
    assert only(recorded) == f"code (recorded at commit {then}, now {now}: `git checkout {then}`)"
    git(committed, "checkout", "-q", then)
    assert found(recorded) == []


def test_changed_files_are_named(committed: Path, recorded: RecordedRun) -> None:
    (committed / "new.py").touch()
    assert "files differ from commit" in only(recorded)
    git(committed, "commit", "-q", "--allow-empty", "-m", "more")
    assert "and changed files: `git stash -u`, then `git checkout" in only(recorded)


def test_a_run_of_changed_files_is_named(recorded: RecordedRun) -> None:
    assert "files differed from commit" in only(tagged(recorded, git__dirty="true"))


def test_code_outside_of_git_is_named(committed: Path, recorded: RecordedRun) -> None:
    assert "recorded no git commit" in only(tagged(recorded, git__commit="none"))
    shutil.rmtree(committed / ".git")
    assert "now outside of git" in only(recorded)


def test_a_run_that_was_resumed_with_something_else_is_named(recorded: RecordedRun) -> None:
    resumed = tagged(recorded, resumed__version__keras="4.0", resumed__hardware__cpu="Another")
    keras = recorded.tags["version.keras"]
    assert only(resumed).startswith(
        f"version.keras (the run began with {keras}, and was resumed with 4.0"
    )


def test_other_data_are_named_with_both_fingerprints(recorded: RecordedRun) -> None:
    now = recorded.tags["fingerprint.val"][:12]
    other = tagged(recorded, fingerprint__val="0123456789abcdef")
    assert only(other).startswith(
        f"val data (recorded fingerprint 0123456789ab, now {now}): `dvc checkout`"
    )


def test_data_that_are_not_there_are_named(committed: Path, recorded: RecordedRun) -> None:
    shutil.rmtree(committed / "data")
    assert only(recorded).startswith("data (there is no data in ")


def test_another_lock_is_named(committed: Path, recorded: RecordedRun) -> None:
    lock = recorded.tags["requirements_lock"][:12]
    other = tagged(recorded, requirements_lock="00" * 32)
    assert only(other) == f"requirements.lock (recorded 000000000000, now {lock})"
    tags = {name: value for name, value in recorded.tags.items() if name != "requirements_lock"}
    assert only(dataclasses.replace(recorded, tags=tags)) == "requirements.lock (not recorded)"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda packages: {**packages, "keras": "1.0"}, "packages keras (recorded 1.0, now "),
        (
            lambda packages: {n: v for n, v in packages.items() if n != "keras"},
            "packages keras (recorded absent, now ",
        ),
        (lambda packages: {**packages, **ABSENT_PACKAGES}, "now absent) and 2 more: `make setup`"),
    ],
)
def test_other_packages_are_named_and_counted(
    recorded: RecordedRun, change: Callable[[dict[str, str]], dict[str, str]], words: str
) -> None:
    assert recorded.packages is not None
    other = dataclasses.replace(recorded, packages=change(recorded.packages))
    assert words in only(other)


def test_packages_that_were_not_recorded_are_named(recorded: RecordedRun) -> None:
    assert "not recorded" in only(dataclasses.replace(recorded, packages=None))


def test_a_config_that_composes_otherwise_is_named(committed: Path, recorded: RecordedRun) -> None:
    path = committed / "conf" / "trainer" / "default.yaml"
    text = path.read_text()
    path.write_text(text.replace("epochs: 20", "epochs: 21"))
    code, config = found(recorded)
    assert code.startswith("code (files differ")
    assert config == "config trainer.epochs (recorded 20, now 21)"
    path.write_text(text.replace("checkpoint_every_minutes: 5", "checkpoint_every_minutes: 9"))
    assert only(recorded) == code


def test_overrides_that_no_longer_compose_are_named(recorded: RecordedRun) -> None:
    gone = dataclasses.replace(recorded, overrides=["experiment=gone"])
    assert only(gone).startswith("config (the recorded overrides no longer compose: ")
