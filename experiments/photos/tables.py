"""The tables of the README: what a size and an input cost, from the runs in MLflow."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from spoonful.compare.runs import PointRun
from spoonful.config.compose import compose_config
from spoonful.files.tables import markdown, put_between, read_csv, write_csv
from spoonful.quiet import import_tensorflow
from spoonful.tracking.environment import hardware
from spoonful.tracking.sweeps import read_sweep

SIZES = (96, 128)
INPUTS = ("folder", "jpeg", "raw")
INPUT = "photos_input"
TITLES = {"folder": "JPEG files", "jpeg": "packed as JPEG", "raw": "packed as pixels"}
INPUT_NAME, SIZE_NAME, MACHINE_NAME = "input.csv", "size.csv", "machine.csv"


def sweep_name(size: int) -> str:
    """Return the name of the sweep at a size: over the shuffles at the first, else the seeds."""
    return "photos" if size == SIZES[0] else f"photos_{size}"


def publish(folder: Path, minutes: float) -> None:
    """Write the tables as csv and into the README."""
    import_tensorflow()  # without its notes, which the hardware's description would bring
    results = folder / "results"
    write_csv(results / INPUT_NAME, _INPUT_HEADER, _input_rows())
    write_csv(results / SIZE_NAME, _SIZE_HEADER, _size_rows())
    facts = {**hardware(), "minutes": f"{minutes:.0f}"}
    write_csv(results / MACHINE_NAME, list(facts), [list(facts.values())])
    for name, content in contents(results).items():
        put_between(folder / "README.md", name, content)


def contents(results: Path) -> dict[str, str]:
    """Return what stands between the README's lines, by name."""
    (machine,) = read_csv(results / MACHINE_NAME)
    return {
        "machine": f"{machine['hardware.num_cores']} cores of {machine['hardware.cpu']}, "
        f"{float(machine['hardware.memory_gb']):.0f} GB, no GPU. {machine['minutes']} min in all.",
        "input": _input_table(read_csv(results / INPUT_NAME)),
        "size": _size_table(read_csv(results / SIZE_NAME)),
    }


_INPUT_HEADER = ("size", "input", "images_per_s", "input_wait_fraction", "peak_rss_mb", "digest")
_SIZE_HEADER = ("size", "shuffle", "seed", "val_accuracy", "test_accuracy")


def _runs(sweep: str) -> Sequence[PointRun]:
    """Return a sweep's finished runs; of those that were made again the newest."""
    runs = read_sweep(compose_config([]).tracking, sweep).runs
    newest = {(_size_of(run), _input_of(run), run.name): run for run in runs if run.is_finished}
    return list(newest.values())


def _size_of(run: PointRun) -> int:
    return int(str(run.setting("dataset.image_size")).strip("[]").split(",")[0])


def _input_of(run: PointRun) -> str:
    return "folder" if run.setting("source") == "folder" else str(run.setting("pack"))


def _input_rows() -> list[list[object]]:
    rows: list[list[object]] = []
    for run in _runs(INPUT):
        # The first epoch begins with reading what no memory holds yet.
        speed, wait = (
            statistics.median(run.epochs(name)[1:])
            for name in ("images_per_s", "input_wait_fraction")
        )
        digest = int(run.scalars["digest_train"])
        rows.append(
            [_size_of(run), _input_of(run), speed, wait, run.scalars["peak_rss_mb"], digest]
        )
    return rows


def _size_rows() -> list[list[object]]:
    return [
        [
            _size_of(run),
            run.setting("generator.shuffle"),
            run.setting("seed"),
            run.epochs("val_accuracy")[-1],
            run.scalars["test_accuracy"],
        ]
        for size in SIZES
        for run in _runs(sweep_name(size))
    ]


def _input_table(rows: Sequence[dict[str, str]]) -> str:
    header = ("size", "read from", "images/s", "waiting, %", "peak MiB", "the same batches as")
    lines = []
    for row in rows:
        same = [
            TITLES[other["input"]]
            for other in rows
            if other is not row and (other["size"], other["digest"]) == (row["size"], row["digest"])
        ]
        lines.append(
            [
                row["size"],
                TITLES[row["input"]],
                f"{float(row['images_per_s']):.0f}",
                f"{100 * float(row['input_wait_fraction']):.1f}",
                f"{float(row['peak_rss_mb']):,.0f}",
                ", ".join(same) or "none",
            ]
        )
    return markdown(header, lines, num_texts=2)


def _size_table(rows: Sequence[dict[str, str]]) -> str:
    lines = []
    for size, shuffle in dict.fromkeys((row["size"], row["shuffle"]) for row in rows):
        own = [row for row in rows if (row["size"], row["shuffle"]) == (size, shuffle)]
        accuracies = [_percent(own, name) for name in ("val_accuracy", "test_accuracy")]
        lines.append([size, shuffle, *accuracies])
    return markdown(("size", "shuffle", "validation, %", "test, %"), lines, num_texts=2)


def _percent(rows: Sequence[dict[str, str]], name: str) -> str:
    """Write mean and deviation over the seeds."""
    values = [100 * float(row[name]) for row in rows]
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread}"
