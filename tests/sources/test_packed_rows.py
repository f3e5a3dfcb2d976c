"""Rows of many files as one array."""

import os
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spoonful import ArraySource, PackedSource
from spoonful.packing import pack
from spoonful.sources import packed_raw
from spoonful.sources.packed_rows import map_rows


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    row_bytes=st.integers(1, 9000),
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=5),
    start=st.sampled_from([0, 128, 4096]),
    seed=st.integers(0, 99),
)
def test_each_row_is_found(
    tmp_path: Path, row_bytes: int, counts: list[int], start: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    files = [rng.integers(0, 256, (count, row_bytes), np.uint8) for count in counts]
    with ExitStack() as stack:
        numbers = []
        for place, rows in enumerate(files):
            (tmp_path / str(place)).write_bytes(bytes(start) + rows.tobytes())
            numbers.append(os.open(tmp_path / str(place), os.O_RDONLY))
            stack.callback(os.close, numbers[-1])
        mapped = map_rows(numbers, start, row_bytes)
    assert not mapped.rows.flags.writeable
    for first, rows in zip(mapped.first_rows, files, strict=True):
        assert np.array_equal(mapped.rows[first : first + len(rows)], rows)


def test_all_addresses_are_given_back(tmp_path: Path) -> None:
    def num_maps() -> int:
        return Path("/proc/self/maps").read_text().count(str(tmp_path))

    if not Path("/proc/self/maps").exists():
        pytest.skip("only Linux tells")
    path = tmp_path / "rows"
    path.write_bytes(bytes(10_000))
    number = os.open(path, os.O_RDONLY)
    mapped = map_rows([number, number], 0, 10)
    os.close(number)
    assert num_maps() == 2
    del mapped
    assert num_maps() == 0


def test_a_store_that_cannot_be_mapped_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*arguments: object) -> None:
        raise OSError("no addresses")

    images = np.random.default_rng(0).integers(0, 256, (30, 8, 8, 3), np.uint8)
    pack(ArraySource(images, np.arange(30) % 3), tmp_path / "store", shard_mb=0.01)
    monkeypatch.setattr(packed_raw, "map_rows", refused)
    monkeypatch.setattr("spoonful.sources.packed.LOADED_MB", 0)
    source = PackedSource(tmp_path / "store", mapped_mb=64)
    for _ in range(2):
        assert np.array_equal(source.read(range(30)), images)
