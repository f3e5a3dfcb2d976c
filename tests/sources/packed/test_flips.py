"""A store of which a bit was flipped or a file cut short, read in a process that is watched."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spoonful.errors import SpoonfulError
from spoonful.order import Placement
from spoonful.packing import pack
from spoonful.sources.array import ArraySource
from spoonful.sources.packed import jpeg as packed_jpeg
from spoonful.sources.packed import reads as packed_reads
from spoonful.sources.packed import small as packed_small
from spoonful.sources.packed.source import PackedSource

NUM = 40
LIMIT_S = 200

# Reads every image, label and id of a store with one bit flipped at a time, and says of each
# flip that was served what was other than before.
FLIPS = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from spoonful.errors import SpoonfulError
from spoonful.sources.packed.source import PackedSource
import pyarrow

folder, loaded_mb, step = Path(sys.argv[1]), float(sys.argv[2]), int(sys.argv[3])

def everything():
    source = PackedSource(folder, loaded_mb=loaded_mb)
    check = source.shard_check()
    images = source.read(range(len(source))).tobytes()
    names = [source.example_id(i) for i in range(len(source))]
    found = images, source.labels.tolist(), names, source.class_names, source.meta
    if check is not None:
        check.begin()
        check.finish(10)
    return found

before = everything()
_, used = resource.getrlimit(resource.RLIMIT_AS)
size = int(Path("/proc/self/statm").read_text().split()[0]) * 4096
resource.setrlimit(resource.RLIMIT_AS, (size + (1 << 30), used))
num = refused = 0
for path in sorted(folder.iterdir()):
    content = path.read_bytes()
    for place in sorted({*range(0, len(content), step), *range(0, min(len(content), 300), 7)}):
        bit = (place * 7 + 3) % 8
        flipped = bytearray(content)
        flipped[place] ^= 1 << bit
        path.write_bytes(flipped)
        print(f"{path.name} {place} {bit}", file=sys.stderr, flush=True)
        signal.alarm(10)
        try:
            if everything() != before:
                sys.exit(f"served wrong: {path.name}, byte {place}, bit {bit}")
        except SpoonfulError as error:
            refused += 1
            if str(folder) not in str(error) or "\\n" in str(error):
                sys.exit(f"bad message: {path.name}, byte {place}, bit {bit}: {error}")
        signal.alarm(0)
        num += 1
    path.write_bytes(content)
assert everything() == before
print(num, refused)
"""


def make_store(folder: Path, encoding: str) -> Path:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (NUM, 8, 8, 3), dtype=np.uint8)
    source = ArraySource(images, rng.integers(0, 3, NUM), ["ant", "bee", "cow"])
    pack(source, folder, encoding=encoding, shard_mb=0.01)
    return folder


@pytest.mark.parametrize(
    ("encoding", "loaded_mb"),
    [
        ("raw", "0"),
        ("jpeg", "64"),
        *(pytest.param(*case, marks=pytest.mark.slow) for case in (("raw", "64"), ("jpeg", "0"))),
    ],
)
def test_a_flipped_bit_is_refused_or_changes_nothing(
    tmp_path: Path, encoding: str, loaded_mb: str
) -> None:
    folder = make_store(tmp_path / "store", encoding)
    done = subprocess.run(
        [sys.executable, "-c", FLIPS, str(folder), loaded_mb, "151"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-500:]
    num, refused = map(int, done.stdout.split())
    assert num > 200
    assert refused > 0.95 * num  # blanks of meta.json mean nothing


# Reads in a loop until it is refused; the parent cuts a shard short meanwhile.
LOOP = """
import os, sys, time
from pathlib import Path
from spoonful.errors import SpoonfulError
from spoonful.sources.packed.source import PackedSource
for number in range(20):
    source = PackedSource(Path(sys.argv[1]) / str(number), loaded_mb=0)
    source.read(range(len(source)))
    path = Path(sys.argv[1]) / str(number) / source.meta.shards[-1].name
    child = os.fork()
    if not child:
        try:
            while True:
                source.read(range(len(source)))
        except SpoonfulError as error:
            os._exit(7 if str(path) in str(error) else 8)
        except BaseException:
            os._exit(9)
    time.sleep(0.02 + number / 1000)
    os.truncate(path, 5000)
    _, status = os.waitpid(child, 0)
    print(os.waitstatus_to_exitcode(status))
"""


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_a_shard_cut_short_while_it_is_read_is_an_error(tmp_path: Path, encoding: str) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (300, 32, 32, 3), dtype=np.uint8)
    source = ArraySource(images, rng.integers(0, 3, 300))
    for number in range(20):
        pack(source, tmp_path / str(number), encoding=encoding, order="class", shard_mb=0.25)
    done = subprocess.run(
        [sys.executable, "-c", LOOP, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.stdout.split() == ["7"] * 20, done.stdout + done.stderr


# Reads a store until it is refused.
ENDLESS = """
import itertools, sys
import numpy as np
from spoonful.errors import SpoonfulError
from spoonful.sources.packed.source import PackedSource

source = PackedSource(sys.argv[1])
rng = np.random.default_rng(0)
try:
    for step in itertools.count():
        source.read(rng.integers(0, len(source), 32))
        if step == 40:
            print("reading", flush=True)
except SpoonfulError as error:
    print(error)
    sys.exit(7)
"""


def test_a_shard_of_photographs_cut_short_while_it_is_read_is_an_error(tmp_path: Path) -> None:
    images = np.zeros((470, 224, 224, 3), np.uint8)
    meta = pack(ArraySource(images, np.arange(470) % 3), tmp_path / "store").meta
    assert meta.num_bytes > 64 << 20  # it is not loaded
    shard = tmp_path / "store" / meta.shards[0].name
    with subprocess.Popen(
        [sys.executable, "-c", ENDLESS, str(tmp_path / "store")], stdout=subprocess.PIPE, text=True
    ) as reader:
        assert reader.stdout is not None
        assert reader.stdout.readline() == "reading\n"
        os.truncate(shard, 5000)
        message, _ = reader.communicate(timeout=LIMIT_S)
    assert reader.returncode == 7
    assert str(shard) in message


def test_a_jpeg_shard_cut_short_while_it_is_opened_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make_store(tmp_path / "store", "jpeg")
    source = PackedSource(folder, loaded_mb=0)
    shard = folder / source.meta.shards[-1].name

    def read_range(descriptor: int, offset: int, view: memoryview) -> None:
        packed_reads.read_range(descriptor, offset, view)
        os.truncate(shard, 400)  # behind the schema

    monkeypatch.setattr(packed_jpeg, "read_range", read_range)
    with pytest.raises(SpoonfulError, match="expected an Arrow file of") as caught:
        source.read(Placement(NUM).examples(np.array([NUM - 1])))
    assert str(shard) in str(caught.value)


def test_ids_cut_short_once_they_are_checked_are_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(packed_small, "_IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(sys.modules["spoonful.packing.pack"], "_IDS_A_BATCH", 16)
    folder = make_store(tmp_path / "store", "raw")
    source = PackedSource(folder)
    for index in (0, NUM - 1, 17, 16, 15):
        assert source.example_id(index) == f"example {index}"
    os.truncate(folder / "ids.arrow", 500)
    with pytest.raises(SpoonfulError, match="the id of example 39") as caught:
        source.example_id(NUM - 1)
    assert str(folder / "ids.arrow") in str(caught.value)
    assert source.example_id(15) == "example 15"  # of a part that is in memory
