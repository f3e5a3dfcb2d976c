import pickle
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.packing import pack
from spoonful.sources.array import ArraySource
from spoonful.sources.folder import FolderSource
from spoonful.sources.packed.source import PackedSource

LOADED = {"loaded": 64.0, "read": 0.0}
NUM_EXAMPLES = 300


def smooth_images(count: int, height: int, width: int, channels: int) -> NDArray[np.uint8]:
    """Pictures that JPEG keeps well: soft blobs, each different."""
    rng = np.random.default_rng(0)
    coarse = rng.integers(0, 256, (count, 3, 3, channels), dtype=np.uint8)
    images = [cv2.resize(c, (width, height), interpolation=cv2.INTER_CUBIC) for c in coarse]
    return np.stack(images).reshape(count, height, width, channels)


def array_source(channels: int = 3, count: int = NUM_EXAMPLES) -> ArraySource:
    labels = np.random.default_rng(1).integers(0, 4, count)
    return ArraySource(smooth_images(count, 12, 10, channels), labels, ["ant", "bee", "cow", "dog"])


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same examples packed in four ways; "many" has shards of 11 and of about 20 examples."""
    folder = tmp_path_factory.mktemp("stores")
    for encoding, shard_mb in (("raw", 0.008), ("jpeg", 0.02)):
        pack(array_source(), folder / encoding / "one", encoding=encoding)
        packed = pack(
            array_source(), folder / encoding / "many", encoding=encoding, shard_mb=shard_mb
        )
        assert len(packed.meta.shards) > 10
    return folder


@pytest.mark.parametrize("loaded_mb", LOADED.values(), ids=LOADED)
@pytest.mark.parametrize("shards", ["one", "many"])
@given(indices=st.lists(st.integers(0, NUM_EXAMPLES - 1), max_size=60))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_raw_is_fancy_indexing(
    stores: Path, shards: str, loaded_mb: float, indices: list[int]
) -> None:
    source = PackedSource(stores / "raw" / shards, loaded_mb=loaded_mb)
    expected = array_source().read(range(NUM_EXAMPLES))[indices]
    assert np.array_equal(source.read(indices), expected)
    images = np.full(expected.shape, 7, dtype=np.uint8)
    source.read_into(np.array(indices, dtype=np.int64), images)
    assert np.array_equal(images, expected)


@pytest.mark.parametrize("loaded_mb", LOADED.values(), ids=LOADED)
@pytest.mark.parametrize("shards", ["one", "many"])
def test_runs_of_neighbours_are_read_across_shards(
    stores: Path, shards: str, loaded_mb: float
) -> None:
    source = PackedSource(stores / "raw" / shards, loaded_mb=loaded_mb)
    every = array_source().read(range(NUM_EXAMPLES))
    for indices in (range(NUM_EXAMPLES), range(5, 200), [8, 9, 10, 11, 12, 9, 10, 22, 21], [299]):
        assert np.array_equal(source.read(indices), every[list(indices)])


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.int64, np.uint64])
def test_indices_come_in_any_whole_type(stores: Path, dtype: Any) -> None:
    expected = array_source().read([200, 3])
    for loaded_mb in LOADED.values():
        for encoding in ("raw", "jpeg"):
            source = PackedSource(stores / encoding / "many", loaded_mb=loaded_mb)
            found = source.read(np.array([200, 3], dtype=dtype))
            assert np.abs(found.astype(int) - expected).max() <= (0 if encoding == "raw" else 40)


@pytest.mark.parametrize("channels", [1, 3])
def test_jpeg_is_close_to_what_was_packed(tmp_path: Path, channels: int) -> None:
    source = array_source(channels)
    expected = source.read(range(NUM_EXAMPLES)).astype(int)
    errors = {}
    for quality, subsampling in ((30, "420"), (90, "420"), (90, "444")):
        name = f"{quality}-{subsampling}"
        options: dict[str, Any] = {"quality": quality, "chroma_subsampling": subsampling}
        pack(source, tmp_path / name, encoding="jpeg", **options)
        found = PackedSource(tmp_path / name).read(range(NUM_EXAMPLES))
        errors[name] = np.abs(found - expected).mean()
    assert errors["90-444"] < 3.0
    assert errors["90-420"] < 9.0  # a pixel of colour spans a third of these small blobs
    assert errors["30-420"] > 1.3 * errors["90-420"]
    if channels == 3:
        assert errors["90-420"] > errors["90-444"]
    else:
        assert errors["90-420"] == errors["90-444"]


def test_jpeg_gives_the_same_pixels_however_it_is_read(stores: Path) -> None:
    first = PackedSource(stores / "jpeg" / "one").read(range(NUM_EXAMPLES))
    order = np.random.default_rng(0).permutation(NUM_EXAMPLES)
    for shards in ("one", "many"):
        for loaded_mb in LOADED.values():
            source = PackedSource(stores / "jpeg" / shards, loaded_mb=loaded_mb)
            assert np.array_equal(source.read(order), first[order])


def test_a_folder_is_served_bit_for_bit(tmp_path: Path) -> None:
    for number, image in enumerate(smooth_images(40, 13, 17, 3)):
        path = tmp_path / "images" / f"class {number % 3}" / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    for resize in ("stretch", "fit", "crop"):
        folder = FolderSource(tmp_path / "images", (8, 12), 3, resize)
        pack(folder, tmp_path / resize)
        source = PackedSource(tmp_path / resize)
        assert np.array_equal(source.read(range(40)), folder.read(range(40)))
        assert source.labels.tolist() == folder.labels.tolist()
        assert source.class_names == folder.class_names
        assert [source.example_id(i) for i in range(40)] == folder.ids
        assert source.image_shape == (8, 12, 3)
        assert source.meta.settings["resize"] == resize
        assert source.meta.source_fingerprint == folder.fingerprint


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
@pytest.mark.parametrize("loaded_mb", LOADED.values(), ids=LOADED)
def test_several_threads_read_at_once(stores: Path, encoding: str, loaded_mb: float) -> None:
    source = PackedSource(stores / encoding / "many", loaded_mb=loaded_mb)
    every = PackedSource(stores / encoding / "one").read(range(NUM_EXAMPLES))
    orders = [np.random.default_rng(seed).integers(0, NUM_EXAMPLES, 500) for seed in range(24)]
    with ThreadPoolExecutor(8) as pool:
        for order, images in zip(orders, pool.map(source.read, orders), strict=True):
            assert np.array_equal(images, every[order])


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_what_is_wrong_with_a_request_is_named(stores: Path, encoding: str) -> None:
    source = PackedSource(stores / encoding / "many")
    assert source.read([]).shape == (0, 12, 10, 3)
    with pytest.raises(SpoonfulError, match="index 300: expected 0 to 299"):
        source.read([0, 300])
    with pytest.raises(SpoonfulError, match="index -1"):
        source.read_into([-1], np.empty((1, 12, 10, 3), np.uint8))
    for shape, dtype in (((1, 12, 10, 3), np.uint8), ((2, 12, 10, 3), np.float32)):
        with pytest.raises(SpoonfulError, match="expected writable, contiguous uint8"):
            source.read_into([0, 1], np.empty(shape, dtype))


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_prefetch_is_a_hint_that_never_fails(stores: Path, encoding: str) -> None:
    for shards in ("one", "many"):
        source = PackedSource(stores / encoding / shards)
        for start, stop in ((0, 300), (5, 6), (150, 200), (-5, 1000), (300, 400), (7, 7)):
            source.prefetch(start, stop)
        assert np.array_equal(source.read([299]), PackedSource(source.path).read([299]))


def test_a_source_can_be_sent_to_another_process(stores: Path) -> None:
    source = PackedSource(stores / "raw" / "many", loaded_mb=0)
    source.read([3])
    copy = pickle.loads(pickle.dumps(source))
    assert np.array_equal(copy.read([3, 250]), source.read([3, 250]))
    assert copy.fingerprint == source.fingerprint


@pytest.fixture
def large(tmp_path: Path) -> ArraySource:
    """Images of 17 kB, packed into shards of three."""
    images = smooth_images(20, 130, 131, 1)
    source = ArraySource(images, np.arange(20) % 2)
    assert len(pack(source, tmp_path / "large", shard_mb=0.055).meta.shards) == 7
    return source


@pytest.mark.parametrize("loaded_mb", LOADED.values(), ids=LOADED)
def test_large_images_are_fancy_indexing_too(
    large: ArraySource, tmp_path: Path, loaded_mb: float
) -> None:
    source = PackedSource(tmp_path / "large", loaded_mb=loaded_mb)
    for indices in ([19, 0, 3, 3, 2, 18, 5, 6, 7], range(20), [4], [2, 3]):
        assert np.array_equal(source.read(indices), large.read(indices))


def test_what_is_loaded_depends_on_the_size_of_the_store(stores: Path) -> None:
    small = stores / "raw" / "one"
    size_mb = PackedSource(small).meta.num_bytes / 2**20
    loaded, read = 2, 4
    for limit_mb, threads in ((64, loaded), (size_mb, loaded), (size_mb * 0.99, read), (0, read)):
        source = PackedSource(small, loaded_mb=limit_mb)
        assert source.max_useful_threads == threads
        assert (source.shard_check() is None) == (threads == loaded)
    assert PackedSource(small).max_useful_threads == loaded


def test_opening_reads_the_small_files_and_imports_nothing(stores: Path) -> None:
    code = (
        "import sys, hashlib\n"
        "from pathlib import Path\n"
        "from spoonful.sources.packed.source import PackedSource\n"
        "opened = []\n"
        "sys.addaudithook(lambda event, args: opened.append(str(args[0])) "
        "if event == 'open' and not str(args[0]).isdigit() else None)\n"
        f"source = PackedSource({str(stores / 'raw' / 'many')!r})\n"
        "labels = source.labels\n"
        "print(sorted({Path(path).name for path in opened}), 'pyarrow' in sys.modules)\n"
        "print(labels.flags.writeable, labels.dtype)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['ids.arrow', 'labels.npy', 'many', 'meta.json'] False\nFalse uint8\n"
