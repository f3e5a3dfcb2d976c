"""A packed split on disk, and the same one in a real S3 server behind a faulty connection."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import boto3
import numpy as np
import pytest

from spoonful import ArraySource, pack
from spoonful.sources.remote import store
from tests.sources.remote.faulty import Faulty, s3_server

SIDE = 64
NUM_EXAMPLES = 800
Uploader = Callable[[Path, str], str]


def until(condition: Callable[[], bool], what: str) -> None:
    """Wait until something is so, for at most a minute."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, f"no {what} within a minute"
        time.sleep(0.02)


@pytest.fixture(scope="package")
def s3() -> Iterator[str]:
    with s3_server() as uri:
        yield uri


@pytest.fixture(scope="package")
def split(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """800 images of 64x64x3 (9.4 MiB) in shards of 1 MiB, the same as JPEG, and the same mixed."""
    generator = np.random.default_rng(0)
    images = generator.integers(0, 256, (NUM_EXAMPLES, SIDE, SIDE, 3), dtype=np.uint8)
    labels = np.arange(NUM_EXAMPLES) % 3
    source = ArraySource(images, labels, ["ant", "bee", "cow"])
    folder = tmp_path_factory.mktemp("split")
    pack(source, folder / "raw", order="class", shard_mb=1)
    pack(source, folder / "jpeg", order="class", encoding="jpeg", shard_mb=1)
    pack(source, folder / "mixed", order="mixed", shard_mb=1)
    return folder


@pytest.fixture(scope="package")
def way(s3: str) -> Iterator[Faulty]:
    faulty = Faulty(s3)
    yield faulty
    faulty.close()


@pytest.fixture
def between(way: Faulty, monkeypatch: pytest.MonkeyPatch) -> Faulty:
    """The way to the S3 server, which all of fsspec and botocore takes."""
    way.break_down("")
    way.gets.clear()
    for name, value in {
        "AWS_ENDPOINT_URL": way.uri,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        # botocore's and s3fs' own tries, so that each fault is seen by ours, and none is added.
        "AWS_MAX_ATTEMPTS": "1",
        "FSSPEC_S3": '{"config_kwargs": {"connect_timeout": 60, "read_timeout": 60}}',
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(store, "FIRST_WAIT_S", 0.01)
    monkeypatch.setattr(store, "MAX_WAIT_S", 0.02)
    return way


@pytest.fixture
def upload(s3: str, between: Faulty, tmp_path: Path) -> Uploader:
    """`upload(folder, name)` puts a folder into a new bucket, and returns its address."""

    def put(folder: Path, name: str) -> str:
        client = boto3.client("s3", endpoint_url=s3)
        bucket = f"{name}-{abs(hash(tmp_path)):x}"
        client.create_bucket(Bucket=bucket)
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                key = f"data/{path.relative_to(folder)}"
                client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
        return f"s3://{bucket}/data"

    return put
