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

from spoonful.sources.folder import FolderSource
from spoonful.sources.packed import PackedSource
from spoonful.sources.packed_verify import verify
from spoonful.splitting import SPLITS

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]
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


@pytest.fixture
def split(project: Path) -> Path:
    """A project with data/split as `spoonful split` leaves it, of few digits."""
    rng = np.random.default_rng(0)
    for name, count in COUNTS.items():
        for number, image in enumerate(rng.integers(0, 256, (count, 8, 8), dtype=np.uint8)):
            path = project / "data" / "split" / name / str(number % 3) / f"digit-{number:04}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    settings = {"val_fraction": 0.1, "test_fraction": 0.2, "split_seed": 0}
    summary = {"dataset": "digits", "num_classes": 3, "num_images": COUNTS, "settings": settings}
    (project / "data" / "split.json").write_text(json.dumps(summary))
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
        "quality": 70,
        "chroma_subsampling": "444",
        "shard_mb": 256,
    }


@pytest.mark.slow
def test_packing_again_touches_only_what_changed(split: Path, spoonful: Spoonful) -> None:
    done(spoonful("pack"))
    first = files_of(split / "data" / "packed")
    image = next((split / "data" / "split" / "val").rglob("*.png"))
    image.write_bytes(next((split / "data" / "split" / "test").rglob("*.png")).read_bytes())
    lines = done(spoonful("pack")).splitlines()
    assert lines[0] == "train: up to date (210 images, 1 shard, 0.0 MiB)"
    assert "up to date" not in lines[1]
    assert lines[2].startswith("test: up to date")
    second = files_of(split / "data" / "packed")
    changed = {name for name in first if first[name] != second[name]}
    assert changed == {"val/images-00000.npy", "val/meta.json"}


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
    message = refused(spoonful("pack"))
    assert str(image) in message
    assert not (split / "data" / "packed" / "val").exists()
    assert not (split / "data" / "packed" / "test").exists()
    assert "data/packed/val/meta.json" in refused(spoonful("pack", "--verify"))
    image.write_bytes(content)
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
@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
@pytest.mark.parametrize("kill", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
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
    process = subprocess.Popen(
        [sys.executable, "-m", "spoonful", *command],
        cwd=split,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
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
