"""What the README shows of the results."""

import statistics
from collections.abc import Callable, Sequence
from pathlib import Path

from cases import (
    BATCH_SIZE,
    FAULTS_NAME,
    FEEDING_NAME,
    FILES_NAME,
    KERAS,
    LARGE_BATCH_SIZE,
    MACHINE_NAME,
    OURS_FILES,
    TITLES,
    TRAINING_NAME,
)
from machine import machine_line

from spoonful.files.tables import markdown, put_between, read_csv

Row = dict[str, str]


def publish(results: Path, readme: Path) -> None:
    """Write all tables between the README's markers."""
    for name, content in contents(results).items():
        put_between(readme, name, content)


def contents(results: Path) -> dict[str, str]:
    """Return what stands between the markers, by their name."""
    return {
        "machine": machine_line(read_csv(results / MACHINE_NAME)[0]),
        "training": _training(read_csv(results / TRAINING_NAME)),
        "feeding": _feeding(read_csv(results / FEEDING_NAME)),
        "faults": _faults(read_csv(results / FAULTS_NAME)),
        "files": _files(read_csv(results / FILES_NAME)),
    }


def _measured(rows: Sequence[Row]) -> list[str]:
    """Return the generators that a table has, in its order."""
    return list(dict.fromkeys(row["generator"] for row in rows))


def _training(rows: Sequence[Row]) -> str:
    """Write a row a quantity, a column a generator."""
    num_seeds = len({row["seed"] for row in rows})
    names = _measured(rows)
    own = {name: [row for row in rows if row["generator"] == name] for name in names}
    lines = []
    for title, column, scale, shape in (
        ("test accuracy, each pixel divided once, %", "accuracy", 100, "{:.2f}"),
        ("test accuracy through its own generator, %", "own_accuracy", 100, "{:.2f}"),
        ("of that at the last place of a batch, %", "last_place_accuracy", 100, "{:.2f}"),
        ("of that at the other places, %", "other_places_accuracy", 100, "{:.2f}"),
        ("test images that its own generator serves", "own_images", 1, "{:,.0f}"),
        ("training, images/s", "images_per_s", 1, "{:,.0f}"),
        ("longest wait between epochs, s", "longest_wait_s", 1, "{:.1f}"),
        ("peak memory of the process, MiB", "peak_rss_mb", 1, "{:,.0f}"),
    ):
        values = {name: [scale * float(row[column]) for row in own[name]] for name in names}
        lines.append([title, *(_spread(values[name], shape) for name in names)])
    first = f"{rows[0]['epochs']} epochs; median of {num_seeds} seeds (lowest to highest)"
    return markdown([first, *(TITLES[name] for name in names)], lines)


def _spread(values: Sequence[float], shape: str) -> str:
    """Write the median, and between which values it lies."""
    median, low, high = (shape.format(f(values)) for f in (statistics.median, min, max))
    return median if low == high else f"{median} ({low} to {high})"


def _feeding(rows: Sequence[Row]) -> str:
    sizes = sorted({int(row["images"]) for row in rows})
    header = ["with no network"]
    header += [f"batch {size}, images/s" for size in (BATCH_SIZE, LARGE_BATCH_SIZE)]
    header += [f"memory for {size:,} images, MiB" for size in sizes]
    lines = []
    for name in _measured(rows):
        own = {
            (int(row["images"]), int(row["batch_size"])): row
            for row in rows
            if row["generator"] == name
        }
        speeds = [own[sizes[0], size]["images_per_s"] for size in (BATCH_SIZE, LARGE_BATCH_SIZE)]
        memories = [own[size, BATCH_SIZE]["data_mb"] for size in sizes]
        lines.append([TITLES[name], *(f"{float(v):,.0f}" for v in (*speeds, *memories))])
    return markdown(header, lines)


def _faults(rows: Sequence[Row]) -> str:
    """Write a row a fault, a column a generator."""
    found = {row["generator"]: row for row in rows}
    any_row = rows[0]
    num_train, num_test = int(any_row["train_images"]), int(any_row["test_images"])
    shown: list[tuple[str, Callable[[Row], str]]] = [
        (f"images of an epoch ({num_train:,}) at the right scale", _count("right_images")),
        (
            "images of an epoch that are 0 in every pixel",
            _count("black_images"),
        ),
        ("training images that an epoch leaves out", _count("left_out")),
        (f"the same at batch {LARGE_BATCH_SIZE}", _count("left_out_of_large_batches")),
        (
            f"test images ({num_test:,}) that a validation leaves out",
            _count("left_out_of_validation"),
        ),
        (
            f"test images that one or more of {any_row['validations']} validations left out",
            _count("left_out_at_times"),
        ),
        (
            "places of the first epoch with the same image where another part of the program "
            "drew one random number before",
            _percent("same_order"),
        ),
        (
            "places of the third epoch with the same image where the program was started again "
            "before it, with the same seed",
            _percent("resumed_order"),
        ),
    ]
    lines = [[title, *(value(row) for row in found.values())] for title, value in shown]
    return markdown(["", *(TITLES[name] for name in found)], lines)


def _count(column: str) -> Callable[[Row], str]:
    return lambda row: f"{int(row[column]):,}"


def _percent(column: str) -> Callable[[Row], str]:
    return lambda row: f"{100 * float(row[column]):.3g} %"


def _files(rows: Sequence[Row]) -> str:
    """Write a row a finding; both are words."""
    columns = (KERAS, OURS_FILES)
    lines = [[row["what"], *(row[name] for name in columns)] for row in rows]
    return markdown(["", *(TITLES[name] for name in columns)], lines, num_texts=3)
