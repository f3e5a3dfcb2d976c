"""What is left of the memory, with and without control groups."""

from pathlib import Path

import numpy as np
import pytest

from spoonful import ArraySource, PackedSource
from spoonful.packing import pack
from spoonful.sources.memory_room import memory_room
from spoonful.sources.packed import source as packed

GIB = 1 << 30
MEMINFO = "MemTotal:       9000000 kB\nMemAvailable:   4194304 kB\n"  # 4 GiB
STATUS = "Name:\tpython\nVmRSS:\t  1048576 kB\n"  # 1 GiB


def room(folder: Path, cgroup: str, files: dict[str, str]) -> int | None:
    """Lay out a system of these control groups and ask."""
    files = {"proc/meminfo": MEMINFO, "proc/self/status": STATUS, **files}
    if cgroup:
        files["proc/self/cgroup"] = cgroup
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return memory_room(folder / "proc", folder / "groups")


@pytest.mark.parametrize(
    ("cgroup", "files", "expected"),
    [
        ("", {}, 4 * GIB),
        ("0::/a/b\n", {}, 4 * GIB),
        ("0::/a/b\n", {"groups/a/b/memory.max": "max\n"}, 4 * GIB),
        ("0::/a/b\n", {"groups/a/b/memory.max": f"{3 * GIB}\n"}, 2 * GIB),
        (
            "0::/a/b\n",
            {"groups/a/b/memory.max": "max\n", "groups/a/memory.max": f"{2 * GIB}\n"},
            1 * GIB,
        ),
        ("0::/\n", {"groups/memory.max": f"{3 * GIB}\n"}, 2 * GIB),
        ("0::/\n", {"groups/memory.max": f"{GIB // 2}\n"}, 0),
        (
            "9:name=systemd:/\n4:cpu,memory:/a\n0::/\n",
            {"groups/memory/a/memory.stat": f"cache 7\nhierarchical_memory_limit {3 * GIB}\n"},
            2 * GIB,
        ),
        # In a container the path is often that outside of it.
        (
            "4:memory:/docker/0123\n",
            {"groups/memory/memory.stat": f"hierarchical_memory_limit {3 * GIB}\n"},
            2 * GIB,
        ),
        ("4:memory:/a\n", {"groups/memory/a/memory.stat": "nothing of it\n"}, 4 * GIB),
        ("no such line\n", {}, 4 * GIB),
    ],
)
def test_the_least_of_all_limits_counts(
    tmp_path: Path, cgroup: str, files: dict[str, str], expected: int
) -> None:
    assert room(tmp_path, cgroup, files) == expected


def test_a_system_that_says_nothing_is_no_limit(tmp_path: Path) -> None:
    assert memory_room(tmp_path, tmp_path) is None
    assert room(tmp_path, "", {"proc/meminfo": "MemTotal: 5 kB\n"}) is None


def test_this_system_says_something() -> None:
    if not Path("/proc/meminfo").exists():
        pytest.skip("only Linux tells")
    assert (memory_room() or 0) > 0


@pytest.mark.parametrize(("room_bytes", "released"), [(None, 0), (10**9, 0), (1000, 3)])
@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_only_a_store_beyond_memory_is_released(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    encoding: str,
    room_bytes: int | None,
    released: int,
) -> None:
    images = np.zeros((60, 8, 8, 3), np.uint8)
    pack(ArraySource(images, np.arange(60) % 3), tmp_path / "s", encoding=encoding, shard_mb=0.006)
    monkeypatch.setattr(packed, "memory_room", lambda: room_bytes)
    source = PackedSource(tmp_path / "s")
    told: list[tuple[int, int, int]] = []
    monkeypatch.setattr(source._images.files, "will_not_need", lambda *place: told.append(place))
    assert len(source.meta.shards) > 4
    per_shard = source.meta.shards[0].num_examples
    source.release(0, 2 * per_shard + 1)
    source.release(5, 5)
    assert len(told) == released
    assert [shard for shard, _, _ in told] == list(range(released))
    assert np.array_equal(source.read(range(60)), PackedSource(tmp_path / "s").read(range(60)))
