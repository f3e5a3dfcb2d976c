"""A store that fails: what is tried again, what is named, and what the cache holds after it."""

from pathlib import Path

import numpy as np
import pytest

from spoonful import BatchGenerator, Cache, PackedSource, SpoonfulError
from spoonful.sources.remote import store
from tests.sources.remote.conftest import NUM_EXAMPLES, Uploader, until
from tests.sources.remote.faulty import Faulty

pytestmark = pytest.mark.timeout(120)
ALL = range(NUM_EXAMPLES)


def files_in(cache: Path) -> list[Path]:
    """What the cache holds under final names."""
    return [path for path in cache.glob("?/*") if path.is_file()]


def downloading(cache: Path) -> list[Path]:
    """What is left of downloads."""
    return [path for path in (cache / "incoming").iterdir() if path.suffix != ".room"]


@pytest.mark.parametrize("fault", ["500", "cut", "flip", "spoil"])
def test_a_fault_that_passes_is_tried_again(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path, fault: str
) -> None:
    address = upload(split / "raw", f"passes-{fault}")
    source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache"))
    between.break_down(fault, num_faults=2, only="images-00003")
    if fault == "flip":  # a download is checked as a whole, and made twice
        between.num_faults = 1
    assert np.array_equal(source.read(ALL), PackedSource(split / "raw").read(ALL))
    assert between.num_faults == 0
    assert not downloading(tmp_path / "cache")


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("500", "tried 4 times; is the store or the network gone?"),
        ("cut", "tried 4 times; is the store or the network gone?"),
        ("flip", "the copy in the store is damaged, or the connection; upload the file again"),
        ("spoil", "tried 4 times; is the store or the network gone?"),
        ("403", "no access"),
    ],
)
def test_a_fault_that_stays_is_named_with_the_address(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path, fault: str, words: str
) -> None:
    address = upload(split / "raw", f"stays-{fault}")
    source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache"))
    between.break_down(fault, only="images-00003")
    with pytest.raises(SpoonfulError, match=words) as caught:
        source.read(ALL)
    assert str(caught.value).startswith(f"{address}/images-00003.npy: ")
    assert "\n" not in str(caught.value)
    until(lambda: not downloading(tmp_path / "cache"), "end of the other downloads")
    shards = {file.sha256: file.num_bytes for file in source.meta.files}
    assert {path.name: path.stat().st_size for path in files_in(tmp_path / "cache")}.items() <= (
        shards.items()
    )
    between.break_down("")  # the next one succeeds
    assert np.array_equal(source.read(ALL), PackedSource(split / "raw").read(ALL))


def test_a_store_that_hangs_is_named_within_the_limit(
    split: Path,
    upload: Uploader,
    between: Faulty,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(store, "REQUEST_LIMIT_S", 0.5)
    address = upload(split / "raw", "hangs")
    source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache"))
    between.break_down("hang", only="images-00003")
    with pytest.raises(SpoonfulError, match=r"images-00003.npy: .*no answer within 0.5 s"):
        source.read(ALL)


def test_a_generator_names_the_download_that_it_waits_for(
    split: Path, upload: Uploader, between: Faulty, tmp_path: Path
) -> None:
    address = upload(split / "raw", "waits")
    source = PackedSource(address, loaded_mb=0, cache=Cache(tmp_path / "cache"))
    between.break_down("hang", only="images-0")
    stream = BatchGenerator(source, 32, read_timeout_s=1.5, num_threads=2).stream()
    with pytest.raises(
        SpoonfulError,
        match=rf"was not read within read_timeout_s=1.5.*waiting for {address}/images-0",
    ):
        stream[0]
    stream.close()


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("s3://no-such-bucket/train", "is not there"),
        ("memory://nothing/train", "is not there"),
        ("nosuch://bucket/train", "expected an address that fsspec opens"),
        ("http://127.0.0.1:9/train", "tried 4 times"),
    ],
)
def test_an_address_without_a_split_is_one_line(
    between: Faulty, tmp_path: Path, address: str, words: str
) -> None:
    with pytest.raises(SpoonfulError, match=words) as caught:
        PackedSource(address, cache=Cache(tmp_path / "cache"))
    assert str(caught.value).startswith(address)
    assert "Traceback" not in str(caught.value)


def test_missing_credentials_are_named(
    split: Path,
    between: Faulty,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import fsspec

    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    fsspec.filesystem("s3").clear_instance_cache()
    with pytest.raises(SpoonfulError, match=r"s3://bucket/meta.json: no access .*give credentials"):
        PackedSource("s3://bucket", cache=Cache(tmp_path / "cache"))
    fsspec.filesystem("s3").clear_instance_cache()


def test_a_missing_package_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "gcsfs", None)
    with pytest.raises(SpoonfulError, match=r'pip install "spoonful\[cloud\]"'):
        PackedSource("gs://bucket/train", cache=Cache(tmp_path / "cache"))


def test_a_login_and_a_signature_are_not_shown(tmp_path: Path) -> None:
    address = "http://me:secret@127.0.0.1:9/train?X-Amz-Signature=abc"
    with pytest.raises(SpoonfulError) as caught:
        PackedSource(address, cache=Cache(tmp_path / "cache"))
    assert "secret" not in str(caught.value)
    assert "abc" not in str(caught.value)


def test_a_damaged_copy_in_the_cache_is_found_and_brought_again(
    split: Path, upload: Uploader, tmp_path: Path
) -> None:
    address, cache = upload(split / "raw", "rot"), Cache(tmp_path / "cache")
    source = PackedSource(address, loaded_mb=0, cache=cache)
    source.read(ALL)
    path = tmp_path / "cache" / source.meta.shards[2].sha256[:1] / source.meta.shards[2].sha256
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    generator = BatchGenerator(PackedSource(address, loaded_mb=0, cache=cache), 32)
    with pytest.raises(SpoonfulError, match=r"images-00002.npy: expected sha256 .*start again"):
        for _ in generator:
            pass
    generator = BatchGenerator(PackedSource(address, loaded_mb=0, cache=cache), 32)
    for _ in generator:
        pass
    assert np.array_equal(generator.source.read(ALL), PackedSource(split / "raw").read(ALL))
    path.write_bytes(content)  # one that is loaded is checked at once
    assert np.array_equal(
        PackedSource(address, cache=cache).read(ALL), PackedSource(split / "raw").read(ALL)
    )


def test_a_cache_that_cannot_be_made_is_named(split: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoonfulError, match=r"cache folder .*file/cache: cannot be made"):
        PackedSource(f"file://{split}/raw", cache=Cache(tmp_path / "file" / "cache"))


@pytest.mark.parametrize("max_gb", [0, -1, float("inf"), float("nan"), "1", True])
def test_a_wrong_limit_is_named(max_gb: float) -> None:
    with pytest.raises(SpoonfulError, match="max_gb="):
        Cache(max_gb=max_gb)
