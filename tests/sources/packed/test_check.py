"""Shards are checked while they are read."""

import contextlib
import gc
import os
import subprocess
import sys
import threading
import time
import weakref
from pathlib import Path

import numpy as np
import pytest

from spoonful.errors import SpoonfulError
from spoonful.generator import BatchGenerator
from spoonful.packing import pack
from spoonful.sources.array import ArraySource
from spoonful.sources.packed import check as packed_check
from spoonful.sources.packed.source import PackedSource

NUM = 300


@pytest.fixture(params=["raw", "jpeg"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (NUM, 16, 16, 3), dtype=np.uint8)
    source = ArraySource(images, np.arange(NUM) % 3)
    packed = pack(source, tmp_path / "store", encoding=request.param, order="class", shard_mb=0.05)
    assert len(packed.meta.shards) > 2
    return tmp_path / "store"


def flip(store: Path, number: int = 1) -> Path:
    """Flip a bit where no decoder notices; return the shard."""
    path = sorted(store.glob("images-*"))[number]
    content = bytearray(path.read_bytes())
    content[6] ^= 1
    path.write_bytes(content)
    return path


def threads() -> list[threading.Thread]:
    return [t for t in threading.enumerate() if t.name == "spoonful-check"]


def test_an_epoch_ends_with_an_error_that_names_the_shard(store: Path) -> None:
    path = flip(store)
    for read in (list, lambda g: [g[i] for i in range(len(g))] and g.on_epoch_end()):
        generator = BatchGenerator(PackedSource(store, loaded_mb=0), 8, num_threads=1)
        with pytest.raises(SpoonfulError, match="expected sha256 ") as caught:
            read(generator)
        assert str(path) in str(caught.value)
        assert "run `spoonful pack` again" in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_shard_damaged_after_it_was_checked_is_noticed_at_the_end(store: Path) -> None:
    generator = BatchGenerator(PackedSource(store, loaded_mb=0), 8, num_threads=1)
    stream = generator.stream()
    for step in range(len(generator)):
        stream[step]
    stream.finish_check()
    was_checked = stream.is_checked
    path = sorted(store.glob("images-*"))[1]
    os.utime(path, ns=(0, 0))
    stream.finish_check()  # only touched
    flip(store)
    with pytest.raises(packed_check.ShardChangedError, match="expected sha256") as caught:
        stream.finish_check()
    assert str(path) in str(caught.value)
    assert (was_checked, stream.is_checked) == (True, False)
    stream.close()


def test_a_stream_fails_as_a_read_does(store: Path) -> None:
    path = flip(store)
    stream = BatchGenerator(PackedSource(store, loaded_mb=0), 8).stream()
    deadline = time.monotonic() + 60

    def read_on() -> None:
        for step in range(1_000_000):
            stream[step]
            assert time.monotonic() < deadline

    with pytest.raises(SpoonfulError, match="expected sha256") as caught:
        read_on()
    assert str(path) in str(caught.value)
    stream.close()


def test_a_fit_on_a_stream_ends_with_what_the_check_finds(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import keras

    path = flip(store)
    is_awaited = threading.Event()
    work, finish = packed_check.ShardCheck._work, packed_check.ShardCheck.finish

    def late(self: packed_check.ShardCheck) -> None:
        is_awaited.wait(60)
        work(self)

    def awaited(self: packed_check.ShardCheck, limit_s: float) -> None:
        is_awaited.set()
        finish(self, limit_s)

    monkeypatch.setattr(packed_check.ShardCheck, "_work", late)
    monkeypatch.setattr(packed_check.ShardCheck, "finish", awaited)
    generator = BatchGenerator(PackedSource(store, loaded_mb=0), 50)
    stream = generator.stream()
    model = keras.Sequential([keras.layers.Flatten(), keras.layers.Dense(3)])
    model.compile("sgd", "mse")
    model.fit(stream, steps_per_epoch=len(generator) // 2, shuffle=False, verbose=0)
    assert not is_awaited.is_set()  # less than an epoch was served
    with pytest.raises(SpoonfulError, match="expected sha256 ") as caught:
        model.fit(stream, steps_per_epoch=len(generator), shuffle=False, verbose=0)
    assert str(path) in str(caught.value)


def test_it_is_off_where_it_is_not_wanted_and_needless_where_the_store_is_loaded(
    store: Path,
) -> None:
    path = flip(store, 0)
    for _ in range(2):
        generator = BatchGenerator(PackedSource(store, loaded_mb=0), 8, verify_shards=False)
        if store.joinpath("images-00000.npy").exists():  # Arrow needs its first bytes
            assert len(list(generator)) == len(generator)
    assert not threads()
    with pytest.raises(SpoonfulError, match="expected sha256") as caught:
        PackedSource(store).read([0])
    assert str(path) in str(caught.value)
    assert PackedSource(store).shard_check() is None


def test_a_store_is_checked_once_in_a_process(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = packed_check.ShardCheck._read

    def counted(self: packed_check.ShardCheck, *arguments: object) -> int:
        read.append(1)
        return original(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(packed_check.ShardCheck, "_read", counted)
    for _ in range(3):
        generator = BatchGenerator(PackedSource(store, loaded_mb=0), 8)
        for _ in range(2):
            list(generator)
    assert len(read) == 2 * len(PackedSource(store).meta.shards)  # content and end of each
    path = flip(store)
    with pytest.raises(SpoonfulError, match="expected sha256") as caught:
        list(BatchGenerator(PackedSource(store, loaded_mb=0), 8))
    assert str(path) in str(caught.value)


def test_the_check_ends_with_what_reads(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(self: object, descriptor: int, offset: int, buffer: memoryview) -> int:
        time.sleep(0.01)
        return 1

    monkeypatch.setattr(packed_check.ShardCheck, "_read", slow)
    generator = BatchGenerator(PackedSource(store, loaded_mb=0), 8, num_threads=0)
    generator[0]
    stream = generator.stream()
    stream[0]
    assert threads()
    del generator
    gc.collect()
    time.sleep(0.1)
    assert threads()  # the stream reads on
    stream.close()
    del stream
    gc.collect()
    deadline = time.monotonic() + 10
    while threads():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("is_damaged", [False, True])
def test_a_check_that_has_ended_is_freed_with_its_thread(store: Path, is_damaged: bool) -> None:
    if is_damaged:
        flip(store)
    source = PackedSource(store, loaded_mb=0)
    gc.collect()
    gc.disable()  # from Python 3.13 on, the stack of a thread is in memory as long as its object
    try:
        check = source.shard_check()
        assert check is not None
        check.begin()
        with pytest.raises(SpoonfulError) if is_damaged else contextlib.nullcontext():
            check.finish(10)
        kept = weakref.ref(check)
        del check, source
        deadline = time.monotonic() + 10
        while kept() is not None:
            assert time.monotonic() < deadline
            time.sleep(0.01)
    finally:
        gc.enable()


def test_waiting_for_a_disk_that_is_gone_has_a_limit(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = threading.Event()
    monkeypatch.setattr(packed_check.ShardCheck, "_read", lambda *a: int(gone.wait(60)) * 0)
    generator = BatchGenerator(PackedSource(store, loaded_mb=0), 8, read_timeout_s=0.5)
    with pytest.raises(SpoonfulError, match=r"images-00000.* within read_timeout_s=0.5: is the"):
        list(generator)
    gone.set()


ENDS = """
import sys, time
from spoonful.generator import BatchGenerator
from spoonful.sources.packed import check as packed_check
from spoonful.sources.packed.source import PackedSource

def slow(self, descriptor, offset, buffer):
    time.sleep(0.01)
    return 1
packed_check.ShardCheck._read = slow
generator = BatchGenerator(PackedSource(sys.argv[1], loaded_mb=0), 8)
generator[0]
print(time.monotonic())
"""


@pytest.mark.slow
@pytest.mark.parametrize("store", ["raw"], indirect=True)
def test_it_does_not_delay_the_end_of_the_process(store: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", ENDS, str(store)], capture_output=True, text=True, timeout=120
    )
    ended = time.monotonic()
    assert done.returncode == 0, done.stderr
    assert ended - float(done.stdout) < 60  # the check itself would never end
