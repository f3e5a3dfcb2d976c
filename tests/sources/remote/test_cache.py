"""One cache for all processes of a machine: its limit, its sharing, and killed processes."""

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from spoonful import BatchGenerator, Cache, PackedSource, SpoonfulError
from spoonful.files.lock import locked, open_shared, try_lock_content
from spoonful.generator.plan import stored_order
from spoonful.sources.remote.cache import CacheFolder
from tests.conftest import CHECKOUT
from tests.sources.remote.conftest import NUM_EXAMPLES, Uploader, until
from tests.sources.remote.faulty import Faulty

pytestmark = pytest.mark.timeout(200)
GB = 1 << 30
MIB = 1 << 20


def num_bytes(cache: Path) -> int:
    """Bytes on the disk of all that was downloaded, unfinished downloads included.

    Meanwhile no file gets its final name or is removed: it would count twice, or both it and the
    one that takes its room.
    """
    sizes = []
    with locked(cache / "lock", "the cache is being counted", 60):
        for path in cache.rglob("*"):
            if path.suffix != ".room":
                with suppress(FileNotFoundError):
                    sizes.append(path.stat().st_blocks * 512 if path.is_file() else 0)
    return sum(sizes)


def start(address: str, cache: Path, max_gb: float = 1.0) -> "subprocess.Popen[str]":
    """Begin to read a split in a process of its own."""
    script = Path(__file__).with_name("reading.py")
    return subprocess.Popen(
        [sys.executable, str(script), address, str(cache), str(max_gb)],
        cwd=CHECKOUT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def sum_of(split: Path) -> int:
    return int(PackedSource(split / "raw").read(range(NUM_EXAMPLES)).sum())


def test_two_processes_on_a_cold_cache_download_each_shard_once(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path
) -> None:
    address = upload(split / "raw", "two")
    between.delay_s = 0.1
    between.break_down("slow", only="images-")
    readers = [start(address, tmp_path / "cache") for _ in range(2)]
    for reader in readers:
        out, err = reader.communicate(timeout=120)
        assert out.split() == ["opened", str(sum_of(split))], err
    shards = [file.name for file in PackedSource(split / "raw").meta.files]
    assert {name: between.num_gets(name) for name in shards} == dict.fromkeys(shards, 1)


@pytest.mark.parametrize("num_kills", [3])
def test_a_killed_download_leaves_no_bad_shard(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path, num_kills: int
) -> None:
    address, cache = upload(split / "raw", "killed"), tmp_path / "cache"
    shards = {file.sha256: file for file in PackedSource(split / "raw").meta.files}
    for number in range(num_kills):
        between.break_down("hang", only=f"images-0000{2 * number + 1}")
        reader = start(address, cache)
        until(
            lambda: any(
                path.name in shards and path.stat().st_size >= 0
                for path in (cache / "incoming").glob("?" * 64)
            ),
            "running download",
        )
        time.sleep(0.05 * number)
        os.kill(reader.pid, signal.SIGKILL)
        reader.communicate()
        between.break_down("")
        for path in cache.glob("?/*"):
            assert path.stat().st_size == shards[path.name].num_bytes
    reader = start(address, cache)
    out, err = reader.communicate(timeout=120)
    assert out.split() == ["opened", str(sum_of(split))], err
    CacheFolder(Cache(cache)).room.remove_leftovers()
    assert not list((cache / "incoming").iterdir())


def test_the_limit_holds_while_processes_read_more_than_it(
    split: Path, upload: Uploader, tmp_path: Path
) -> None:
    address, cache, max_bytes = upload(split / "raw", "limit"), tmp_path / "cache", 4.5 * MIB
    readers = [start(address, cache, max_bytes / GB) for _ in range(2)]
    most = 0
    while any(reader.poll() is None for reader in readers):
        if cache.is_dir():
            most = max(most, num_bytes(cache))
        time.sleep(0.02)
    for reader in readers:
        out, err = reader.communicate()
        assert out.split() == ["opened", str(sum_of(split))], err
    assert 3 * MIB < most <= max_bytes + 64 * 1024  # the folders, and blocks that are not full


def test_what_was_not_used_for_longest_is_removed_first(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path
) -> None:
    address = upload(split / "raw", "lru")
    source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache", 4.5 * MIB / GB))
    per_shard = source.meta.shards[0].num_examples

    def read(shard: int) -> None:
        source.read([shard * per_shard])
        source._images.files.remote.note_use(shard)  # type: ignore[attr-defined]

    for shard in (0, 1, 2, 0, 3, 4, 0):
        read(shard)
    between.gets.clear()
    read(0)
    read(4)
    assert not between.gets
    read(1)
    assert between.num_gets("images-00001") == 1


def test_a_file_that_is_read_is_not_removed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"content")
    descriptor = open_shared(path)
    assert descriptor is not None
    other = open_shared(path)
    assert other is not None
    assert try_lock_content(path) is None
    os.close(descriptor)
    assert try_lock_content(path) is None
    os.close(other)
    lock = try_lock_content(path)
    assert lock is not None
    assert open_shared(path) is None
    lock.release()
    assert open_shared(tmp_path / "none") is None


@pytest.mark.parametrize("is_removed", [False, True])
def test_a_file_that_is_locked_for_a_moment_is_waited_for(tmp_path: Path, is_removed: bool) -> None:
    # By the process that downloaded it, after it got its name, or by one that removes it.
    folder = CacheFolder(Cache(tmp_path))
    path = folder.place("ab")
    path.parent.mkdir()
    path.write_bytes(b"content")
    lock = try_lock_content(path)
    assert lock is not None

    def end() -> None:
        if is_removed:
            path.unlink()
        lock.release()

    threading.Timer(0.3, end).start()
    descriptor = folder.opened("ab", 7)
    assert (descriptor is None) == is_removed
    if descriptor is not None:
        os.close(descriptor)


def test_a_limit_below_what_a_step_needs_is_named(
    split: Path, upload: Uploader, tmp_path: Path
) -> None:
    address = upload(split / "raw", "small")
    source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache", 3.5 * MIB / GB))
    with pytest.raises(SpoonfulError, match=r"one read needs 10 files .*cache.max_gb=0.00342"):
        source.read(range(NUM_EXAMPLES))
    with pytest.raises(SpoonfulError, match=r"generator.shuffle=full: .*use shuffle=block"):
        BatchGenerator(source, 32, shuffle="full")
    with pytest.raises(SpoonfulError, match=r"generator.block_size=10: .*block_size=\d+ or more"):
        BatchGenerator(source, 32, shuffle="block", block_size=10)
    with pytest.raises(SpoonfulError, match=r"generator.window_blocks=16: .*fewer or smaller"):
        BatchGenerator(source, 32, shuffle="block", block_size=90)
    tiny = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "tiny", 0.5 * MIB / GB))
    with pytest.raises(SpoonfulError, match=r"give more than"):
        tiny.read([0])


@pytest.mark.parametrize(
    ("store", "shuffle"),
    [("raw", "block"), ("raw", "none"), ("raw", "buffer"), ("mixed", "block")],
)
def test_a_cache_smaller_than_the_data_serves_the_same_batches(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path, store: str, shuffle: str
) -> None:
    address = upload(split / store, f"part-{store}-{shuffle}")
    max_bytes = (6.5 if shuffle == "none" else 8.5) * MIB  # a buffer keeps some examples for long
    cache = Cache(tmp_path / "cache", max_bytes / GB)
    streams = [
        BatchGenerator(
            source,
            16,
            shuffle=shuffle,
            block_size=80,
            window_blocks=2,
            buffer_size=40,
            seed=3,
            prefetch_batches=4,
        ).stream()
        for source in (
            PackedSource(split / store, loaded_mb=0),
            PackedSource(address, loaded_mb=0, cache=cache),
        )
    ]
    num_steps = 3 * NUM_EXAMPLES // 16
    for step in range(num_steps):
        assert np.array_equal(streams[0][step][0], streams[1][step][0])
        assert num_bytes(tmp_path / "cache") <= max_bytes + 64 * 1024
    for stream in streams:
        stream.close()
    # With blocks of a shard each, about two shards are read for each, and each is downloaded once
    # for it; what is asked for ahead is not removed before it is read.
    num_shards = len(PackedSource(split / "raw").meta.shards)
    assert between.num_gets("images-") <= (3 if shuffle == "none" else 9) * num_shards + 5


def test_what_does_not_depend_on_the_order_reads_each_mixed_shard_once(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path
) -> None:
    address = upload(split / "mixed", "stored")
    max_bytes = 3.5 * MIB
    source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache", max_bytes / GB))
    generator = BatchGenerator(source, 16, order=stored_order(source), prefetch_batches=4)
    stream, seen = generator.stream(), list[int]()
    for step in range(len(generator)):
        seen.extend(generator.indices(step).tolist())
        assert np.array_equal(stream[step][0], source.read(generator.indices(step)))
    stream.close()
    assert sorted(seen) == list(range(NUM_EXAMPLES))
    shards = [file.name for file in source.meta.shards]
    assert len(shards) > 3
    # The next epoch's are also downloaded.
    assert {between.num_gets(name) for name in shards[3:]} == {1}


def test_shards_are_downloaded_before_they_are_read(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path
) -> None:
    address = upload(split / "raw", "ahead")
    source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache", 6.5 * MIB / GB))
    stream = BatchGenerator(source, 8, shuffle="none", prefetch_batches=2).stream()
    stream[0]
    until(lambda: between.num_gets("images-") >= 4, "download ahead of the first step")
    shards = [f"images-{number:05}" for number in range(10)]
    assert all(between.num_gets(name) for name in shards[:4])
    assert not between.num_gets(shards[9])  # it does not fit into the cache yet
    stream.close()


def test_a_forked_process_reads_with_downloads_of_its_own(
    split: Path, upload: Uploader, tmp_path: Path
) -> None:
    address = upload(split / "raw", "forked")
    source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache"))
    expected = PackedSource(split / "raw").read(range(NUM_EXAMPLES))
    assert np.array_equal(source.read(range(10)), expected[:10])
    child = os.fork()
    if child == 0:
        is_same = np.array_equal(source.read(range(NUM_EXAMPLES)), expected)
        os._exit(0 if is_same else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert np.array_equal(source.read(range(NUM_EXAMPLES)), expected)
