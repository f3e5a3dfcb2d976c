"""A packed split in a real S3 server gives what the same split on the disk gives."""

from pathlib import Path

import numpy as np
import pytest

from spoonful import BatchGenerator, Cache, PackedSource
from tests.sources.remote.conftest import NUM_EXAMPLES, Uploader
from tests.sources.remote.faulty import Faulty

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("encoding", ["raw", "jpeg", "mixed"])
@pytest.mark.parametrize("loaded_mb", [0.0, 64.0])
def test_a_split_in_a_store_is_the_one_on_the_disk(
    split: Path, upload: Uploader, tmp_path: Path, encoding: str, loaded_mb: float
) -> None:
    address = upload(split / encoding, encoding)
    local = PackedSource(split / encoding, loaded_mb=loaded_mb)
    remote = PackedSource(address, loaded_mb=loaded_mb, cache=Cache(tmp_path / "cache"))
    assert remote.fingerprint == local.fingerprint
    assert remote.path == address
    assert np.array_equal(remote.labels, local.labels)
    assert remote.example_id(7) == local.example_id(7)
    indices = np.random.default_rng(1).permutation(NUM_EXAMPLES)
    assert np.array_equal(remote.read(indices), local.read(indices))
    for shuffle in ("full", "block", "none"):
        generators = [
            BatchGenerator(source, 32, shuffle=shuffle, block_size=50, window_blocks=3, seed=3)
            for source in (local, remote)
        ]
        assert [one.digest(step) for step in range(30) for one in generators[:1]] == [
            one.digest(step) for step in range(30) for one in generators[1:]
        ]
        assert generators[0].state(7) == generators[1].state(7)
        streams = [one.stream(start_step=20) for one in generators]
        for index in range(20):
            (x, y), (other_x, other_y) = streams[0][index], streams[1][index]
            assert np.array_equal(x, other_x)
            assert np.array_equal(y, other_y)
        for stream in streams:
            stream.close()


def test_a_shard_is_downloaded_once(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path
) -> None:
    address = upload(split / "raw", "once")
    for _ in range(2):
        source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache"))
        source.read(range(NUM_EXAMPLES))
        generator = BatchGenerator(source, 32, shuffle="full")
        for _ in generator:
            pass
    shards = [file.name for file in source.meta.shards]
    assert [between.num_gets(name) for name in shards] == [1] * len(shards)
