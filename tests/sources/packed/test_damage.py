import functools
import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from spoonful.errors import SpoonfulError
from spoonful.packing import pack
from spoonful.sources.array import ArraySource
from spoonful.sources.packed.files import FileSet
from spoonful.sources.packed.jpeg import JpegImages
from spoonful.sources.packed.meta import META_NAME, FileMeta, store_fingerprint
from spoonful.sources.packed.meta_file import load_meta
from spoonful.sources.packed.source import PackedSource
from spoonful.sources.packed.verify import verify

NUM_EXAMPLES = 60


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("originals")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (NUM_EXAMPLES, 8, 8, 3), dtype=np.uint8)
    source = ArraySource(images, rng.integers(0, 3, NUM_EXAMPLES), ["ant", "bee", "cow"])
    for encoding, shard_mb in (("raw", 0.01), ("jpeg", 0.015)):
        packed = pack(
            source, folder / encoding, encoding=encoding, order="class", shard_mb=shard_mb
        )
        assert len(packed.meta.shards) > 1
    return folder


@pytest.fixture
def raw(originals: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(originals / "raw", tmp_path / "raw"))


@pytest.fixture
def jpeg(originals: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(originals / "jpeg", tmp_path / "jpeg"))


def refusal(call: Callable[[], object]) -> str:
    with pytest.raises(SpoonfulError) as caught:
        call()
    message = str(caught.value)
    assert "\n" not in message
    assert "spoonful pack" in message
    return message


def edit(folder: Path, **changes: Any) -> None:
    path = folder / META_NAME
    values = {**json.loads(path.read_text()), **changes}
    values.pop("sha256", None)  # as it was packed before meta.json had a digest of its own
    path.write_text(json.dumps(values))


def names(folder: Path) -> list[str]:
    return [file.name for file in load_meta(folder).files]


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_each_file_is_missed_at_once(originals: Path, tmp_path: Path, encoding: str) -> None:
    for name in [META_NAME, *names(originals / encoding)]:
        folder = shutil.copytree(originals / encoding, tmp_path / f"without {name}")
        (folder / name).unlink()
        for call in (PackedSource, verify):
            message = refusal(functools.partial(call, folder))
            assert message.startswith(f"{folder / name}: expected ")
            assert "found no such file" in message


@pytest.mark.parametrize("change", [-1, 1])
def test_each_file_of_another_size_is_named_with_both_sizes(raw: Path, change: int) -> None:
    for name in names(raw):
        path = raw / name
        whole = path.read_bytes()
        path.write_bytes(whole[:-1] if change < 0 else whole + b"x")
        expected = f"{path}: expected {len(whole)} bytes, found {len(whole) + change}; "
        assert refusal(lambda: PackedSource(raw)).startswith(expected)
        path.write_bytes(whole)
    PackedSource(raw)


def test_a_newer_version_says_both_versions(raw: Path) -> None:
    edit(raw, format_version=4, shards="another thing by then")
    message = refusal(lambda: PackedSource(raw))
    assert f"{raw / META_NAME}: expected format_version up to 3, found 4" in message
    assert "newer spoonful" in message


GARBAGE = [b"", b"{", b"[]", b"null", b"1", b"\xff\xfe\x00", b'{"format_version": 1}', b"{}" * 9]


@pytest.mark.parametrize("content", GARBAGE)
def test_a_garbled_meta_is_named(raw: Path, content: bytes) -> None:
    (raw / META_NAME).write_bytes(content)
    assert refusal(lambda: PackedSource(raw)).startswith(f"{raw / META_NAME}: ")


def entry(name: str = "images-00000.npy", count: Any = 60, size: Any = 15616) -> dict[str, Any]:
    return {"name": name, "num_examples": count, "bytes": size, "sha256": "0"}


WRONG: list[dict[str, Any]] = [
    {"format_version": "1"},
    {"format_version": True},
    {"format_version": -1},
    {"encoding": "png"},
    {"encoding": None},
    {"image_shape": [8, 8]},
    {"image_shape": [8, 8, 2]},
    {"image_shape": [0, 8, 3]},
    {"image_shape": [8.0, 8, 3]},
    {"class_names": []},
    {"class_names": [1, 2, 3]},
    {"class_names": ["ant", "bee", "dog"]},
    {"num_examples": 61},
    {"num_examples_per_class": {"ant": 60}, "labels": entry("labels.npy", 59)},
    {"shards": []},
    {"shards": [entry(count=0)]},
    {"shards": [entry(size=15617)]},
    {"shards": [entry(name="../images-00000.npy")]},
    {"shards": [entry(count=10, size=6016), entry(count=50, size=13696)]},
    {"shards": {"name": 1}},
    {"labels": None},
    {"ids": entry("ids.arrow", 5)},
    {"fingerprint": "0" * 64},
    {"label_kind": "colours"},
    {"label_kind": None},
    {"label_kind": "regression"},
    {"label_kind": "multilabel", "num_examples_per_class": {"ant": 61, "bee": 0, "cow": 0}},
]


@pytest.mark.parametrize("change", WRONG, ids=str)
def test_a_meta_that_contradicts_itself_is_named(raw: Path, change: dict[str, Any]) -> None:
    PackedSource(raw)
    edit(raw, **change)
    message = refusal(lambda: PackedSource(raw))
    assert f"{raw / META_NAME}: expected the description of a packed split, found" in message


@pytest.mark.parametrize(
    ("old", "new"),
    [('"cow"', '"cog"'), ('"ant": ', '"anu": '), ("0.01", "0.03"), ("null", "{}")],
)
def test_every_value_of_a_meta_is_under_its_digest(raw: Path, old: str, new: str) -> None:
    path = raw / META_NAME
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))
    assert "a value was altered" in refusal(lambda: PackedSource(raw))
    path.write_text(text)
    edit(raw)  # no digest: packed by an earlier version
    PackedSource(raw)


def test_a_meta_whose_digest_has_lost_its_name_is_named(raw: Path) -> None:
    path = raw / META_NAME
    before, name, after = path.read_text().rpartition('"sha256"')
    path.write_text(before + name.replace("5", "1") + after)
    assert "(an unknown key 'sha216')" in refusal(lambda: PackedSource(raw))


def verified(folder: Path) -> None:
    PackedSource(folder).verify()


@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
def test_verify_finds_a_flipped_bit_in_each_file(
    originals: Path, tmp_path: Path, encoding: str
) -> None:
    folder = shutil.copytree(originals / encoding, tmp_path / "store")
    assert verify(folder) == load_meta(folder)
    PackedSource(folder).verify()
    for name in names(folder):
        path = folder / name
        whole = path.read_bytes()
        for place in (0, len(whole) // 2, len(whole) - 1):
            flipped = bytearray(whole)
            flipped[place] ^= 4
            path.write_bytes(flipped)
            for call in (verify, verified):
                message = refusal(functools.partial(call, folder))
                assert message.startswith(f"{path}: expected")
        path.write_bytes(whole)
    verify(folder)


def test_verify_names_the_first_of_several_wrong_files(raw: Path) -> None:
    for name in names(raw)[1:]:
        path = raw / name
        path.write_bytes(bytes(path.stat().st_size))
    message = refusal(lambda: verify(raw))
    assert message.startswith(f"{raw / names(raw)[1]}: expected sha256 ")
    assert "found " in message
    assert "remove the folder" in message


def test_a_damaged_image_names_its_shard_and_example(jpeg: Path) -> None:
    second = load_meta(jpeg).shards[1]
    place = load_meta(jpeg).shards[0].num_examples + 1
    path = jpeg / second.name
    content = path.read_bytes()
    begins = [i for i in range(len(content)) if content.startswith(b"\xff\xd8\xff", i)]
    path.write_bytes(content[: begins[1]] + b"XX" + content[begins[1] + 2 :])
    source = PackedSource(jpeg, loaded_mb=0)
    source.read([0, place - 1, place + 1])
    message = refusal(lambda: source.read([0, place]))
    assert message.startswith(f"{path}: expected a JPEG image of shape (8, 8, 3) at its row 1, ")
    assert refusal(lambda: PackedSource(jpeg).read([place])).startswith(f"{path}: expected sha256")


def test_an_image_of_another_size_is_an_error(tmp_path: Path) -> None:
    for size in (4, 8):
        images = np.full((3, size, size, 3), size, np.uint8)
        pack(ArraySource(images, [0, 0, 0]), tmp_path / str(size), encoding="jpeg", order="class")
    meta = load_meta(tmp_path / "4")
    shutil.copy(tmp_path / "8" / meta.shards[0].name, tmp_path / "4")
    source = JpegImages(FileSet(tmp_path / "4", meta.shards), meta, is_loaded=False)
    with pytest.raises(SpoonfulError, match=r"shape \(4, 4, 3\) at its row 2, found"):
        source.read_into(np.array([2]), np.zeros((1, 4, 4, 3), np.uint8))


@pytest.mark.parametrize("loaded_mb", [0.0, 64.0])
@pytest.mark.parametrize("encoding", ["raw", "jpeg"])
@pytest.mark.parametrize("content", [b"", b"garbage " * 8, None])
def test_a_shard_that_became_garbage_after_opening_is_named(
    originals: Path, tmp_path: Path, encoding: str, loaded_mb: float, content: bytes | None
) -> None:
    folder = Path(shutil.copytree(originals / encoding, tmp_path / "store"))
    source = PackedSource(folder, loaded_mb=loaded_mb)
    path = folder / source.meta.shards[0].name
    path.unlink()
    if content is not None:
        path.write_bytes(content)
    assert refusal(lambda: source.read([0])).startswith(f"{path}: expected ")
    source.prefetch(0, NUM_EXAMPLES)


@pytest.mark.parametrize("loaded_mb", [0.0, 64.0])
def test_another_store_in_the_place_of_an_open_one_is_not_read(raw: Path, loaded_mb: float) -> None:
    every = PackedSource(raw).read(range(NUM_EXAMPLES))
    source = PackedSource(raw, loaded_mb=loaded_mb)
    first = source.read([0])
    images = np.zeros((NUM_EXAMPLES, 8, 8, 3), np.uint8)
    pack(ArraySource(images, np.arange(NUM_EXAMPLES) % 3), raw, order="class", shard_mb=0.01)
    assert np.array_equal(source.read([0]), first)
    if loaded_mb:
        assert np.array_equal(source.read(range(NUM_EXAMPLES)), every)
    else:
        assert "No such file" in refusal(lambda: source.read([NUM_EXAMPLES - 1]))
    assert not PackedSource(raw).read([0]).any()


@pytest.mark.parametrize("name", ["labels.npy", "ids.arrow"])
def test_damaged_labels_and_ids_are_named_at_once(raw: Path, name: str) -> None:
    path = raw / name
    whole = path.read_bytes()
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    for content in (bytes(len(whole)), whole[::-1], bytes(flipped)):
        path.write_bytes(content)
        message = refusal(lambda: PackedSource(raw))
        assert message.startswith(f"{path}: expected sha256 ")
    path.write_bytes(whole)
    PackedSource(raw)


def test_large_ids_are_checked_when_one_is_asked_for(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("spoonful.sources.packed.small._CHECKED_AT_ONCE_BYTES", 10)
    path = raw / "ids.arrow"
    whole = path.read_bytes()
    for in_memory_bytes in (10, 1 << 20):
        monkeypatch.setattr("spoonful.sources.packed.small._IN_MEMORY_BYTES", in_memory_bytes)
        path.write_bytes(bytes(len(whole)))
        source = PackedSource(raw)
        source.read([0])
        asked = functools.partial(source.example_id, 0)
        assert refusal(asked).startswith(f"{path}: expected sha256 ")
        path.write_bytes(whole)
        assert PackedSource(raw).example_id(59) == "example 59"
        assert PackedSource(raw).labels.tolist() == source.labels.tolist()


def test_labels_that_were_packed_wrong_are_named(raw: Path) -> None:
    path = raw / "labels.npy"
    labels = np.load(path)
    for wrong in (
        labels[:-1],
        labels.astype(np.int64),
        labels.astype(np.float32),
        np.eye(3, dtype=np.uint8)[labels],
        np.zeros((60, 3), np.float32),
        labels + np.uint8(9),
    ):
        np.save(path, wrong)
        values = json.loads((raw / META_NAME).read_text())
        content = path.read_bytes()
        file = {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        files = [*values["shards"], {**values["labels"], **file}, values["ids"]]
        metas = [FileMeta(f["name"], f["bytes"], f["sha256"], f["num_examples"]) for f in files]
        digest = store_fingerprint("raw", (8, 8, 3), values["class_names"], metas)
        edit(raw, labels=files[-2], fingerprint=digest)
        message = refusal(lambda: PackedSource(raw))
        assert message.startswith(f"{path}: expected 60 labels, found")
    assert "the label" in message
