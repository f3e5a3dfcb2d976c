import hashlib
import json
import re
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import simplejpeg

import spoonful
from spoonful.errors import SpoonfulError
from spoonful.packing import pack
from spoonful.sources.array import ArraySource
from spoonful.sources.packed.meta import META_NAME
from spoonful.sources.packed.source import PackedSource

NUM_EXAMPLES = 500


def array_source(channels: int = 3, seed: int = 0, num_classes: int = 3) -> ArraySource:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (NUM_EXAMPLES, 6, 5, channels), dtype=np.uint8)
    labels = rng.integers(0, 3, NUM_EXAMPLES)
    return ArraySource(images, labels, [f"class {i}" for i in range(num_classes)])


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shard_mb", [256, 0.008])
def test_any_numpy_opens_raw_shards_with_pixels_at_a_page(
    tmp_path: Path, channels: int, shard_mb: float
) -> None:
    source = array_source(channels)
    pack(source, tmp_path / "store", order="class", shard_mb=shard_mb)
    paths = sorted((tmp_path / "store").glob("images-*.npy"))
    shards = [np.load(path, mmap_mode="r") for path in paths]
    assert np.array_equal(np.concatenate(shards), source.read(range(NUM_EXAMPLES)))
    assert {shard.offset for shard in shards} == {4096}
    assert {shard.dtype for shard in shards} == {np.dtype(np.uint8)}
    assert len({len(shard) for shard in shards[:-1]}) <= 1
    assert len(shards) == 1 or max(path.stat().st_size for path in paths) <= shard_mb * (1 << 20)
    assert (len(shards) > 1) == (shard_mb < 1)
    assert [path.name for path in paths[:2]] == ["images-00000.npy", "images-00001.npy"][
        : len(paths)
    ]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("shard_mb", [256, 0.02])
def test_any_arrow_opens_jpeg_shards(tmp_path: Path, channels: int, shard_mb: float) -> None:
    pack(array_source(channels), tmp_path / "store", encoding="jpeg", shard_mb=shard_mb)
    paths = sorted((tmp_path / "store").glob("images-*.arrow"))
    tables = [pa.ipc.open_file(path).read_all() for path in paths]
    encoded_images = [encoded.as_py() for table in tables for encoded in table.column("image")]
    assert len(encoded_images) == NUM_EXAMPLES
    headers = {simplejpeg.decode_jpeg_header(encoded) for encoded in encoded_images}
    space, sampling = {1: ("Gray", "Gray"), 3: ("YCbCr", "420")}[channels]
    assert headers == {(6, 5, space, sampling)}
    assert (len(paths) > 1) == (shard_mb < 1)
    assert max(path.stat().st_size for path in paths) <= shard_mb * (1 << 20)
    if shard_mb < 1:  # no shard is left half empty, either
        assert min(path.stat().st_size for path in paths[:-1]) > 0.8 * shard_mb * (1 << 20)


def test_quality_and_colour_reach_the_images(tmp_path: Path) -> None:
    sizes = {}
    for name, options in {
        "90": {"quality": 90},
        "50": {"quality": 50},
        "444": {"quality": 90, "chroma_subsampling": "444"},
    }.items():
        packed = pack(array_source(), tmp_path / name, encoding="jpeg", **options)  # type: ignore[arg-type]
        sizes[name] = packed.meta.shards[0].num_bytes
    assert sizes["50"] < sizes["90"] < sizes["444"]
    encoded = pa.ipc.open_file(tmp_path / "444" / "images-00000.arrow").get_batch(0).column(0)[0]
    assert simplejpeg.decode_jpeg_header(encoded.as_py())[3] == "444"


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
@pytest.mark.parametrize("shard_mb", [256, 0.02])
def test_every_number_of_threads_makes_the_same_bytes(
    tmp_path: Path, encoding: str, shard_mb: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spoonful.packing.pipeline._UNIT_BYTES", 7 * 90)
    made = {}
    for threads in (1, 2, 5, None):
        folder = tmp_path / str(threads)
        pack(array_source(), folder, encoding=encoding, shard_mb=shard_mb, num_threads=threads)
        made[threads] = files_of(folder)
    assert made[1] == made[2] == made[5] == made[None]


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_many_shards_hold_what_one_holds(tmp_path: Path, encoding: str) -> None:
    one = pack(array_source(), tmp_path / "one", encoding=encoding).meta
    many = pack(array_source(), tmp_path / "many", encoding=encoding, shard_mb=0.02).meta
    assert len(one.shards) == 1 < len(many.shards)
    order = np.random.default_rng(0).permutation(NUM_EXAMPLES)
    images = PackedSource(tmp_path / "one").read(order)
    assert np.array_equal(PackedSource(tmp_path / "many").read(order), images)
    assert (one.labels, one.ids) == (many.labels, many.ids)


def test_the_meta_says_what_was_packed(tmp_path: Path) -> None:
    source = array_source()
    summary = {"dataset": "digits", "num_images": {"train": 3}}
    pack(source, tmp_path / "store", encoding="jpeg", quality=80, split_summary=summary)
    meta = json.loads((tmp_path / "store" / META_NAME).read_text())
    counts = np.bincount(source.labels).tolist()
    assert meta["format_version"] == 3
    assert (meta["encoding"], meta["quality"], meta["chroma_subsampling"]) == ("jpeg", 80, "420")
    assert meta["image_shape"] == [6, 5, 3]
    assert meta["class_names"] == ["class 0", "class 1", "class 2"]
    assert meta["num_examples"] == NUM_EXAMPLES
    assert list(meta["num_examples_per_class"].values()) == counts
    assert meta["source_fingerprint"] == source.fingerprint
    assert meta["split_summary"] == summary
    for entry in [*meta["shards"], meta["labels"], meta["ids"]]:
        content = (tmp_path / "store" / entry["name"]).read_bytes()
        assert entry["bytes"] == len(content)
        assert entry["sha256"] == hashlib.sha256(content).hexdigest()
    listed = {entry["name"] for entry in [*meta["shards"], meta["labels"], meta["ids"]]}
    assert set(files_of(tmp_path / "store")) == listed | {META_NAME}
    assert str(tmp_path) not in json.dumps(meta)


@pytest.mark.parametrize(("num_classes", "dtype"), [(3, "u1"), (256, "u1"), (257, "u2")])
def test_labels_take_few_bytes(tmp_path: Path, num_classes: int, dtype: str) -> None:
    source = array_source(num_classes=num_classes)
    pack(source, tmp_path / "store")
    labels = np.load(tmp_path / "store" / "labels.npy")
    assert labels.dtype == np.dtype(dtype)
    assert np.array_equal(labels, source.labels)


def test_ids_are_arrow_strings(tmp_path: Path) -> None:
    pack(array_source(), tmp_path / "store")
    ids = pa.ipc.open_file(tmp_path / "store" / "ids.arrow").read_all().column("id")
    assert ids.type == pa.string()
    assert ids.to_pylist() == [f"example {i}" for i in range(NUM_EXAMPLES)]


def test_the_fingerprint_follows_what_is_served(tmp_path: Path) -> None:
    other = array_source()
    other.class_names = ("class 0", "class 1", "class x")
    fingerprints = [
        pack(array_source(), tmp_path / "raw").meta.fingerprint,
        pack(array_source(), tmp_path / "again").meta.fingerprint,
        pack(array_source(), tmp_path / "jpeg", encoding="jpeg").meta.fingerprint,
        pack(array_source(), tmp_path / "q", encoding="jpeg", quality=50).meta.fingerprint,
        pack(array_source(seed=1), tmp_path / "seed").meta.fingerprint,
        pack(other, tmp_path / "names").meta.fingerprint,
    ]
    assert fingerprints[0] == fingerprints[1]
    assert len(set(fingerprints)) == 5


def test_a_store_of_the_same_plan_is_left_alone_and_another_replaced(tmp_path: Path) -> None:
    folder = tmp_path / "store"
    assert not pack(array_source(), folder).up_to_date
    before = {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}
    seen: list[tuple[int, bool]] = []
    assert pack(array_source(), folder, on_images=lambda *a: seen.append(a)).up_to_date
    assert seen == [(NUM_EXAMPLES, False)]
    assert {path.name: path.stat().st_mtime_ns for path in folder.iterdir()} == before
    changes: list[tuple[ArraySource, str, dict[str, Any]]] = [
        (array_source(seed=1), "raw", {}),
        (array_source(), "jpeg", {}),
        (array_source(), "jpeg", {"quality": 50}),
        (array_source(), "jpeg", {"chroma_subsampling": "444"}),
        (array_source(), "raw", {"shard_mb": 1}),
        (array_source(), "raw", {"split_summary": {"dataset": "x"}}),
    ]
    for source, encoding, options in changes:
        assert not pack(source, folder, encoding=encoding, **options).up_to_date
        assert pack(source, folder, encoding=encoding, **options).up_to_date
        assert pack(source, folder, encoding=encoding, **options, num_threads=1).up_to_date
    assert [path.name for path in tmp_path.iterdir()] == ["store"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"encoding": "png"}, "encoding='png': expected one of raw, jpeg"),
    ({"quality": 0}, "quality=0: expected a whole number from 1 to 100"),
    ({"quality": 101}, "quality=101"),
    ({"quality": 9.5}, "quality=9.5"),
    ({"chroma_subsampling": "422"}, "chroma_subsampling='422': expected one of 420, 444"),
    ({"shard_mb": 0}, "shard_mb=0: expected more than 0, up to 256"),
    ({"shard_mb": 257}, "shard_mb=257"),
    (
        {"shard_mb": 0.0039},
        "shard_mb=0.0039: holds no image of 90 bytes; expected at least 0.00399",
    ),
    ({"encoding": "jpeg", "shard_mb": 0.003}, "shard_mb=0.003: holds no JPEG image of"),
    ({"num_threads": 0}, "num_threads=0: expected a whole number from 1 on"),
]


@pytest.mark.parametrize(("options", "words"), WRONG, ids=str)
def test_wrong_arguments_are_named(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(SpoonfulError) as caught:
        pack(array_source(), tmp_path / "store", **options)
    assert words in str(caught.value)
    assert not (tmp_path / "store").exists()


def test_a_disk_that_takes_no_more_is_one_line_and_nothing_looks_whole(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    for encoding in ("raw", "jpeg"):
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
        try:
            with pytest.raises(SpoonfulError, match="cannot be written") as caught:
                pack(array_source(), tmp_path / encoding, encoding=encoding)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        assert "\n" not in str(caught.value)
        assert not (tmp_path / encoding).exists()
        assert [p.name for p in (tmp_path / f".{encoding}.partial").iterdir()] == ["plan.json"]
        pack(array_source(), tmp_path / encoding, encoding=encoding)
        assert PackedSource(tmp_path / encoding).read([499]).shape == (1, 6, 5, 3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jpeg", "raw"]


@pytest.mark.parametrize("name", ["photo.jpg", "train", ".git", "images.npy"])
def test_a_folder_of_something_else_is_never_replaced(tmp_path: Path, name: str) -> None:
    (tmp_path / "mine" / name).mkdir(parents=True)
    with pytest.raises(SpoonfulError, match=f"mine: contains {re.escape(name)}, which is not"):
        pack(array_source(), tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == [name]
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    file = tmp_path / "mine" / name / "file"
    file.write_text("mine")
    with pytest.raises(SpoonfulError, match=r"file: Not a directory; expected a new folder"):
        pack(array_source(), file)
    assert file.read_text() == "mine"


def test_an_empty_folder_and_a_damaged_store_are_replaced(tmp_path: Path) -> None:
    for damage in (None, "meta.json", "labels.npy"):
        folder = tmp_path / "store"
        folder.mkdir(exist_ok=True)
        if damage is not None:
            (folder / damage).unlink()
        assert not pack(array_source(), folder).up_to_date
        assert PackedSource(folder).read([499]).shape == (1, 6, 5, 3)


def test_it_is_public_and_takes_its_settings_by_name(tmp_path: Path) -> None:
    assert spoonful.pack is pack
    assert "pack" in dir(spoonful)
    with pytest.raises(TypeError):
        pack(array_source(), tmp_path / "store", "jpeg")  # type: ignore[call-arg]
