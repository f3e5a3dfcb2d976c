"""Where a store has its images: mixed, or in the source's order; what training gets from it."""

import hashlib
import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful import ArraySource, BatchGenerator, FolderSource, PackedSource, pack
from spoonful.errors import SpoonfulError
from spoonful.order import Placement
from spoonful.sources.packed.meta import META_NAME

NUM_CLASSES, PER_CLASS = 10, 30
NUM = NUM_CLASSES * PER_CLASS


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PNG files, sorted by class as folders are; each has pixels of its own."""
    root = tmp_path_factory.mktemp("images")
    for number in range(NUM):
        path = root / f"class_{number // PER_CLASS}" / f"{number:04}.png"
        path.parent.mkdir(exist_ok=True)
        image = np.full((4, 5, 3), number % 256, np.uint8)
        image[0, 0] = number // 256
        assert cv2.imwrite(str(path), image)
    return root


@pytest.fixture(scope="module")
def stores(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    base = tmp_path_factory.mktemp("stores")
    source = FolderSource(folder, (4, 5))
    for order in ("mixed", "class"):
        pack(source, base / order, order=order, shard_mb=0.006)
    return {order: base / order for order in ("mixed", "class")}


def opened(stores: dict[str, Path], order: str, is_loaded: bool = True) -> PackedSource:
    return PackedSource(stores[order], loaded_mb=64 if is_loaded else 0)


@pytest.mark.parametrize("is_loaded", [True, False])
@pytest.mark.parametrize("shuffle", ["none", "full", "block", "buffer", "balanced"])
def test_files_and_a_mixed_store_of_their_pixels_serve_the_same_stream(
    folder: Path, stores: dict[str, Path], shuffle: str, is_loaded: bool
) -> None:
    sources = FolderSource(folder, (4, 5)), opened(stores, "mixed", is_loaded)
    sizes = {"block_size": 20, "window_blocks": 4, "buffer_size": 50}
    streams = [
        BatchGenerator(source, 32, shuffle=shuffle, seed=3, **sizes).stream()  # type: ignore[arg-type]
        for source in sources
    ]
    for step in range(25):  # into the third epoch
        for ours, theirs in zip(streams[0][step], streams[1][step], strict=True):
            assert np.array_equal(ours, theirs)
    for stream in streams:
        stream.close()


@pytest.mark.parametrize("shuffle", ["none", "full", "buffer", "balanced"])
def test_both_stores_serve_the_same_stream_unless_their_places_matter(
    stores: dict[str, Path], shuffle: str
) -> None:
    mixed, by_class = (
        BatchGenerator(opened(stores, order), 32, shuffle=shuffle, seed=3, buffer_size=50)
        for order in ("mixed", "class")
    )
    for step in range(25):
        for ours, theirs in zip(mixed.batch(step), by_class.batch(step), strict=True):
            assert np.array_equal(ours, theirs)


@settings(deadline=None, derandomize=True, max_examples=30)
@given(indices=st.lists(st.integers(0, NUM - 1), max_size=40))
def test_an_index_means_the_same_example_everywhere(
    folder: Path, stores: dict[str, Path], indices: list[int]
) -> None:
    source = FolderSource(folder, (4, 5))
    for order in ("mixed", "class"):
        for is_loaded in (True, False):
            packed = opened(stores, order, is_loaded)
            assert np.array_equal(packed.read(indices), source.read(indices))
            assert np.array_equal(packed.labels, source.labels)
            assert [packed.example_id(i) for i in indices] == [source.ids[i] for i in indices]


def test_the_shards_of_a_mixed_store_have_the_images_at_their_places(
    folder: Path, stores: dict[str, Path]
) -> None:
    source = FolderSource(folder, (4, 5))
    shards = [np.load(path) for path in sorted(stores["mixed"].glob("images-*.npy"))]
    assert len(shards) > 2
    expected = source.read(Placement(NUM).examples(np.arange(NUM)))
    assert np.array_equal(np.concatenate(shards), expected)


def test_neighbours_in_the_shards_are_read_together_by_block(stores: dict[str, Path]) -> None:
    source = opened(stores, "mixed", is_loaded=False)
    generator = BatchGenerator(source, 20, shuffle="block", seed=1, block_size=20, window_blocks=1)
    for step in range(len(generator)):
        places = np.sort(Placement(NUM).places(generator.indices(step)))
        assert np.count_nonzero(np.diff(places) != 1) <= 1  # one more where the ring ends
        assert len(set(source.labels[generator.indices(step)])) > 4


def test_the_meta_says_which_order_it_is(stores: dict[str, Path]) -> None:
    mixed, by_class = (
        json.loads((stores[order] / META_NAME).read_text()) for order in ("mixed", "class")
    )
    assert (mixed["format_version"], mixed["order"], mixed["order_seed"]) == (3, "mixed", 0)
    assert by_class["format_version"] == 1
    assert not {"order", "order_seed"} & by_class.keys()


def test_a_store_in_the_order_of_classes_has_the_bytes_of_earlier_versions(tmp_path: Path) -> None:
    images = (np.arange(40 * 4 * 5 * 3) * 7 % 251).astype(np.uint8).reshape(40, 4, 5, 3)
    source = ArraySource(images, np.repeat(np.arange(4), 10), ["a", "b", "c", "d"])
    pack(source, tmp_path / "store", order="class", shard_mb=0.005)
    found = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()[:16]
        for path in sorted((tmp_path / "store").iterdir())
    }
    assert found == {
        "ids.arrow": "ca2fe8d6b8923b2d",
        "images-00000.npy": "57c29aaa323235e8",
        "images-00001.npy": "b401152941fd081b",
        "images-00002.npy": "75233e75dbb742d0",
        "labels.npy": "fb8764776d0194ad",
        "meta.json": "50e3468110ca6279",
    }


def test_the_same_data_in_another_order_are_packed_again(tmp_path: Path, folder: Path) -> None:
    source = FolderSource(folder, (4, 5))
    assert not pack(source, tmp_path / "store", order="class").up_to_date
    assert not pack(source, tmp_path / "store").up_to_date
    assert pack(source, tmp_path / "store").up_to_date
    assert PackedSource(tmp_path / "store").meta.order == "mixed"


def test_a_mixed_store_is_packed_again_from_itself(tmp_path: Path, stores: dict[str, Path]) -> None:
    for order in ("mixed", "class"):
        source = opened(stores, order)
        again = pack(source, tmp_path / order, shard_mb=0.006).meta
        assert again.shards == PackedSource(stores["mixed"]).meta.shards


def test_a_state_of_another_order_of_blocks_is_refused(stores: dict[str, Path]) -> None:
    generator = BatchGenerator(opened(stores, "mixed"), 32, shuffle="block")
    state = generator.state(3)
    generator.check_state(state)
    before = {name: value for name, value in state.items() if name != "order_version"}
    with pytest.raises(SpoonfulError, match=r"order_version \(saved None, now 2\)"):
        generator.check_state(before)


@pytest.mark.parametrize("order", ["Mixed", "sorted", None, 1])
def test_another_order_is_named(tmp_path: Path, folder: Path, order: Any) -> None:
    with pytest.raises(SpoonfulError, match=r"^order=.*: expected one of mixed, class$"):
        pack(FolderSource(folder, (4, 5)), tmp_path / "store", order=order)


@pytest.mark.parametrize(
    "changes",
    [
        {"order": "class"},
        {"order_seed": None},
        {"order": "sorted"},
        {"order_seed": -1},
        {"order_seed": 2**32},
        {"order_seed": "0"},
    ],
)
def test_a_meta_that_contradicts_itself_is_refused(
    tmp_path: Path, stores: dict[str, Path], changes: dict[str, Any]
) -> None:
    path = tmp_path / "store"
    path.mkdir()
    for file in stores["mixed"].iterdir():
        (path / file.name).write_bytes(file.read_bytes())
    values = {**json.loads((path / META_NAME).read_text()), **changes}
    values.pop("sha256")
    (path / META_NAME).write_text(json.dumps(values))
    with pytest.raises(SpoonfulError, match="run `spoonful pack` again") as caught:
        PackedSource(path)
    assert "\n" not in str(caught.value)
