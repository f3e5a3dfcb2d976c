"""`spoonful inspect` and what `split` makes of bad images, as a user sees them."""

import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.conftest import CHECKOUT, Spoonful
from tests.inspection.bad_files import REASONS, write_bad_files, write_photo
from tests.processes import command_environment, run_command


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
def test_the_report_of_one_folder_never_replaces_that_of_another(
    project: Path, spoonful: Spoonful, tmp_path: Path
) -> None:
    names = ("a/photos", "b/photos", "m😀", "m😁", "caf\u00e9", "cafe\u0301", "L" * 250)
    reports = []
    for name in names:
        done = spoonful("inspect", str(photos(tmp_path / name)))
        assert done.returncode == 0, done.stderr
        reports.append(report_of(done.stdout))
    assert len(set(reports)) == len(names)
    assert reports[0] == "data/inspect_photos/report.html"
    assert re.fullmatch("data/inspect_photos_[0-9a-f]{8}/report.html", reports[1])
    assert reports[2] == "data/inspect_m_/report.html"
    assert reports[4] == "data/inspect_caf\u00e9/report.html"
    for name, report in zip(names, reports, strict=True):
        noted = (project / report).with_name("folder.txt").read_text()
        assert noted == f"{tmp_path / name}\n"
    again = [report_of(spoonful("inspect", str(tmp_path / name)).stdout) for name in names[:2]]
    assert again == reports[:2]


def report_of(output: str) -> str:
    (line,) = [line for line in output.splitlines() if line.startswith("report: ")]
    return line.removeprefix("report: ")


@pytest.mark.slow
def test_what_a_killed_inspection_left_the_next_one_of_any_folder_removes(
    project: Path, spoonful: Spoonful, tmp_path: Path
) -> None:
    for name in (".inspecting.0123abcd.tmp", ".inspect_other.0123abcd.tmp"):
        (project / "data" / name / "raw").mkdir(parents=True)
    (project / "data" / "inspect_mine").mkdir()  # of an earlier version, without a note
    done = spoonful("inspect", str(photos(tmp_path / "mine")))
    assert done.returncode == 0, done.stderr
    left = {path.name for path in (project / "data").iterdir()}
    new = Path(report_of(done.stdout)).parent.name
    assert new.startswith("inspect_mine_")
    assert left == {".decoded", "inspect_mine", new}


def test_an_empty_name_is_no_folder(spoonful: Spoonful, project: Path) -> None:
    done = spoonful("inspect", "")
    assert done.returncode == 2
    assert done.stderr.startswith("spoonful: inspect '': an empty name, expected a folder of imag")
    assert not (project / "data").exists()


@pytest.mark.slow
@pytest.mark.parametrize("num_batches", [1, 7])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_stopped_at_any_moment_it_goes_on_with_what_was_decoded(
    project: Path, tmp_path: Path, number: signal.Signals, num_batches: int
) -> None:
    mine = tmp_path / "mine"
    for seed in range(700):
        write_photo(mine / "cat" / f"{seed}.png", seed)
    stopped = [sys.executable, "-m", "tests.inspection.stopped_inspect", str(int(number))]
    process = subprocess.run(
        [*stopped, str(num_batches), "inspect", str(mine)],
        cwd=project,
        env={**command_environment(), "PYTHONPATH": str(CHECKOUT)},
        capture_output=True,
        text=True,
        check=False,
    )
    expected = 130 if number == signal.SIGINT else -number
    assert process.returncode == expected, process.stdout + process.stderr
    assert not list((project / "data").glob("inspect_*"))
    database = project / "data" / ".decoded" / "cache.db"
    assert num_kept(database) == 64 * num_batches
    before = {path: path.stat().st_mtime_ns for path in mine.rglob("*")}
    done = run_command(project, "inspect", str(mine))
    assert done.returncode == 0, done.stderr
    assert num_kept(database) == 700
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
