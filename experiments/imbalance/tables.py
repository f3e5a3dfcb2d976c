"""The table and the figure of the README: the recall of each class, from the evaluated models."""

import statistics
from collections.abc import Sequence
from pathlib import Path

from longtail import train_counts

from spoonful.config.recorded import settings_from_yaml
from spoonful.figures import save
from spoonful.files.tables import markdown, put_between, read_csv, write_csv
from spoonful.quiet import import_tensorflow
from spoonful.tracking.environment import hardware

SWEEP = "imbalance"
RECALL_NAME, MACHINE_NAME, FIGURE_NAME = "recall.csv", "machine.csv", "recall.png"
_HEADER = ("class_weights", "shuffle", "seed", "class", "train_images", "recall")
TITLES = {
    ("none", "full"): "plain",
    ("balanced", "full"): "class weights",
    ("none", "balanced"): "balanced order",
    ("balanced", "balanced"): "both",
}
_GROUPS = {"100 and more": (100, 1000), "20 to 99": (20, 99), "fewer than 20": (0, 19)}
Rows = Sequence[dict[str, str]]


def publish(folder: Path, sweep_dir: Path, split_table: Path, minutes: float) -> None:
    """Write the recalls as csv, as a figure and into the README."""
    import_tensorflow()  # without its notes, which the hardware's description would bring
    results = folder / "results"
    write_csv(results / RECALL_NAME, _HEADER, _recall_rows(sweep_dir, _train_images(split_table)))
    facts = {**hardware(), "minutes": f"{minutes:.0f}"}
    write_csv(results / MACHINE_NAME, list(facts), [list(facts.values())])
    _draw(read_csv(results / RECALL_NAME), results / FIGURE_NAME)
    for name, content in contents(results).items():
        put_between(folder / "README.md", name, content)


def contents(results: Path) -> dict[str, str]:
    """Return what stands between the README's lines, by name."""
    (machine,) = read_csv(results / MACHINE_NAME)
    return {
        "machine": f"{machine['hardware.num_cores']} cores of {machine['hardware.cpu']}, "
        f"{float(machine['hardware.memory_gb']):.0f} GB, no GPU. {machine['minutes']} min in all.",
        "recall": f"{_table(read_csv(results / RECALL_NAME))}\n\n"
        f"![Recall of each class](results/{FIGURE_NAME})",
    }


def _train_images(split_table: Path) -> dict[str, int]:
    rows = read_csv(split_table)
    return {row["class"]: int(row["images"]) for row in rows if row["split"] == "train"}


def _recall_rows(sweep_dir: Path, train_images: dict[str, int]) -> list[list[object]]:
    if sorted(train_images.values(), reverse=True) != train_counts(len(train_images)):
        raise SystemExit(f"{sweep_dir}: data/split is not that of this experiment")
    rows: list[list[object]] = []
    for path in sorted(sweep_dir.glob("*/evaluate/classes.csv")):
        settings = settings_from_yaml((path.parents[1] / "config.yaml").read_text())
        point = settings["trainer"]["class_weights"], settings["generator"]["shuffle"]
        rows += [
            [*point, settings["seed"], one["class"], train_images[one["class"]], one["recall"]]
            for one in read_csv(path)
        ]
    return rows


def _table(rows: Rows) -> str:
    points = [point for point in TITLES if _of(rows, point)]
    header = ("class", "to train on", *(TITLES[point] for point in points))
    lines = []
    for name, count in _classes(rows):
        lines.append([name, count, *(_mean(_of(rows, point), (name,)) for point in points)])
    for title, (low, high) in _GROUPS.items():
        names = [name for name, count in _classes(rows) if low <= count <= high]
        lines.append(["mean of the classes", title, *(_mean(_of(rows, p), names) for p in points)])
    names = [name for name, _ in _classes(rows)]
    lines.append(["mean of all", "", *(f"**{_mean(_of(rows, p), names)}**" for p in points)])
    return markdown(header, lines)


def _of(rows: Rows, point: tuple[str, str]) -> Rows:
    return [row for row in rows if (row["class_weights"], row["shuffle"]) == point]


def _classes(rows: Rows) -> list[tuple[str, int]]:
    """Return the classes with their numbers of training images, the most frequent first."""
    found = {row["class"]: int(row["train_images"]) for row in rows}
    return sorted(found.items(), key=lambda item: -item[1])


def _by_seed(rows: Rows, names: Sequence[str]) -> list[float]:
    """Return for each seed the mean recall of some classes, in percent."""
    return [
        100
        * statistics.fmean(
            float(r["recall"]) for r in rows if r["seed"] == seed and r["class"] in names
        )
        for seed in sorted({row["seed"] for row in rows})
    ]


def _mean(rows: Rows, names: Sequence[str]) -> str:
    """Write mean and deviation over the seeds."""
    values = _by_seed(rows, names)
    spread = f" ± {statistics.stdev(values):.1f}" if len(values) > 1 else ""
    return f"{statistics.fmean(values):.1f}{spread}"


def _draw(rows: Rows, path: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 4), layout="constrained")
    axes = figure.subplots()
    classes = _classes(rows)
    points = [point for point in TITLES if _of(rows, point)]
    width = 0.8 / len(points)
    for number, point in enumerate(points):
        values = [_by_seed(_of(rows, point), (name,)) for name, _ in classes]
        spreads = [statistics.stdev(v) if len(v) > 1 else 0.0 for v in values]
        places = [i + (number - (len(points) - 1) / 2) * width for i in range(len(classes))]
        means = [statistics.fmean(v) for v in values]
        axes.bar(places, means, width, yerr=spreads, label=TITLES[point], error_kw={"lw": 0.7})
    axes.set_xticks(range(len(classes)), [f"{name}\n{count}" for name, count in classes])
    axes.set_xlabel("class, and its number of training images")
    axes.set_ylabel("recall on test images, %")
    axes.legend(ncols=len(points))
    save(figure, path)
