"""Storage that answers slowly, or not at all: opening a file waits below our code."""

import os
import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful import BatchGenerator, FolderSource, PackedSource
from spoonful.errors import SpoonfulError
from spoonful.generator.reading_threads import MAX_READS
from spoonful.packing import pack
from spoonful.sources.storage_wait import num_preempted
from tests.generator.test_lookahead import read_all

NUM_FILES = 96
BATCH = 8
WAIT_S = 30.0
_real_open = os.open


class Storage:
    """Takes the place of os.open: waits where it is told to, and counts who waits at a time."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._lock = threading.Lock()
        self._num_open = 0
        self.delay_s = 0.0
        self.stuck: dict[str, threading.Event] = {}
        self.opened: Counter[str] = Counter()
        self.most_open = 0

    def open(self, path: Any, *flags: Any, **more: Any) -> int:
        name = os.fspath(path)
        if not isinstance(name, str) or not name.startswith(self._root):
            return _real_open(path, *flags, **more)
        with self._lock:
            self.opened[Path(name).name] += 1
            self._num_open += 1
            self.most_open = max(self.most_open, self._num_open)
        try:
            if gate := self.stuck.get(Path(name).name):
                assert gate.wait(WAIT_S)
            time.sleep(self.delay_s)
            return _real_open(path, *flags, **more)
        finally:
            with self._lock:
                self._num_open -= 1


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("slow")
    rng = np.random.default_rng(0)
    for number in range(NUM_FILES):
        path = folder / "ab"[number % 2] / f"{number:03}.png"
        path.parent.mkdir(exist_ok=True)
        cv2.imwrite(str(path), rng.integers(0, 256, (6, 6, 3), dtype=np.uint8))
    return folder


@pytest.fixture
def storage(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Storage]:
    slow = Storage(root)
    monkeypatch.setattr(os, "open", slow.open)
    yield slow
    for gate in slow.stuck.values():
        gate.set()
    deadline = time.monotonic() + WAIT_S
    while any(thread.name == "spoonful-reader" for thread in threading.enumerate()):
        assert time.monotonic() < deadline, "a reading thread is left"
        time.sleep(0.01)


def generator_of(root: Path, **changed: Any) -> BatchGenerator:
    return BatchGenerator(FolderSource(root, (6, 6)), BATCH, **{"shuffle": "none", **changed})


def until(is_true: Any, what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not is_true():
        assert time.monotonic() < deadline, what
        time.sleep(0.01)


def test_many_reads_are_under_way_where_each_waits(root: Path, storage: Storage) -> None:
    storage.delay_s = 0.01
    stream = generator_of(root, shuffle="full").stream()
    step = 0
    while storage.most_open < 8:
        assert step < 1000, f"{storage.most_open} files were opened at a time"
        stream[step]
        step += 1
    assert 8 <= stream.take_most_threads() <= MAX_READS
    stream.close()


def test_no_more_reads_are_under_way_than_allowed(
    root: Path, storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spoonful.generator.limits.MAX_READS", 5)
    storage.delay_s = 0.005
    generator = generator_of(root, shuffle="full")
    assert generator.limits.max_threads == 5
    stream = generator.stream()
    for step in range(60):
        stream[step]
    assert 3 <= storage.most_open <= 5
    assert stream.take_most_threads() <= 5
    stream.close()


def test_a_number_that_is_given_is_kept(root: Path, storage: Storage) -> None:
    storage.delay_s = 0.002
    stream = generator_of(root, num_threads=2).stream()
    for step in range(24):
        stream[step]
    assert storage.most_open <= 2
    stream.close()


def test_a_stuck_read_delays_no_batch_before_it_and_the_rest_is_read(
    root: Path, storage: Storage
) -> None:
    generator = generator_of(root)
    name = generator.source.example_id(5 * BATCH + 3).split("/")[1]
    storage.stuck[name] = threading.Event()
    stream = generator.stream()
    for step in range(5):  # also those that were planned in one chunk with the stuck one
        x, _ = stream[step]
        assert x.tobytes() == generator.batch(step)[0].tobytes()
    later = {
        generator.source.example_id(index).split("/")[1] for index in range(6 * BATCH, 10 * BATCH)
    }
    outcome: list[Any] = []
    asking = threading.Thread(target=lambda: outcome.append(stream[5]))
    asking.start()
    until(lambda: later <= set(storage.opened), "the batches after the stuck one are not read")
    assert not outcome
    storage.stuck.pop(name).set()
    asking.join(WAIT_S)
    assert outcome[0][0].tobytes() == generator.batch(5)[0].tobytes()
    assert stream[6][0].tobytes() == generator.batch(6)[0].tobytes()
    stream.close()


def test_a_read_that_stays_stuck_is_named_and_ends_no_other_batch(
    root: Path, storage: Storage
) -> None:
    generator = generator_of(root, read_timeout_s=1.0)
    name = generator.source.example_id(3 * BATCH).split("/")[1]
    storage.stuck[name] = threading.Event()
    stream = generator.stream()
    for step in range(3):
        stream[step]
    words = rf"\(step 3\) was not read within read_timeout_s=1 \(images .*{name}"
    with pytest.raises(SpoonfulError, match=words):
        stream[3]
    # It is still stuck, longer than the limit, and the others are served.
    assert stream[4][0].tobytes() == generator.batch(4)[0].tobytes()
    stream.close()


@settings(deadline=None, derandomize=True, max_examples=12)
@given(
    delay_s=st.sampled_from([0.0, 0.0005, 0.002]),
    shuffle=st.sampled_from(["none", "full", "block"]),
    start=st.integers(0, 20),
    encoding=st.sampled_from(["files", "raw", "jpeg"]),
)
def test_the_number_of_reads_changes_no_byte(
    stores: dict[str, Any], delay_s: float, shuffle: str, start: int, encoding: str
) -> None:
    """With waits that come and go, from one thread to many and back."""
    source = stores[encoding]()
    many = BatchGenerator(source, BATCH, shuffle=shuffle, seed=start)
    one = BatchGenerator(source, BATCH, shuffle=shuffle, seed=start, num_threads=0)
    stream = many.stream(start)
    for step in range(start, start + 30):
        for _ in range(8):
            source.storage_wait.note(num_preempted(), 1.0 if delay_s and step % 3 else 0.0)
        time.sleep(delay_s)
        assert np.array_equal(many.indices(step), one.indices(step))
        for found, expected in zip(stream[step - start], one.batch(step), strict=True):
            assert found.tobytes() == expected.tobytes()
    stream.close()


@pytest.fixture(scope="module")
def stores(root: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("packed")
    for encoding in ("raw", "jpeg"):
        pack(FolderSource(root, (6, 6)), folder / encoding, encoding=encoding)
    return {
        "files": lambda: FolderSource(root, (6, 6)),
        "raw": lambda: PackedSource(folder / "raw", loaded_mb=0),
        "jpeg": lambda: PackedSource(folder / "jpeg", loaded_mb=0),
    }


def test_an_error_among_many_reads_names_its_file(root: Path, storage: Storage) -> None:
    storage.delay_s = 0.005
    generator = generator_of(root, shuffle="full")
    stream = generator.stream()
    step = 0
    while storage.most_open < 8:
        stream[step]
        step += 1
    batch = generator.indices(step + 60)
    broken = generator.source.example_id(int(batch[3]))
    path, hidden = root / broken, root / "hidden"
    path.rename(hidden)
    try:
        with pytest.raises(SpoonfulError, match=f"cannot be read: .*{path}.*images {broken}"):
            read_all(stream, step, step + 61)
    finally:
        hidden.rename(path)
    stream.close()


@pytest.mark.slow
def test_a_process_with_a_stuck_read_ends(root: Path) -> None:
    script = f"""
    import os, threading
    from spoonful import BatchGenerator, FolderSource
    real, never = os.open, threading.Event()
    def stuck(path, *more, **most):
        if str(path).endswith("050.png"):
            never.wait()
        return real(path, *more, **most)
    os.open = stuck
    stream = BatchGenerator(FolderSource({str(root)!r}, (6, 6)), 8, shuffle="none").stream()
    for step in range(3):
        stream[step]
    print("served", flush=True)
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script)], capture_output=True, text=True, timeout=120
    )
    assert done.stdout == "served\n"
    assert done.returncode == 0, done.stderr
