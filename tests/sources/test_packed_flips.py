"""A store of which a bit was flipped or a file cut short, read in a process that is watched."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spoonful.packing import pack
from spoonful.sources.array import ArraySource

NUM = 40
LIMIT_S = 200

# Reads every image, label and id of a store with one bit flipped at a time, and says of each
# flip that was served what was other than before.
FLIPS = """
import resource, signal, sys
from pathlib import Path
import numpy as np
from spoonful.errors import SpoonfulError
from spoonful.sources.packed import PackedSource
import pyarrow

folder, mapped_mb, step = Path(sys.argv[1]), eval(sys.argv[2]), int(sys.argv[3])

def everything():
    source = PackedSource(folder, mapped_mb=mapped_mb)
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
    pack(source, folder, encoding, shard_mb=0.01)
    return folder


@pytest.mark.parametrize("mapped_mb", ["None", "0"])
@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_a_flipped_bit_is_refused_or_changes_nothing(
    tmp_path: Path, encoding: str, mapped_mb: str
) -> None:
    folder = make_store(tmp_path / "store", encoding)
    done = subprocess.run(
        [sys.executable, "-c", FLIPS, str(folder), mapped_mb, "151"],
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
from spoonful.sources import packed
packed.LOADED_MB = 0
mapped_mb = float(sys.argv[2])
for number in range(20):
    source = packed.PackedSource(Path(sys.argv[1]) / str(number), mapped_mb=mapped_mb)
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
        pack(source, tmp_path / str(number), encoding, shard_mb=0.25)
    done = subprocess.run(
        [sys.executable, "-c", LOOP, str(tmp_path), "0"],
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.stdout.split() == ["7"] * 20, done.stdout + done.stderr
