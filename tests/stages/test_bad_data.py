"""Data that go bad while real processes train on them: how the run ends, and how it goes on."""

import shutil
import subprocess
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from mlflow.entities import Run
from mlflow.tracking import MlflowClient

from spoonful.fitting.checkpoints.checkpoint import read_checkpoint
from spoonful.generator import BatchGenerator
from spoonful.record.ledger import TRAIN, Ledger, Row, from_csv
from spoonful.sources.folder import FolderSource
from tests.processes import run_spoonful

pytestmark = pytest.mark.slow

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
AUTO = "trainer.resume=auto"
ACCEPT = "trainer.accept_changed_data=true"
EPOCHS, BATCH_SIZE, PER_CLASS, SIZE = 6, 4, 30, 16
DAMAGED_AFTER = 2  # epochs
# The user's own callback damages a file at the end of an epoch, where a variable says so.
DAMAGE = """
import os, pathlib, keras

class Damage(keras.callbacks.Callback):
    def on_epoch_end(self, epoch, logs=None):
        path, after = os.environ.get("DAMAGED"), int(os.environ.get("DAMAGED_AFTER", "0"))
        if path and epoch + 1 == after:
            other = os.environ.get("REPLACED_BY")
            content = pathlib.Path(other or path).read_bytes()
            pathlib.Path(path).write_bytes(content if other else content[: len(content) // 2])
"""


def image(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (SIZE, SIZE, 3), dtype=np.uint8)
    assert cv2.imwrite(str(path), pixels)


class Project:
    """A project with photographs of its own, and the commands of a user."""

    def __init__(self, folder: Path, photos: Path, source: str) -> None:
        self.folder, self.photos, self.source = folder, photos, source
        self.data = ["dataset=folder", f"dataset.path={photos}", "dataset.link=symlink"]
        self.data += [f"dataset.image_size=[{SIZE},{SIZE}]", "dataset.copies=ignore"]
        self.spoonful = partial(run_spoonful, folder)
        (folder / "damage.py").write_text(DAMAGE)
        for number, name in enumerate(("cat", "dog")):
            for i in range(PER_CLASS):
                image(photos / name / f"{i:02}.png", 100 * number + i)
        self.prepare()

    def prepare(self) -> None:
        for stage in ("fetch", "split", *(["pack"] if self.source == "packed" else [])):
            done = self.spoonful(stage, *self.data)
            assert done.returncode == 0, done.stderr

    def train(
        self, *more: str, damaged: Path | None = None, replaced_by: Path | None = None
    ) -> Any:
        settings = [*self.data, f"source={self.source}", "model=mlp", "model.num_units=[8]"]
        settings += [f"trainer.epochs={EPOCHS}", f"generator.batch_size={BATCH_SIZE}"]
        settings += ["generator.prefetch_batches=1", "+callbacks.damage._target_=damage.Damage"]
        environment = {"PYTHONPATH": str(self.folder)}
        if damaged is not None:
            environment |= {"DAMAGED": str(damaged), "DAMAGED_AFTER": str(DAMAGED_AFTER)}
        if replaced_by is not None:
            environment |= {"REPLACED_BY": str(replaced_by)}
        return self.spoonful("train", *settings, *more, environment=environment)

    @property
    def steps(self) -> list[int]:
        found = (self.folder / "models" / "checkpoints").glob("*/step-*")
        return sorted(int(path.name.removeprefix("step-")) for path in found)

    def order(self) -> BatchGenerator:
        root = self.folder / "data" / "split" / "train"
        source = FolderSource(root, (SIZE, SIZE), 3)
        return BatchGenerator(source, BATCH_SIZE)

    def first_step_with(self, file_id: str) -> int:
        generator = self.order()
        index = generator.source.ids.index(file_id)  # type: ignore[attr-defined]
        first = DAMAGED_AFTER * len(generator)
        return next(s for s in range(first, 10 * first) if index in generator.indices(s))

    def runs(self) -> list[Run]:
        client = MlflowClient(f"sqlite:///{self.folder / 'mlflow.db'}")
        return list(client.search_runs([e.experiment_id for e in client.search_experiments()]))

    def ledger(self) -> list[Row]:
        rows = from_csv((self.folder / "models" / "train" / "ledger.csv").read_text())
        return [row for row in rows if row.stream == TRAIN]

    def expected_ledger(self) -> list[Row]:
        """What a training that nothing disturbs reads, from the images as they are now."""
        generator, expected = self.order(), Ledger()
        for epoch in range(EPOCHS):
            first = epoch * len(generator)
            expected.begin(TRAIN, epoch + 1, first)
            steps = range(first, first + len(generator))
            expected.add(TRAIN, [bytes.fromhex(generator.digest(step)) for step in steps])
            expected.end(TRAIN)
        return expected.rows


@pytest.fixture
def photographs(project: Path, tmp_path: Path) -> Project:
    return Project(project, tmp_path / "photos", "folder")


def trained_file(project: Project) -> tuple[Path, str]:
    """One of the user's files that is trained on, and its id."""
    found = sorted((project.folder / "data" / "split" / "train" / "cat").iterdir())
    return project.photos / "cat" / found[3].name, f"cat/{found[3].name}"


def test_a_file_that_goes_bad_ends_the_run_at_the_step_before_and_mended_it_goes_on(
    photographs: Project,
) -> None:
    control = photographs.expected_ledger()
    file, file_id = trained_file(photographs)
    step = photographs.first_step_with(file_id)
    original = file.read_bytes()

    done = photographs.train(damaged=file)
    assert done.returncode == 2, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert f"(step {step}) cannot be read: {file}: " in line
    assert f"ended with {step} steps done, which are kept" in line
    per_epoch = len(photographs.order())
    assert f"batch {step % per_epoch} of epoch {step // per_epoch + 1} (step {step})" in line
    assert "split` again" not in line  # which would not let this run continue
    run = photographs.runs()[0]
    assert f"trainer.resume={run.info.run_id}" in line
    assert ACCEPT in line
    assert run.info.status == "FAILED"
    assert run.data.tags["unreadable_after_step"] == str(step)
    assert "cannot be read" in run.data.tags["error"]
    assert photographs.steps[-1] == step

    # Mended by the same bytes, it goes on as if nothing had been.
    kept = photographs.folder.with_name("kept")
    shutil.copytree(photographs.folder / "models", kept, symlinks=True)
    file.write_bytes(original)
    same = photographs.train(AUTO)
    assert same.returncode == 0, same.stderr
    assert f"after step {step} " in same.stdout
    assert photographs.ledger() == control
    assert "unreadable_after_step" not in photographs.runs()[0].data.tags


def test_mended_by_another_image_it_goes_on_where_the_user_says_so_and_tells(
    photographs: Project,
) -> None:
    assert photographs.train().returncode == 0
    control, ids = photographs.ledger(), photographs.order().source.ids  # type: ignore[attr-defined]
    control_run = photographs.runs()[0].info.run_id
    file, file_id = trained_file(photographs)
    step = photographs.first_step_with(file_id)
    assert photographs.train(damaged=file).returncode == 2
    run_id = photographs.runs()[0].info.run_id
    before = photographs.runs()[0].data.tags["fingerprint.train"]
    image(file, 999)
    photographs.prepare()
    for resume in (AUTO, f"trainer.resume={run_id}"):
        refused = photographs.train(resume)
        assert refused.returncode == 2
        line = refused.stderr.strip().splitlines()[-1]
        assert f"fingerprint.train (saved {before}, now " in line
        assert f"{ACCEPT} continues" in line
    assert len(photographs.runs()) == 2
    done = photographs.train(AUTO, ACCEPT)
    assert done.returncode == 0, done.stderr
    assert f"after step {step} " in done.stdout
    run = next(r for r in photographs.runs() if r.info.run_id == run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["changed_data.steps"] == str(step)
    assert run.data.tags["changed_data.fingerprint.train"] == before
    assert run.data.tags["fingerprint.train"] != before
    # Each step once, in the order of the control; the batches differ once the image is read.
    ledger = photographs.ledger()
    assert [(r.epoch, r.step) for r in ledger] == [(r.epoch, r.step) for r in control]
    assert ledger[:DAMAGED_AFTER] == control[:DAMAGED_AFTER]
    assert all(a.digest != b.digest for a, b in zip(ledger[2:], control[2:], strict=True))
    assert photographs.order().source.ids == ids  # type: ignore[attr-defined]
    told = photographs.spoonful("diff", control_run, run_id)
    assert told.returncode == 1
    assert f"B continued with changed data at step {step}" in told.stdout
    again = photographs.spoonful("reproduce", run_id)
    assert again.returncode == 2
    assert f"continued with changed data at step {step}" in again.stderr


def test_a_file_that_is_deleted_is_named_as_the_user_s_own(photographs: Project) -> None:
    file, _ = trained_file(photographs)
    file.rename(file.with_name("kept"))
    refused = photographs.train()
    assert refused.returncode == 2
    line = refused.stderr.strip().splitlines()[-1]
    assert f"found missing: {file}; bring back the same files, or run" in line
    assert photographs.runs() == []


def test_another_valid_image_ends_the_run_and_the_steps_that_may_have_read_it_are_done_again(
    photographs: Project,
) -> None:
    control = photographs.expected_ledger()
    file, _ = trained_file(photographs)
    original, other = file.read_bytes(), photographs.folder / "other.png"
    image(other, 999)
    done = photographs.train(damaged=file, replaced_by=other)
    assert done.returncode == 2, done.stderr
    line = done.stderr.strip().splitlines()[-1]
    assert f"{file}: was replaced by another image while training read it" in line
    assert photographs.runs()[0].info.status == "FAILED"
    assert max(photographs.steps, default=0) <= (DAMAGED_AFTER - 1) * len(photographs.order())
    file.write_bytes(original)
    same = photographs.train(AUTO)
    assert same.returncode == 0, same.stderr
    assert len(photographs.runs()) == 1
    assert photographs.ledger() == control


def test_where_other_images_are_read_it_does_not_go_on(photographs: Project) -> None:
    file, _ = trained_file(photographs)
    assert photographs.train(damaged=file).returncode == 2
    file.rename(file.with_name("other.png"))
    image(file.with_name("other.png"), 5)
    photographs.prepare()
    for resume in (AUTO, f"trainer.resume={photographs.runs()[0].info.run_id}"):
        refused = photographs.train(resume, ACCEPT)
        assert refused.returncode == 2
        assert "train ids (saved " in refused.stderr
    assert photographs.train().returncode == 0  # a new run


def test_a_validation_image_ends_the_run_at_the_end_of_the_epoch(photographs: Project) -> None:
    val = photographs.folder / "data" / "split" / "val" / "dog"
    file = photographs.photos / "dog" / sorted(val.iterdir())[0].name
    original = file.read_bytes()
    done = photographs.train(damaged=file)
    assert done.returncode == 2
    assert f"{file}: " in done.stderr
    assert f"validation of epoch {DAMAGED_AFTER + 1}: batch" in done.stderr
    step = (DAMAGED_AFTER + 1) * len(photographs.order())
    assert photographs.steps[-1] == step
    # Until it is mended, the user's own file is named.
    refused = photographs.train(AUTO)
    assert refused.returncode == 2
    line = refused.stderr.strip().splitlines()[-1]
    assert f"found changed: {file}; bring back the same files, or run" in line
    (folder,) = (photographs.folder / "models" / "checkpoints").glob(f"*/step-{step:012d}")
    assert read_checkpoint(folder).state["position"] == len(photographs.order())
    file.write_bytes(original)
    assert photographs.train(AUTO).returncode == 0
