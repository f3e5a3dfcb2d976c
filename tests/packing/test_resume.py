import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.order import Placement
from spoonful.packing import pack
from spoonful.packing.partial import PLAN_NAME, partial_store
from spoonful.packing.plan import make_plan
from spoonful.sources import Source
from spoonful.sources.array import ArraySource
from spoonful.sources.packed.source import PackedSource
from tests.processes import ROOT

NUM_EXAMPLES = 400
OPTIONS: dict[str, dict[str, Any]] = {
    "raw": {"encoding": "raw", "shard_mb": 0.008},  # 46 examples a shard
    "jpeg": {"encoding": "jpeg", "shard_mb": 0.02},  # about 26
}


def places_of(indices: Sequence[int] | NDArray[Any]) -> list[int]:
    """Where packing places these examples."""
    return [int(place) for place in Placement(NUM_EXAMPLES).places(np.asarray(indices))]


class Failing(ArraySource):
    """Raises when the example for a place is asked for, and notes which places were."""

    asked: set[int]
    fails_at: int | None = None
    error: BaseException = KeyboardInterrupt()

    def read_into(self, indices: Sequence[int] | NDArray[Any], images: NDArray[np.uint8]) -> None:
        places = places_of(indices)
        self.asked.update(places)
        if self.fails_at in places:
            raise self.error
        super().read_into(indices, images)


def failing_source(seed: int = 0) -> Failing:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (NUM_EXAMPLES, 6, 5, 3), dtype=np.uint8)
    source = Failing(images, rng.integers(0, 3, NUM_EXAMPLES), ["ant", "bee", "cow"])
    source.asked = set()
    return source


@pytest.fixture(autouse=True)
def small_units(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spoonful.packing.pipeline._UNIT_BYTES", 10 * 90)


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, dict[str, bytes]]:
    """What packing without an interruption makes."""
    for name, options in OPTIONS.items():
        pack(failing_source(), tmp_path / "whole" / name, **options)
    return {name: files_of(tmp_path / "whole" / name) for name in OPTIONS}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize(
    "error", [KeyboardInterrupt(), SystemExit(143), SpoonfulError("x: broken")]
)
def test_an_interrupted_run_is_gone_on_with(
    tmp_path: Path, whole: dict[str, dict[str, bytes]], name: str, error: BaseException
) -> None:
    store, partial = tmp_path / "store", tmp_path / ".store.partial"
    source = failing_source()
    source.error = error
    kept = 0
    for fails_at in (5, 130, 131, 260, 399):
        source.fails_at = fails_at
        source.asked = set()
        with pytest.raises(type(error)):
            pack(source, store, **OPTIONS[name])
        assert not store.exists()
        finished = [json.loads(path.read_text()) for path in partial.glob("images-*.json")]
        # Units behind the one that failed may have been asked for, finished shards never again.
        assert not source.asked & set(range(kept))
        assert kept <= sum(shard["num_examples"] for shard in finished) <= fails_at
        kept = sum(shard["num_examples"] for shard in finished)
    assert kept > 300
    source.fails_at, source.asked = None, set()
    seen: list[tuple[int, bool]] = []
    pack(source, store, **OPTIONS[name], on_images=lambda *a: seen.append(a))
    assert files_of(store) == whole[name]
    assert source.asked == set(range(kept, NUM_EXAMPLES))
    assert seen[0] == (kept, False)
    assert sum(count for count, is_new in seen if is_new) == NUM_EXAMPLES - kept
    assert not partial.exists()


def interrupted(tmp_path: Path, name: str) -> Path:
    """Leave the partial folder of a run that was interrupted at place 300."""
    source = failing_source()
    source.fails_at = 300
    with pytest.raises(KeyboardInterrupt):
        pack(source, tmp_path / "store", **OPTIONS[name])
    return tmp_path / ".store.partial"


def remove_plan(partial: Path) -> None:
    (partial / PLAN_NAME).unlink()


def cut_plan(partial: Path) -> None:
    path = partial / PLAN_NAME
    path.write_bytes(path.read_bytes()[:-5])


def other_version(partial: Path) -> None:
    path = partial / PLAN_NAME
    plan = json.loads(path.read_text())
    path.write_text(json.dumps({**plan, "packages": {**plan["packages"], "pyarrow": "1.0"}}))


def cut_shard(partial: Path) -> None:
    path = min(partial.glob("images-00001.*[!n]"))
    path.write_bytes(path.read_bytes()[:-1])


def cut_sidecar(partial: Path) -> None:
    path = next(partial.glob("images-00001.*.json"))
    path.write_bytes(path.read_bytes()[:-9])


def lose_shard(partial: Path) -> None:
    min(partial.glob("images-00001.*[!n]")).unlink()


def add_garbage(partial: Path) -> None:
    (partial / "meta.json").write_text("{}")
    (partial / "labels.npy").write_text("half")
    (partial / "folder").mkdir()
    (partial / "folder" / "x").write_text("x")
    (partial / ".images-00009.npy.1234.tmp.npy").write_text("half")


DAMAGES = {
    remove_plan: 0,
    cut_plan: 0,
    other_version: 0,
    cut_shard: 1,
    cut_sidecar: 1,
    lose_shard: 1,
    add_garbage: None,
}


@pytest.mark.parametrize("name", OPTIONS)
@pytest.mark.parametrize("damage", DAMAGES)
def test_what_is_not_whole_is_made_again(
    tmp_path: Path, whole: dict[str, dict[str, bytes]], name: str, damage: Any
) -> None:
    partial = interrupted(tmp_path, name)
    counts = [json.loads(p.read_text())["num_examples"] for p in sorted(partial.glob("i*.json"))]
    damage(partial)
    source = failing_source()
    pack(source, tmp_path / "store", **OPTIONS[name])
    assert files_of(tmp_path / "store") == whole[name]
    assert source.asked == set(range(sum(counts[: DAMAGES[damage]]), NUM_EXAMPLES))
    assert not partial.exists()


def test_another_plan_begins_anew(tmp_path: Path) -> None:
    partial = interrupted(tmp_path, "raw")
    source = failing_source(seed=1)
    pack(source, tmp_path / "store", **OPTIONS["raw"])
    assert source.asked == set(range(NUM_EXAMPLES))
    assert not partial.exists()
    expected = source.read(range(NUM_EXAMPLES))
    assert np.array_equal(PackedSource(tmp_path / "store").read(range(NUM_EXAMPLES)), expected)


def test_the_old_store_stays_until_the_new_one_is_whole(tmp_path: Path) -> None:
    pack(failing_source(seed=1), tmp_path / "store", **OPTIONS["raw"])
    old = files_of(tmp_path / "store")
    interrupted(tmp_path, "raw")
    assert files_of(tmp_path / "store") == old
    pack(failing_source(), tmp_path / "store", **OPTIONS["raw"])
    assert files_of(tmp_path / "store") != old
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


def test_two_processes_do_not_pack_into_one_folder(tmp_path: Path) -> None:
    source = failing_source()
    plan = make_plan(
        source,
        "raw",
        order="mixed",
        quality=90,
        chroma_subsampling="420",
        shard_mb=1,
        split_summary=None,
    )
    with partial_store(tmp_path / "store", plan):
        with pytest.raises(SpoonfulError, match="another process is packing here"):
            pack(source, tmp_path / "store")
        assert not source.asked
    pack(source, tmp_path / "store")


def test_a_folder_that_cannot_be_made_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with pytest.raises(SpoonfulError, match="cannot be written") as caught:
        pack(failing_source(), tmp_path / "file" / "store")
    assert "\n" not in str(caught.value)


@pytest.mark.slow
def test_a_process_killed_at_each_of_its_steps_leaves_nothing_half_done(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.packing.kill_at_each_step", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    # Killed in the middle of shards, between them, and while the old store was being replaced.
    assert counts["steps"] > 40
    assert min(counts["old"], counts["absent"], counts["new"]) >= 1
    shutil.rmtree(tmp_path)


class Measured(Source):
    """A user's own source, of values to predict."""

    class_names = ("width", "height")
    image_shape = (6, 5, 3)
    fails_at: int | None = None

    def __init__(self) -> None:
        self.source = failing_source()
        self.labels = np.random.default_rng(3).normal(size=(NUM_EXAMPLES, 2))
        self.asked: set[int] = set()

    def __len__(self) -> int:
        return NUM_EXAMPLES

    def read(self, indices: Any) -> NDArray[np.uint8]:
        places = places_of(indices)
        if self.fails_at in places:
            raise KeyboardInterrupt
        self.asked |= set(places)
        return self.source.read(indices)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_source_of_the_users_own_is_continued_too(tmp_path: Path, name: str) -> None:
    pack(Measured(), tmp_path / "whole", **OPTIONS[name])
    source = Measured()
    assert len(source.fingerprint) == 64  # read before the interruption
    source.fails_at = 300
    with pytest.raises(KeyboardInterrupt):
        pack(source, tmp_path / "store", **OPTIONS[name])
    assert not (tmp_path / "store").exists()
    source.fails_at, source.asked = None, set()
    pack(source, tmp_path / "store", **OPTIONS[name])
    assert files_of(tmp_path / "store") == files_of(tmp_path / "whole")
    assert min(source.asked) > 200
    packed = PackedSource(tmp_path / "store")
    assert packed.labels.tobytes() == source.labels.tobytes()
    assert packed.class_names == ("width", "height")
