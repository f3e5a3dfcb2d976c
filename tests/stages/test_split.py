"""`spoonful split`: of any folder, with leaks, killed at any moment, run twice at once."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.files.lock import locked
from spoonful.sources.folder import FolderSource
from spoonful.stages import fetch, pack, split
from spoonful.workflow.data import open_train_and_val
from tests.conftest import Spoonful
from tests.processes import ROOT

SMALL = ("dataset=folder", "dataset.path=mine", "dataset.image_size=[8,8]")


def fill(folder: Path, **counts: int) -> None:
    """Write different images into class folders; "_in_" in a name stands for "/"."""
    for name, count in counts.items():
        below = folder.joinpath(*reversed(name.split("_in_")))
        below.mkdir(parents=True, exist_ok=True)
        rng = np.random.default_rng(list(name.encode()))
        for number in range(count):
            image = rng.integers(0, 256, (8, 8, 3), dtype=np.uint8)
            cv2.imwrite(str(below / f"{number:03}.png"), image)


def splits_of(project: Path) -> dict[str, str]:
    """The split of each image, by class and file name."""
    paths = [p.relative_to(project / "data" / "split") for p in project.glob("data/split/*/*/*")]
    return {f"{path.parts[1]}/{path.name}": path.parts[0] for path in paths}


def fetched_and_split(*overrides: str) -> None:
    config = compose_config([*SMALL, *overrides])
    fetch.run(config)
    split.run(config)


def test_train_and_valid_are_splits_and_test_is_cut(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    fill(project / "mine", cat_in_train=12, dog_in_train=12, cat_in_valid=4, dog_in_valid=4)
    fill(project / "mine", __MACOSX=3)
    fetched_and_split()
    said = capsys.readouterr().out
    assert "val (folder valid); test: cut from train by `spoonful split`" in said
    assert "passed over: folders __MACOSX" in said
    assert said.splitlines()[-1] == "as the data gives them: train, val; cut from train: test"
    summary = json.loads((project / "data" / "split.json").read_text())
    assert summary["num_classes"] == 2
    assert summary["num_images"]["val"] == 8
    assert summary["num_images"]["train"] + summary["num_images"]["test"] == 24
    assert min(summary["num_images"].values()) >= 2


def test_files_that_come_and_go_leave_the_others_where_they_are(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    fill(project / "mine", cat_in_PetImages=60, dog_in_PetImages=59)
    fetched_and_split()
    before = splits_of(project)
    assert len(before) == 119
    for name in ("cat/003.png", "cat/040.png", "dog/017.png", "dog/058.png"):
        (project / "mine" / "PetImages" / name).unlink()
    fill(project / "mine", sheep_in_PetImages=9)
    fetched_and_split()
    after = splits_of(project)
    assert len(after) == 124
    assert sum(before[name] != after[name] for name in before.keys() & after.keys()) == 0


def test_leaks_of_given_splits_stop_or_are_warned_of(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    fill(project / "mine", cat_in_train=9, dog_in_train=9, cat_in_test=4, dog_in_test=4)
    one, other = project / "mine/train/cat/000.png", project / "mine/test/dog/000.png"
    other.write_bytes(one.read_bytes())
    with pytest.raises(SpoonfulError) as caught:
        fetched_and_split()
    assert str(caught.value).startswith("2 images that belong together (copies or groups) are in")
    assert "sets: train/test 1; data/leaks.csv lists all" in str(caught.value)
    assert f"  copies  train: {one}  test: {other}" in capsys.readouterr().err
    assert not (project / "data" / "split").exists()
    with (project / "data" / "leaks.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["path"] for row in rows} == {str(one), str(other)}
    split.run(compose_config([*SMALL, "dataset.on_leak=warn"]))
    assert "warning: 2 images that belong together" in capsys.readouterr().err
    split.run(compose_config([*SMALL, "dataset.copies=ignore"]))
    assert not (project / "data" / "leaks.csv").exists()
    groups = r'dataset.group="(\d\d)\.png"'
    with pytest.raises(SpoonfulError, match="16 images that belong together"):
        split.run(compose_config([*SMALL, "dataset.copies=ignore", groups]))
    assert "  group 03  " in capsys.readouterr().err


def test_groups_and_copies_stay_together(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    fill(project / "mine", cat=60, dog=60)
    (project / "mine" / "dog" / "copy.png").write_bytes(
        (project / "mine" / "cat" / "011.png").read_bytes()
    )
    fetched_and_split(r'dataset.group="0(\d)\d\.png"')
    found = splits_of(project)
    by_group: dict[str, set[str]] = {}
    for name, where in found.items():
        by_group.setdefault(name.split("/")[1][:2], set()).add(where)
    assert all(len(where) == 1 for where in by_group.values())
    assert found["dog/copy.png"] == found["cat/011.png"]
    assert "6 groups; 1 images in none, each by itself" in capsys.readouterr().out


def test_a_class_only_trained_on_is_a_class_of_every_split(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    fill(project / "mine", ant=2, cat=20, dog=20)
    with pytest.raises(SpoonfulError, match="'ant' has 2 images to divide, and needs 3"):
        fetched_and_split()
    settings = "dataset.small_classes=train_only"
    fetched_and_split(settings)
    assert "only in train: too small for all splits: ant (2)" in capsys.readouterr().out
    pack.run(compose_config([*SMALL, settings]))
    for how in ("source=packed", "source=folder"):
        train, val = open_train_and_val(compose_config([*SMALL, settings, how]))
        assert train.class_names == val.class_names == ("ant", "cat", "dog")
        assert set(np.asarray(train.labels).tolist()) == {0, 1, 2}
        assert set(np.asarray(val.labels).tolist()) == {1, 2}
    fetched_and_split("dataset.small_classes=drop")
    assert json.loads((project / "data" / "split.json").read_text())["num_dropped"] == {"ant": 2}
    assert FolderSource(project / "data/split/train", (8, 8)).class_names == ("cat", "dog")


def test_a_class_of_a_name_that_is_not_read_is_refused(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spoonful.datasets import RawImage

    monkeypatch.chdir(project)
    fetch.run(compose_config([]))
    config = compose_config([])
    raw = config.dataset.open_raw(project / "data" / "raw")
    raw.images = [RawImage(i.class_name.replace("7", ".7"), i.file_name) for i in raw.images]
    monkeypatch.setattr(type(config.dataset), "open_raw", lambda self, raw_dir: raw)
    with pytest.raises(SpoonfulError, match=r"class '\.7': a folder of this name is not read"):
        split.run(config)


def test_a_split_that_cannot_be_made_is_one_line(project: Path, spoonful: Spoonful) -> None:
    fill(project / "mine", train_in_cat=2, test_in_cat=2, train_in_dog=2)
    done = spoonful("fetch", *SMALL)
    assert (done.returncode, done.stdout) == (2, "")
    assert "cat holds test, train: expected the splits first" in done.stderr.splitlines()[-1]


def test_classes_of_any_name_are_harmless_in_tables_and_on_the_terminal(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    names = ["=cmd()", "-dash", "@at", "a\nb", "x\u202ey", "plain"]
    fill(project / "mine", **dict.fromkeys(names, 4))
    fetched_and_split()
    expected = ["'=cmd()", "'-dash", "'@at", r"a\nb", r"x\u202ey", "plain"]
    with (project / "data" / "split.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert {row["class"] for row in rows} == set(expected)
    assert sum(int(row["images"]) for row in rows) == 24
    shown = {line[:12].strip() for line in capsys.readouterr().out.splitlines()}
    assert {"=cmd()", "-dash", "@at", r"a\nb", r"x\u202ey", "plain"} <= shown


@pytest.mark.slow
def test_killed_at_each_of_its_steps_no_mixture_of_two_splits_is_believed(project: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.stages.kill_split_at_each_step", str(project)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    assert counts["steps"] > 25
    assert min(counts["old"], counts["new"], counts["refused"]) >= 1


def test_a_split_that_another_process_writes_is_one_line(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    config = compose_config([])
    fetch.run(config)
    with locked(Path("data/.split.lock"), "split"), pytest.raises(SpoonfulError) as caught:
        split.run(config)
    said = f"data/split is being written by process {os.getpid()}: wait until it is done"
    assert said in str(caught.value)
    assert not Path("data/split").exists()
