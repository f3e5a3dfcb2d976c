"""`spoonful inspect` and what `split` makes of bad images, as a user sees them."""

import json
import os
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import Spoonful
from tests.inspection.bad_files import REASONS, write_bad_files, write_photo
from tests.processes import StartedSpoonful, command_environment, run_command


def photos(folder: Path) -> Path:
    for name, first in (("cat", 0), ("dog", 100)):
        for number in range(12):
            write_photo(folder / name / f"{number}.png", first + number)
    return folder


def test_a_folder_is_looked_at_and_only_a_report_is_written(
    project: Path, spoonful: Spoonful, tmp_path: Path
) -> None:
    mine = photos(tmp_path / "my = photos")
    write_bad_files(mine / "cat")
    (mine / "cat" / "a\x1b[31m.heic").touch()
    before = sorted(mine.rglob("*"))
    done = spoonful("inspect", os.path.relpath(mine, project))
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"spoonful: {len(REASONS)} of {24 + len(REASONS)} images cannot be read")
    assert all(name in line for name in REASONS)
    assert "dataset.on_bad_image=quarantine" in line
    assert f"{24 + len(REASONS)} images in 2 classes" in done.stdout
    assert "not read: 1 .heic (HEIC, convert" in done.stdout
    assert "\x1b" not in done.stdout + done.stderr
    assert sorted(mine.rglob("*")) == before
    (report,) = (project / "data").glob("inspect_*")
    assert {path.name for path in (project / "data").iterdir()} == {report.name, ".decoded"}
    assert f"report: data/{report.name}/report.html" in done.stdout


@pytest.mark.slow
def test_bad_images_stop_the_split_or_are_in_none(
    project: Path, spoonful: Spoonful, tmp_path: Path
) -> None:
    mine = photos(tmp_path / "mine")
    (mine / "cat" / "bad.jpg").write_bytes(b"<html>")
    os.mkfifo(mine / "dog" / "pipe.jpg")
    settings = ["dataset=folder", f"dataset.path='{mine}'", "dataset.image_size=[8,8]"]
    settings += ["dataset.val_fraction=0.25", "dataset.test_fraction=0.25"]
    assert spoonful("fetch", *settings).returncode == 0
    done = spoonful("split", *settings)
    assert done.returncode == 2
    assert "2 of 26 images cannot be read" in done.stderr
    assert "bad.jpg: an HTML page" in done.stderr
    assert not (project / "data" / "split").exists()
    bad = (project / "data" / "inspect" / "bad_files.csv").read_text()
    assert "cat/bad.jpg,cat,,an HTML page" in bad.replace('"', "")
    assert "dog/pipe.jpg,dog,,a pipe" in bad.replace('"', "")
    settings += ["dataset.on_bad_image=quarantine", "dataset.max_bad_fraction=0.1"]
    done = spoonful("split", *settings)
    assert done.returncode == 0, done.stderr
    assert "2 of 26 images cannot be read and are in no split" in done.stderr
    summary = json.loads((project / "data" / "split.json").read_text())
    assert sum(summary["num_images"].values()) == 24
    assert spoonful("pack", *settings).returncode == 0
    found = json.loads((project / "data" / "inspect" / "summary.json").read_text())
    assert found["data_digest"] == summary["data_digest"]
    small = ["model=mlp", "trainer.epochs=1", "generator.batch_size=4"]
    done = spoonful("train", *settings, *small)
    assert done.returncode == 0, done.stderr
    (kept,) = (project / "mlruns").rglob("inspection")
    written = {path.name for path in (project / "data" / "inspect").iterdir()}
    assert {path.name for path in kept.iterdir()} == written - {"images.parquet"}
    assert (kept / "bad_files.csv").read_text() == bad


def test_a_folder_and_a_data_set_are_one_too_many(spoonful: Spoonful, tmp_path: Path) -> None:
    done = spoonful("inspect", str(tmp_path), "dataset=mnist")
    assert done.returncode == 2
    assert "expected one FOLDER of images, or dataset=..., not both" in done.stderr
    assert "no such folder" in spoonful("inspect", str(tmp_path / "none")).stderr


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_at_any_moment_it_goes_on_with_what_was_decoded(
    project: Path, tmp_path: Path, number: signal.Signals
) -> None:
    mine = tmp_path / "mine"
    for seed in range(1500):
        write_photo(mine / "cat" / f"{seed}.png", seed)
    process = StartedSpoonful(["inspect", str(mine)], project, command_environment())
    try:
        database = project / "data" / ".decoded" / "cache.db"
        until = time.monotonic() + 60
        while num_kept(database) < 128 and process.poll() is None:
            assert time.monotonic() < until
            time.sleep(0.02)
        process.send_signal(number)
        output, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.wait() == (130 if number == signal.SIGINT else -number), output + errors
    assert not list((project / "data").glob("inspect_*"))
    kept = num_kept(database)
    assert 128 <= kept < 1500
    before = {path: path.stat().st_mtime_ns for path in mine.rglob("*")}
    done = run_command(project, "inspect", str(mine))
    assert done.returncode == 0, done.stderr
    assert num_kept(database) == 1500
    assert {path: path.stat().st_mtime_ns for path in mine.rglob("*")} == before
    assert {path.name for path in (project / "data").iterdir()} == {".decoded", "inspect_mine"}


def num_kept(database: Path) -> int:
    """Return how many results the cache has."""
    if not database.exists():
        return 0
    with closing(sqlite3.connect(f"file:{quote(str(database))}?mode=ro", uri=True)) as connection:
        try:
            (number,) = connection.execute("SELECT count(*) FROM Cache").fetchone()
        except sqlite3.Error:  # not made yet
            return 0
    return int(number)
