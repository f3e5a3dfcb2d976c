"""Measure reading and training from the disk and from stores; write the tables of the README.

python experiments/remote/run.py [FOLDER]

FOLDER (data/bench/remote) receives 1 GB of data; it is made once and kept.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from statistics import median

import numpy as np

from spoonful import ArraySource, BatchGenerator, Cache, PackedSource, Source, pack
from spoonful.config.compose import compose_config
from spoonful.config.schema import Config
from spoonful.files.tables import markdown, put_between, write_csv
from spoonful.fitting.epoch_result import EpochResult
from spoonful.fitting.train import train, training_generator
from spoonful.generator.plan import stored_order

_HERE = Path(__file__).resolve().parent
_NUM_IMAGES, _SIDE, _SHARD_MB = 12_000, 112, 1
_ROUNDS = 3
_READ_STEPS = 375  # an epoch of batches of 32
_GB = 1 << 30


@dataclass(frozen=True)
class Row:
    """One measurement.

    Attributes:
        what: "reading" alone, or "training".
        store: where the images come from.
        repeat: number of the repetition.
        images_per_s: speed.
        wait_percent: share of the time that training waited for images; of reading, 0.
        downloaded: bytes that were downloaded, divided by the bytes of the images.
    """

    what: str
    store: str
    repeat: int
    images_per_s: float
    wait_percent: float
    downloaded: float


def main() -> int:
    """Measure all, alternating between the stores, and publish."""
    begin = time.monotonic()
    data = Path(sys.argv[1] if len(sys.argv) > 1 else "data/bench/remote").absolute()
    packed = _packed(data)
    config = compose_config(["experiment=remote"])
    rows: list[Row] = []
    with _web_server(data) as web, _s3_server(data) as s3:
        cases = _cases(data, packed, web, s3)
        for repeat in range(_ROUNDS):
            for name, source in cases.items():
                rows.append(_read(config, name, source, repeat))
                print(rows[-1], flush=True)
        for name, source in cases.items():
            for row in _train(config, name, source):
                rows.append(row)
                print(row, flush=True)
    path = _HERE / "results" / "remote.csv"
    write_csv(path, [field.name for field in fields(Row)], (astuple(row) for row in rows))
    _publish(rows, time.monotonic() - begin)
    return 0


def _cases(data: Path, packed: Path, web: str, s3: str) -> dict[str, Source]:
    """Return the sources; those with a warm cache have it filled."""
    warm, tenth = data / "warm", data / "tenth"
    for folder in (warm, tenth):
        shutil.rmtree(folder, ignore_errors=True)
    disk = PackedSource(packed, loaded_mb=0)
    # Whichever store a shard comes from, the cache holds it once. The web server is faster.
    PackedSource(f"{web}/packed", loaded_mb=0, cache=Cache(warm)).verify()
    from_s3 = PackedSource(f"{s3}/packed", loaded_mb=0, cache=Cache(warm))
    small = Cache(tenth, disk.meta.num_bytes / 10 / _GB)
    return {
        "disk": disk,
        "S3, warm cache": from_s3,
        "web server, cache of a tenth": PackedSource(f"{web}/packed", loaded_mb=0, cache=small),
    }


def _read(config: Config, name: str, source: Source, repeat: int) -> Row:
    """Read an epoch without training."""
    generator: BatchGenerator = training_generator(config, source)
    stream = generator.stream(start_step=repeat * _READ_STEPS)
    stream.on_epoch_begin()
    begin, before = time.monotonic(), _downloaded(source)
    for index in range(_READ_STEPS):
        stream[index]
    seconds = time.monotonic() - begin
    stream.close()
    num_images = _READ_STEPS * generator.batch_size
    downloaded = _share(source, before, num_images)
    return Row("reading", name, repeat, num_images / seconds, 0.0, downloaded)


def _train(config: Config, name: str, source: Source) -> Iterator[Row]:
    """Train for some epochs; the first one also compiles, and is left out."""
    first = stored_order(source)(0, 0, 64)  # of few shards: a cache of a tenth holds them
    images, labels = source.read(first), np.asarray(source.labels)[first]
    val = ArraySource(images, labels, list(source.class_names))
    results: list[EpochResult] = []
    before = _downloaded(source)
    train(config, source, val, results.append)
    downloaded = _share(source, before, results[-1].images_seen)
    for result in results[1:]:
        wait = 100 * result.input_wait_s / result.train_s
        yield Row("training", name, result.epoch, result.images_per_s, wait, downloaded)


def _downloaded(source: Source) -> int:
    """Return how many bytes were downloaded so far."""
    ahead = getattr(source, "files_ahead", None)
    return 0 if ahead is None else int(ahead.remote.num_downloaded_bytes)


def _share(source: Source, before: int, num_images: int) -> float:
    return (_downloaded(source) - before) / (num_images * _SIDE * _SIDE * 3)


def _packed(data: Path) -> Path:
    """Return a packed split of random pixels, in many small shards."""
    generator = np.random.default_rng(0)
    packed = data / "www" / "packed"
    if not packed.is_dir():
        shape = (_NUM_IMAGES, _SIDE, _SIDE, 3)
        images = generator.integers(0, 256, shape, dtype=np.uint8)
        labels = np.arange(_NUM_IMAGES) * 10 // _NUM_IMAGES
        packed.parent.mkdir(parents=True, exist_ok=True)
        pack(ArraySource(images, labels), packed, encoding="raw", shard_mb=_SHARD_MB)
    return packed


@contextmanager
def _web_server(data: Path) -> Iterator[str]:
    command = [sys.executable, str(_HERE / "server.py"), str(data / "www")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            port = process.stdout.readline().strip() if process.stdout else ""
            yield f"http://127.0.0.1:{port}"
        finally:
            process.kill()


@contextmanager
def _s3_server(data: Path) -> Iterator[str]:
    """Start moto's server with a copy of the split; yield the bucket's address."""
    import boto3
    from moto.server import ThreadedMotoServer

    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        os.environ.update(
            AWS_ENDPOINT_URL=f"http://{host}:{port}",
            AWS_ACCESS_KEY_ID="key",
            AWS_SECRET_ACCESS_KEY="secret",
            AWS_DEFAULT_REGION="us-east-1",
        )
        client = boto3.client("s3")
        client.create_bucket(Bucket="bench")
        for path in sorted((data / "www" / "packed").iterdir()):
            client.put_object(Bucket="bench", Key=f"packed/{path.name}", Body=path.read_bytes())
        yield "s3://bench"
    finally:
        server.stop()


def _publish(rows: list[Row], seconds: float) -> None:
    """Write the table: medians of the repetitions."""
    readme, lines = _HERE / "README.md", []
    for what in ("reading", "training"):
        disk = median(row.images_per_s for row in _of(rows, what, "disk"))
        for store in dict.fromkeys(row.store for row in rows):
            found = _of(rows, what, store)
            speed = median(row.images_per_s for row in found)
            wait = f"{median(row.wait_percent for row in found):.1f}" if what == "training" else ""
            downloaded = f"{median(row.downloaded for row in found):.2f}"
            ratio = f"{speed / disk:.2f}"
            lines.append((what, store, f"{speed:,.0f}", ratio, wait, downloaded))
    header = (
        "",
        "images from",
        "images/s",
        "of the disk's",
        "waits, %",
        "downloaded per byte used",
    )
    put_between(readme, "speed", markdown(header, lines, num_texts=2))
    cores, load = len(os.sched_getaffinity(0)), os.getloadavg()[0]
    words = f"{cores} CPU cores, load average {load:.1f} at the end. {seconds / 60:.0f} min."
    put_between(readme, "machine", words)


def _of(rows: list[Row], what: str, store: str) -> list[Row]:
    return [row for row in rows if (row.what, row.store) == (what, store)]


if __name__ == "__main__":
    sys.exit(main())
