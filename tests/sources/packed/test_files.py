import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from spoonful.packing import pack
from spoonful.sources.array import ArraySource
from spoonful.sources.packed.files import distinct

NUM_EXAMPLES = 300
LIMITED = """
import resource, sys
import numpy as np
from spoonful.errors import SpoonfulError
from spoonful.sources.packed.source import PackedSource

folder, limit, raised = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
resource.setrlimit(resource.RLIMIT_NOFILE, (limit, raised))
source = PackedSource(folder, loaded_mb=float(sys.argv[4]))
try:
    print(source.read(range(len(source)))[:, 0, 0, 0].tolist() == [i % 251 for i in range(300)])
except SpoonfulError as error:
    print(error)
"""


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store of 300 shards with one example each."""
    folder = tmp_path_factory.mktemp("many")
    images = np.zeros((NUM_EXAMPLES, 30, 30, 3), np.uint8)
    images[:, 0, 0, 0] = np.arange(NUM_EXAMPLES) % 251
    source = ArraySource(images, np.arange(NUM_EXAMPLES) % 2)
    meta = pack(source, folder / "store", shard_mb=0.0065).meta
    assert len(meta.shards) == NUM_EXAMPLES
    return folder / "store"


def read_with_limits(many: Path, *limits: int, loaded_mb: int) -> str:
    arguments = [str(many), *map(str, limits), str(loaded_mb)]
    return subprocess.run(
        [sys.executable, "-c", LIMITED, *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.mark.parametrize("loaded_mb", [0, 64])
def test_more_shards_than_the_limit_of_open_files_are_read(many: Path, loaded_mb: int) -> None:
    assert read_with_limits(many, 290, 2000, loaded_mb=loaded_mb) == "True"


def test_too_many_shards_for_the_system_are_one_line(many: Path) -> None:
    message = read_with_limits(many, 290, 290, loaded_mb=0)
    assert "\n" not in message
    assert "images-00" in message
    assert "Too many open files" in message
    assert "allow more open files" in message


def test_distinct_numbers_come_once_and_in_order() -> None:
    assert distinct(np.array([5, 0, 5, 2, 0])) == [0, 2, 5]
    assert distinct(np.array([], dtype=np.int64)) == []
