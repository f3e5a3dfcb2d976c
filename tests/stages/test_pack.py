import hashlib
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.sources.folder import FolderSource
from spoonful.sources.packed.source import PackedSource
from spoonful.sources.packed.verify import verify
from spoonful.splitting import SPLITS
from spoonful.stages import pack
from spoonful.workflow.data import open_train_and_val
from spoonful.workflow.split_files import split_settings, write_list
from tests.processes import ForkedSpoonful, command_environment

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
SETTINGS = split_settings(compose_config([]))
COUNTS = {"train": 210, "val": 40, "test": 50}
# 300 images of 250 kB in shards of 1 MiB: long enough to be killed in the middle.
LARGE = ("dataset.image_size=[500,500]", "pack.shard_mb=1")


def files_of(folder: Path) -> dict[str, bytes]:
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in paths}


def done(result: "subprocess.CompletedProcess[str]") -> str:
    assert result.returncode == 0, result.stderr
    assert result.stderr == ""
    return result.stdout


def refused(result: "subprocess.CompletedProcess[str]") -> str:
    assert (result.returncode, result.stderr.count("\n")) == (2, 1), result.stderr
    assert result.stderr.startswith("spoonful: ")
    return result.stderr


def note_files(project: Path) -> None:
    """Make the files of data/split those that `spoonful split` put there."""
    folder = project / "data" / "split"
    paths = sorted(folder.rglob("*.png"))
    shas = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
    names = [path.relative_to(folder).as_posix() for path in paths]
    summary = {
        "dataset": "digits",
        "num_classes": 3,
        "num_images": COUNTS,
        "digest": "d",
        "data_digest": "d",
        "files_sha256": write_list(folder, zip(names, shas, strict=True)),
        "settings": SETTINGS,
    }
    (project / "data" / "split.json").write_text(json.dumps(summary))


@pytest.fixture
def split(project: Path) -> Path:
    """A project with data/split as `spoonful split` leaves it, of few digits."""
    rng = np.random.default_rng(0)
    for name, count in COUNTS.items():
        for number, image in enumerate(rng.integers(0, 256, (count, 8, 8), dtype=np.uint8)):
            path = project / "data" / "split" / name / str(number % 3) / f"digit-{number:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    note_files(project)
    return project


def test_the_packed_splits_serve_what_the_folders_serve(split: Path, spoonful: Spoonful) -> None:
    lines = done(spoonful("pack")).splitlines()
    assert [line.split(":")[0] for line in lines] == list(SPLITS)
    assert lines[0].startswith("train: 210 images, 1 shard, 0.0 MiB, ")
    summary = json.loads((split / "data" / "split.json").read_text())
    for name in SPLITS:
        folder = FolderSource(split / "data" / "split" / name, (8, 8), 1)
        packed = PackedSource(split / "data" / "packed" / name)
        every = range(len(folder))
        assert np.array_equal(packed.read(every), folder.read(every))
        assert packed.labels.tolist() == folder.labels.tolist()
        assert [packed.example_id(i) for i in every] == folder.ids
        assert packed.meta.split_summary == summary
        assert packed.meta.source_fingerprint == folder.fingerprint


@pytest.mark.slow
def test_the_config_reaches_the_store(split: Path, spoonful: Spoonful) -> None:
    size = ("dataset.image_size=[10,16]", "dataset.num_channels=3")
    jpeg = ("pack=jpeg", "pack.quality=70", "pack.chroma_subsampling=444", "pack.num_threads=1")
    for resize in ("stretch", "fit", "crop"):
        done(spoonful("pack", *size, f"dataset.resize={resize}"))
        folder = FolderSource(split / "data" / "split" / "val", (10, 16), 3, resize)
        packed = PackedSource(split / "data" / "packed" / "val")
        assert np.array_equal(packed.read([0, 39]), folder.read([0, 39]))
    done(spoonful("pack", *size, *jpeg))
    meta = PackedSource(split / "data" / "packed" / "val").meta
    assert (meta.encoding, meta.image_shape) == ("jpeg", (10, 16, 3))
    assert meta.settings == {
        "resize": "stretch",
        "background": [255, 255, 255],
        "quality": 70,
        "chroma_subsampling": "444",
        "shard_mb": 256,
    }


def some_image(split: Path, name: str) -> Path:
    return sorted((split / "data" / "split" / name).rglob("*.png"))[3]


def test_an_image_that_changed_went_or_came_since_the_split_is_named(
    split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(split)
    config = compose_config([])
    pack.run(config)
    changed, gone = some_image(split, "val"), some_image(split, "test")
    content = changed.read_bytes()
    changed.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    with pytest.raises(SpoonfulError) as caught:
        pack.run(config)
    name = changed.relative_to(split / "data" / "split" / "val").as_posix()
    assert str(caught.value) == (
        "data/split/val: expected the 40 images that `spoonful split` put there, found changed: "
        f"{name}; run `spoonful split` again"
    )
    changed.write_bytes(content)
    gone.unlink()
    added = gone.with_name("added.png")
    added.write_bytes(content)
    for number in range(5):
        added.with_name(f"more-{number}.png").write_bytes(content)
    with pytest.raises(SpoonfulError) as caught:
        pack.run(config)
    folder = gone.parent.name
    assert f"found missing: {folder}/{gone.name}; not of the split: " in str(caught.value)
    assert f"{folder}/added.png, {folder}/more-0.png, {folder}/more-1.png and 3 more; " in str(
        caught.value
    )


def test_training_from_the_files_asks_for_the_same_files(
    split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(split)
    config = compose_config(["source=folder"])
    assert len(open_train_and_val(config)[0]) == COUNTS["train"]
    some_image(split, "train").unlink()
    with pytest.raises(
        SpoonfulError, match=r"data/split/train: expected the 210 images .* missing"
    ):
        open_train_and_val(config)


def test_a_split_that_says_another_number_than_it_lists_is_refused(
    split: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(split)
    config = compose_config([])
    pack.run(config)
    path = split / "data" / "split.json"
    path.write_text(path.read_text().replace('"val": 40', '"val": 41'))
    with pytest.raises(SpoonfulError, match=r"split.json: expected num_images.val to be 40, as"):
        pack.run(config)
    with pytest.raises(SpoonfulError, match="the split, which has been made again since"):
        open_train_and_val(config)


@pytest.mark.slow
def test_another_split_than_configured_is_refused(split: Path, spoonful: Spoonful) -> None:
    message = refused(spoonful("pack", "dataset.split_seed=1"))
    assert "split_seed (config 1, split 0)" in message
    assert not (split / "data" / "packed").exists()


@pytest.mark.slow
def test_an_unreadable_image_is_named_and_nothing_is_left_that_looks_whole(
    split: Path, spoonful: Spoonful
) -> None:
    image = sorted((split / "data" / "split" / "val").rglob("*.png"))[30]
    content = image.read_bytes()
    image.write_bytes(b"no image")
    note_files(split)
    message = refused(spoonful("pack"))
    assert str(image) in message
    assert not (split / "data" / "packed" / "val").exists()
    assert not (split / "data" / "packed" / "test").exists()
    assert "data/packed/val/meta.json" in refused(spoonful("pack", "--verify"))
    image.write_bytes(content)
    note_files(split)
    done(spoonful("pack"))
    done(spoonful("pack", "--verify"))


@pytest.mark.slow
def test_verify_tells_of_each_split_or_of_the_first_wrong_file(
    split: Path, spoonful: Spoonful
) -> None:
    assert "data/packed/train/meta.json" in refused(spoonful("pack", "--verify"))
    done(spoonful("pack"))
    lines = done(spoonful("pack", "--verify")).splitlines()
    assert lines[1] == "val: 40 images, 1 shard, 0.0 MiB, every byte as it was packed"
    assert [line.split(":")[0] for line in lines] == list(SPLITS)
    path = split / "data" / "packed" / "val" / "images-00000.npy"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    result = spoonful("pack", "--verify")
    assert result.stdout.startswith("train: ")
    assert f"spoonful: {path}: expected sha256 " in refused(result)
    path.unlink()
    assert f"{path}: expected {len(content)} bytes, found no such file" in refused(
        spoonful("pack", "--verify")
    )


@pytest.mark.slow
def test_a_terminal_shows_speed_and_time_left(split: Path) -> None:
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 100))
    command = [sys.executable, "-m", "spoonful", "pack", *LARGE]
    process = subprocess.Popen(command, cwd=split, stdout=subprocess.DEVNULL, stderr=theirs)
    os.close(theirs)
    shown = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        shown += part
    os.close(ours)
    assert process.wait(timeout=60) == 0
    text = shown.decode()
    assert "pack train" in text
    assert "/300" in text
    assert " images/s" in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("encoding", "kill"),
    [
        ("raw", signal.SIGKILL),
        ("jpeg", signal.SIGKILL),
        ("raw", signal.SIGTERM),
        ("jpeg", signal.SIGINT),
    ],
)
def test_a_killed_process_is_gone_on_with_to_the_same_bytes(
    split: Path, spoonful: Spoonful, encoding: str, kill: signal.Signals
) -> None:
    command = ("pack", f"pack={encoding}", *LARGE)
    packed = split / "data" / "packed"
    done(spoonful(*command))
    expected = files_of(packed)
    for old in (False, True):  # an older store is there the second time
        if old:
            done(spoonful("pack"))
        else:
            shutil.rmtree(packed)
        small = files_of(packed) if old else {}
        reached = []
        for shards in (1, 5, 20):
            reached.append(kill_when(split, command, kill, shards))
            for name in SPLITS:
                found = files_of(packed / name) if (packed / name).exists() else {}
                one = {n.partition("/")[2]: c for n, c in expected.items() if n.startswith(name)}
                before = {n.partition("/")[2]: c for n, c in small.items() if n.startswith(name)}
                assert found in ({}, one, before)
                if found:
                    verify(packed / name)
        assert any(reached)
        done(spoonful(*command))
        assert files_of(packed) == expected


def kill_when(split: Path, command: tuple[str, ...], kill: signal.Signals, shards: int) -> bool:
    """Kill a run once so many shards of train are finished; tell whether it was in time."""
    process = ForkedSpoonful(command, split, command_environment())
    partial = split / "data" / "packed" / ".train.partial"
    while process.poll() is None:
        if len(list(partial.glob("images-*.json"))) >= shards:
            break
        time.sleep(0.002)
    process.send_signal(kill)
    _, error = process.communicate(timeout=60)
    was_killed = process.returncode != 0
    codes = {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}
    assert process.returncode in (0, codes[kill])
    assert "Traceback" not in error
    return was_killed
