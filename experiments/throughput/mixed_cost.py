"""What it costs to place images at random: packing files, and reading a store from a cold cache.

    python experiments/throughput/mixed_cost.py [--pairs 5] [--publish]

Packs the photographs in both orders, in turn, and then reads both stores with each shuffle, in
turn. Prints medians, and the ratio of the mixed store to that in the order of classes. "Cold": the
files were taken out of the page cache before. A disk that is a file on another machine may have
them in a cache of its own: the bytes read from it are exact, the times those of that disk.
"""

import argparse
import os
import shutil
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("KERAS_BACKEND", "tensorflow")

from layout import BenchData, warm_page_cache
from machine import hardware
from prepare import PHOTO_SIZE

from spoonful.files.tables import markdown, put_between
from spoonful.project import project_root
from spoonful.sources.packed.meta import BY_CLASS, MIXED

_README = Path(__file__).resolve().parent / "README.md"
_ORDERS = (MIXED, BY_CLASS)
_SHUFFLES = ("block", "none", "full")
_BATCH_SIZE = 32


@dataclass(frozen=True)
class Cost:
    """One pass over all images.

    Attributes:
        images_per_s: how fast.
        kib_per_image: KiB read from the disk.
    """

    images_per_s: float
    kib_per_image: float


def measured(pass_over: Callable[[], int]) -> Cost:
    """Time a pass, which returns its number of images, and count what it reads from the disk."""
    begin, begin_bytes = time.perf_counter(), _bytes_read()
    num_images = pass_over()
    seconds = time.perf_counter() - begin
    return Cost(num_images / seconds, (_bytes_read() - begin_bytes) / 1024 / num_images)


def _bytes_read() -> int:
    """Return how many bytes this process has had the system read from disks."""
    lines = Path("/proc/self/io").read_text().splitlines()
    return int(dict(line.split(": ") for line in lines)["read_bytes"])


def forget(folder: Path) -> None:
    """Take the files below a folder out of the page cache."""
    for path in folder.rglob("*"):
        if path.is_file():
            number = os.open(path, os.O_RDONLY)
            os.fsync(number)
            os.posix_fadvise(number, 0, 0, os.POSIX_FADV_DONTNEED)
            os.close(number)


def packing(photos: Path, store: Path, order: str, is_cold: bool) -> Cost:
    """Pack the photographs as pixels."""
    from spoonful import FolderSource, pack

    source = FolderSource(photos, PHOTO_SIZE)
    source.fingerprint  # noqa: B018 - computed once, and no part of packing
    shutil.rmtree(store, ignore_errors=True)
    forget(photos) if is_cold else warm_page_cache(photos)
    return measured(lambda: pack(source, store, order=order).meta.num_examples)


def reading(store: Path, shuffle: str) -> Cost:
    """Read one epoch of a store that is not in the page cache."""
    from spoonful import BatchGenerator, PackedSource

    source = PackedSource(store, loaded_mb=0)
    generator = BatchGenerator(source, _BATCH_SIZE, shuffle=shuffle, verify_shards=False)
    forget(store)

    def epoch() -> int:
        stream = generator.stream()
        num_images = sum(len(stream[step][0]) for step in range(len(generator)))
        stream.close()
        return num_images

    return measured(epoch)


def in_turn(name: str, num_pairs: int, once: Callable[[str], Cost]) -> tuple[str, ...]:
    """Measure both orders in turn; return a row of the table."""
    found: dict[str, list[Cost]] = {order: [] for order in _ORDERS}
    for number in range(num_pairs):
        for order in _ORDERS if number % 2 else reversed(_ORDERS):
            found[order].append(once(order))
            print(f"{name}, {order}: {found[order][-1]}", flush=True)
    speeds = {order: statistics.median(c.images_per_s for c in found[order]) for order in _ORDERS}
    kib = {order: statistics.median(c.kib_per_image for c in found[order]) for order in _ORDERS}
    return (
        name,
        *(f"{speeds[order]:,.0f}" for order in _ORDERS),
        f"{speeds[MIXED] / speeds[BY_CLASS]:.2f}",
        *(f"{kib[order]:.1f}" for order in _ORDERS),
    )


def main() -> None:
    """Print the table, and publish it if asked to."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=5)
    parser.add_argument("--publish", action="store_true", help="write the table of the README")
    parser.add_argument("--data", type=Path, default=project_root() / "data" / "bench")
    arguments = parser.parse_args()
    data = BenchData(arguments.data.resolve())
    stores = {order: data.packed(f"photos-{order}") for order in _ORDERS}
    rows = [
        in_turn(
            f"packing files, {'cold' if is_cold else 'in the page cache'}",
            arguments.pairs,
            lambda order, is_cold=is_cold: packing(data.photos, stores[order], order, is_cold),  # type: ignore[misc]
        )
        for is_cold in (False, True)
    ]
    rows += [
        in_turn(
            f"reading, `shuffle={shuffle}`, cold",
            arguments.pairs,
            lambda order, shuffle=shuffle: reading(stores[order], shuffle),  # type: ignore[misc]
        )
        for shuffle in _SHUFFLES
    ]
    names = (
        "",
        "mixed, images/s",
        "by class, images/s",
        "ratio",
        "mixed, KiB an image",
        "by class",
    )
    table = f"{markdown(names, rows)}\n\nMedians of {arguments.pairs} pairs. {hardware()}."
    print(table)
    if arguments.publish:
        put_between(_README, "mixed", table)


if __name__ == "__main__":
    main()
