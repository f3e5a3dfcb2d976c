"""Class folders and tables of image files at addresses."""

import os
import pickle
import threading
from collections.abc import Iterator
from pathlib import Path

import boto3
import cv2
import numpy as np
import pytest

from spoonful import (
    BatchGenerator,
    Cache,
    FolderSource,
    ManifestSource,
    SpoonfulError,
    pack,
)
from spoonful.sources.remote.download import RemoteFile
from spoonful.sources.remote.files import RemoteFiles
from spoonful.sources.remote.store import Store
from tests.sources.remote.conftest import Uploader
from tests.sources.remote.faulty import Faulty, file_server

pytestmark = pytest.mark.timeout(120)
SIZE = (12, 10)


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Class folders with 30 images, subfolders, a file of a system, and a table of them."""
    folder = tmp_path_factory.mktemp("images")
    generator = np.random.default_rng(0)
    rows = ["path,label"]
    for number in range(30):
        name = ["ant", "bee", "cow"][number % 3]
        path = folder / "train" / name / ("more" if number % 4 else "") / f"{number:02}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), generator.integers(0, 256, (20, 16, 3), dtype=np.uint8))
        rows.append(f"train/{path.relative_to(folder / 'train')},{name}")
    (folder / "train" / "ant" / "notes.txt").write_text("no image")
    (folder / "train" / "ant" / ".hidden.png").write_text("no image")
    (folder / "train" / "__MACOSX").mkdir()
    (folder / "train" / "__MACOSX" / "x.png").write_text("no image")
    (folder / "train" / "loose.png").write_text("in no class")
    (folder / "table.csv").write_text("\n".join(rows) + "\n")
    return folder


@pytest.fixture
def web(images: Path) -> Iterator[str]:
    with file_server(images) as uri:
        yield uri


def test_class_folders_at_an_address_are_those_on_the_disk(
    images: Path, upload: Uploader, between: Faulty, web: str, tmp_path: Path
) -> None:
    local = FolderSource(images / "train", SIZE)
    bucket = upload(images, "folder")
    for address in (f"{bucket}/train", f"file://{images}/train", f"{web}/train"):
        cache = Cache(tmp_path / address.partition(":")[0])
        remote = FolderSource(address, SIZE, cache=cache)
        assert remote.ids == local.ids
        assert remote.class_names == local.class_names
        assert remote.labels.tolist() == local.labels.tolist()
        assert np.array_equal(remote.read(range(30)), local.read(range(30)))
        generators = [BatchGenerator(source, 8, seed=1) for source in (local, remote)]
        assert generators[0].digest(5) == generators[1].digest(5)
        for (x, _), (other, _) in zip(*generators, strict=True):
            assert np.array_equal(x, other)
        assert remote.fingerprint == FolderSource(address, SIZE, cache=cache).fingerprint
    between.gets.clear()
    FolderSource(f"{bucket}/train", SIZE, cache=Cache(tmp_path / "s3")).read(range(30))
    assert not between.num_gets(".png")  # they are in the cache


def test_the_fingerprint_follows_the_content(
    images: Path, s3: str, upload: Uploader, tmp_path: Path
) -> None:
    address = upload(images, "print")
    cache = Cache(tmp_path / "cache")
    before = FolderSource(f"{address}/train", SIZE, cache=cache)
    pixels = before.read([0])
    name = before.ids[0]
    other = cv2.imencode(".png", np.full((20, 16, 3), 7, np.uint8))[1].tobytes()
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    boto3.client("s3", endpoint_url=s3).put_object(
        Bucket=bucket, Key=f"{prefix}/train/{name}", Body=other
    )
    after = FolderSource(f"{address}/train", SIZE, cache=cache)
    assert after.ids == before.ids
    assert after.fingerprint != before.fingerprint
    assert not np.array_equal(after.read([0]), pixels)
    assert np.array_equal(after.read([1]), before.read([1]))


@pytest.mark.parametrize("kind", ["s3", "http", "file"])
def test_a_table_at_an_address_is_the_one_on_the_disk(
    images: Path, upload: Uploader, web: str, tmp_path: Path, kind: str
) -> None:
    local = ManifestSource(images / "table.csv", SIZE)
    address = {"s3": upload(images, "table"), "http": web, "file": f"file://{images}"}[kind]
    cache = Cache(tmp_path / "cache")
    for table, root in (
        (f"{address}/table.csv", None),
        (f"{address}/table.csv", address),
        (images / "table.csv", address),
    ):
        remote = ManifestSource(table, SIZE, root=root, cache=cache)
        assert remote.ids == local.ids
        assert remote.labels.tolist() == local.labels.tolist()
        assert np.array_equal(remote.read(range(30)), local.read(range(30)))
    pack(remote, tmp_path / "packed", encoding="raw")


def test_what_is_wrong_with_a_table_names_its_address(
    images: Path, s3: str, upload: Uploader, tmp_path: Path
) -> None:
    address = upload(images, "wrong")
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    client = boto3.client("s3", endpoint_url=s3)
    table = "path,label\ntrain/none.png,a\n../x.png,a\ns3://other/x.png,b\n,b\n"
    client.put_object(Bucket=bucket, Key=f"{prefix}/bad.csv", Body=table.encode())
    with pytest.raises(SpoonfulError) as caught:
        ManifestSource(f"{address}/bad.csv", SIZE, cache=Cache(tmp_path / "cache"))
    message = str(caught.value)
    assert message.startswith(f"{address}/bad.csv: ")
    assert f"whose file is missing below {address}: row 1" in message
    assert f"leads out of {address}: row 2 ('../x.png'), row 3 ('s3://other/x.png')" in message
    assert "without a path in column 'path': row 4" in message
    with pytest.raises(SpoonfulError, match=r"nothing.csv: is not there"):
        ManifestSource(f"{address}/nothing.csv", SIZE)
    with pytest.raises(SpoonfulError, match="expected that of its files"):
        ManifestSource(f"{address}/table.csv", SIZE, root=images)


def test_an_image_that_cannot_be_decoded_is_named_by_its_address(
    images: Path, s3: str, upload: Uploader, tmp_path: Path
) -> None:
    address = upload(images, "bad")
    bucket, _, prefix = address.removeprefix("s3://").partition("/")
    key = f"{prefix}/train/ant/more/03.png"
    boto3.client("s3", endpoint_url=s3).put_object(Bucket=bucket, Key=key, Body=b"no image")
    source = FolderSource(f"{address}/train", SIZE, cache=Cache(tmp_path / "cache"))
    with pytest.raises(SpoonfulError) as caught:
        source.read(range(30))
    assert str(caught.value).startswith(f"{address}/train/ant/more/03.png: ")


def test_a_damaged_copy_of_an_image_is_downloaded_again(
    images: Path, upload: Uploader, between: Faulty, tmp_path: Path
) -> None:
    source = FolderSource(f"{upload(images, 'rot')}/train", SIZE, cache=Cache(tmp_path / "cache"))
    expected = source.read(range(30))
    for path in (tmp_path / "cache").glob("?/*"):
        path.write_bytes(b"\0" * path.stat().st_size)
    between.gets.clear()
    assert np.array_equal(source.read(range(30)), expected)
    assert between.num_gets(".png") == 30


@pytest.mark.parametrize(("fault", "num_faults"), [("flip", 1), ("cut", 2), ("500", 2)])
def test_a_fault_on_the_way_is_seen_and_tried_again(
    images: Path, upload: Uploader, between: Faulty, tmp_path: Path, fault: str, num_faults: int
) -> None:
    address = upload(images, f"image-{fault}")
    source = FolderSource(f"{address}/train", SIZE, cache=Cache(tmp_path / "cache"))
    between.break_down(fault, num_faults, only="03.png")  # of which S3 lists the MD5
    local = FolderSource(images / "train", SIZE)
    assert np.array_equal(source.read(range(30)), local.read(range(30)))
    assert between.num_faults == 0


def test_an_empty_address_is_named(images: Path, upload: Uploader, between: Faulty) -> None:
    address = upload(images, "empty")
    for wrong in (f"{address}/none", "s3://no-such-bucket/x"):
        with pytest.raises(SpoonfulError, match=f"{wrong}: "):
            FolderSource(wrong, SIZE)
    with pytest.raises(SpoonfulError, match="holds no class folders"):
        FolderSource(f"{address}/train/ant/more", SIZE)
    with pytest.raises(SpoonfulError, match="loses a slash; pass it as a text"):
        FolderSource(Path("s3://bucket/train"), SIZE)


def test_files_of_a_server_without_checksums_are_hashed(images: Path, tmp_path: Path) -> None:
    """Python's web server lists neither ETag nor checksum: the fingerprint is of the bytes."""
    with file_server(images) as web:
        source = FolderSource(f"{web}/train", SIZE, cache=Cache(tmp_path / "cache"))
        local = FolderSource(images / "train", SIZE)
        assert source.content_hashes == local.content_hashes
        assert source.fingerprint == local.fingerprint


def test_no_thread_or_file_stays_open(images: Path, upload: Uploader, tmp_path: Path) -> None:
    address = upload(images, "closed")

    def num_open() -> int:
        return sum(1 for _ in Path("/proc/self/fd").iterdir())

    for _ in range(2):
        source = FolderSource(f"{address}/train", SIZE, cache=Cache(tmp_path / "cache"))
        source.read(range(30))
        first = num_open()
    source.read(range(30))
    assert num_open() <= first
    assert sum(t.name == "spoonful-download" for t in threading.enumerate()) <= 32


def test_a_source_at_an_address_can_be_sent_to_another_process(
    images: Path, upload: Uploader, tmp_path: Path
) -> None:
    source = FolderSource(f"{upload(images, 'sent')}/train", SIZE, cache=Cache(tmp_path / "c"))
    BatchGenerator(source, 8).stream()[0]
    copy = pickle.loads(pickle.dumps(source))
    assert copy.fingerprint == source.fingerprint
    assert np.array_equal(copy.read(range(30)), source.read(range(30)))


def test_an_etag_that_is_no_md5_is_found_out(tmp_path: Path) -> None:
    """The ETag of an encrypted object looks like one; two equal downloads are believed."""
    (tmp_path / "file").write_bytes(b"content")
    file = RemoteFile("file", 7, "ab" * 32, md5="0" * 32)
    files = RemoteFiles(Store(f"file://{tmp_path}"), [file], Cache(tmp_path / "cache"))
    (descriptor,) = files.opened([0])
    assert os.read(descriptor, 10) == b"content"
    os.close(descriptor)
    assert files.num_downloaded_bytes == 14
