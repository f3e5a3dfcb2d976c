"""`source.address`: training from copies of data/packed in an S3 server, without the images."""

import shutil
from pathlib import Path

import boto3
import pytest

from tests.processes import run_spoonful
from tests.sources.remote.faulty import s3_server
from tests.stages.conftest import Processes

pytestmark = pytest.mark.slow
TRAIN = ("train", "model=mlp", "trainer.epochs=2")


@pytest.fixture
def address(digits_data: Path, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """The address of a copy of data/packed."""
    with s3_server() as uri:
        for name, value in {
            "AWS_ENDPOINT_URL": uri,
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_DEFAULT_REGION": "us-east-1",
        }.items():
            monkeypatch.setenv(name, value)
        client = boto3.client("s3")
        client.create_bucket(Bucket="digits")
        for path in sorted((digits_data / "packed").rglob("*")):
            if path.is_file():
                key = f"packed/{path.relative_to(digits_data / 'packed')}"
                client.put_object(Bucket="digits", Key=key, Body=path.read_bytes())
        yield "s3://digits/packed"


def test_a_training_from_a_store_is_the_one_from_the_disk(
    digits: Path, processes: Processes, address: str
) -> None:
    assert run_spoonful(digits, *TRAIN).returncode == 0
    local = processes.runs()[0]
    for name in ("packed", "split", "raw"):  # as a machine without the images
        shutil.rmtree(digits / "data" / name)
    (digits / "data" / "split.json").unlink()
    remote = [f"source.address={address}"]
    done = run_spoonful(digits, *TRAIN, *remote)
    assert done.returncode == 0, done.stderr
    run = processes.runs()[0]
    assert run.info.run_id != local.info.run_id
    # digest.data and digest.split are of the images, which are not here.
    for name in ("fingerprint.train", "fingerprint.val", "digest.train", "digest.val"):
        assert run.data.tags[name] == local.data.tags[name], name
    assert run.data.metrics["val_loss"] == local.data.metrics["val_loss"]
    assert list((digits / "data" / ".downloads").glob("?/*"))
    done = run_spoonful(digits, "evaluate", *remote)
    assert done.returncode == 0, done.stderr
    assert "test accuracy" in done.stdout


def test_a_training_continues_from_a_store_what_it_began_from_the_disk(
    digits: Path, processes: Processes, address: str, tmp_path: Path
) -> None:
    import signal

    code, _, errors = processes.interrupted_by(
        signal.SIGTERM, "model=mlp", "trainer.epochs=40", "trainer.checkpoint_every_steps=20"
    )
    assert code, errors
    shutil.rmtree(digits / "data" / "packed")
    done = run_spoonful(
        digits,
        *("train", "model=mlp", "trainer.epochs=40", "trainer.checkpoint_every_steps=20"),
        *("trainer.resume=auto", f"source.address={address}", f"cache.dir={tmp_path / 'cache'}"),
    )
    assert done.returncode == 0, done.stderr
    assert "resum" in (done.stdout + done.stderr).lower()


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("source.address=data/packed",), "source.address=data/packed: expected an address"),
        (("source.address=s3://digits/none",), "s3://digits/none/train/meta.json: is not there"),
        (("cache.max_gb=0",), "cache.max_gb=0"),
        (("dataset.val_fraction=0.3",), "the split was made otherwise: val_fraction"),
        (("dataset.image_size=[9,9]",), "was packed otherwise: image_shape"),
    ],
)
def test_what_does_not_fit_is_one_line(
    digits: Path, address: str, tmp_path: Path, overrides: tuple[str, ...], words: str
) -> None:
    shutil.rmtree(digits / "data")
    given = [f"source.address={address}", f"cache.dir={tmp_path / 'cache'}"]
    names = {one.partition("=")[0] for one in overrides}
    kept = [one for one in given if one.partition("=")[0] not in names]
    done = run_spoonful(digits, *TRAIN, *kept, *overrides)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
