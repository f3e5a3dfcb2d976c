"""`spoonful split`: put every image into exactly one folder of data/split/<split>/<class>."""

import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from spoonful.config.own_data import note_path
from spoonful.config.schema import Config
from spoonful.config.settings import name_of
from spoonful.datasets import Dataset, RawDataset
from spoonful.datasets.dataset import test_fraction_of
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import write_checked
from spoonful.files.lock import locked
from spoonful.files.tables import for_spreadsheets, write_csv
from spoonful.files.text import printable
from spoonful.files.whole import replaced_folder, sync
from spoonful.project import (
    inspect_dir,
    leaks_path,
    raw_dir,
    shown_path,
    split_dir,
    split_summary_path,
    split_table_path,
)
from spoonful.splitting import SPLITS, Assignment, SplitSettings, assign_splits
from spoonful.splitting.assign import counts_of
from spoonful.splitting.digests import data_digest, split_digest
from spoonful.splitting.labels import label_summary
from spoonful.splitting.leaks import find_leaks, leak_lines, leak_words, write_leaks
from spoonful.splitting.placing import place
from spoonful.workflow.image_size import size_lines
from spoonful.workflow.split_files import split_settings, write_list

if TYPE_CHECKING:
    from spoonful.inspection import Found

_NUM_NAMED = 20


def run(config: Config) -> None:
    """Split the raw data, print the table of classes x splits, and keep it beside the split."""
    dataset = config.dataset
    raw = dataset.open_raw(raw_dir())
    looked = _looked_at(raw, config)
    assigned = assign_splits(raw.images, _settings_of(dataset), looked.clusters, looked.faults)
    splits = assigned.splits
    split_dir().parent.mkdir(parents=True, exist_ok=True)
    _check_leaks(raw, assigned, looked.clusters, dataset.on_leak)
    counts = counts_of(raw.images, splits)
    class_names = sorted({class_name for class_name, _ in counts})
    digests = {"digest": split_digest(raw.images, splits), "data_digest": data_digest(raw.images)}
    lock = split_dir().with_name(f".{split_dir().name}.lock")
    with locked(lock, f"{split_dir()} is being written"):  # files that belong together
        with replaced_folder(split_dir()) as folder:
            digests["files_sha256"] = write_list(folder, place(raw, splits, folder))
            # If killed from here on, there is no split.json, which all readers of the split need.
            for path in (split_summary_path(), split_table_path()):
                path.unlink(missing_ok=True)
            sync(split_summary_path().parent)
        # DVC plots a row per class and split as bars.
        cells = ((for_spreadsheets(name), name) for name in class_names)
        rows = ((cell, s, counts[(name, s)]) for cell, name in cells for s in SPLITS)
        write_csv(split_table_path(), ("class", "split", "images"), rows)
        note_path(config, digests["digest"])
        summary = split_summary(config, assigned, len(class_names), digests)
        placed = (i for i, split in zip(raw.images, splits, strict=True) if split is not None)
        sizes = {"image_sizes": None if looked.sizes is None else asdict(looked.sizes)}
        write_checked(split_summary_path(), {**summary, **label_summary(raw, placed), **sizes})
    print(_table_text(class_names, counts))
    for note in (*_notes(raw, assigned, dataset), *size_lines(config, looked.sizes)):
        print(note)


def _looked_at(raw: RawDataset, config: Config) -> "Found":
    """Return bad images and copies; SpoonfulError where bad ones may not be left out."""
    from spoonful.inspection import found
    from spoonful.inspection.gate import check_faults

    looked = found(raw, config)
    check_faults(raw, looked.faults, config.dataset, inspect_dir())
    return looked


def split_summary(
    config: Config, assigned: Assignment, num_classes: int, digests: dict[str, str]
) -> dict[str, Any]:
    """Return the content of data/split.json: a DVC metric, and a check for `train`'s config."""
    counts = Counter(assigned.splits)
    return {
        "dataset": name_of(config.dataset),
        "num_classes": num_classes,
        "num_images": {split: counts[split] for split in SPLITS},
        **digests,
        "settings": split_settings(config),
        "num_dropped": assigned.num_dropped,
    }


def _settings_of(dataset: Dataset) -> SplitSettings:
    return SplitSettings(
        dataset.val_fraction,
        test_fraction_of(dataset),
        dataset.split_seed,
        dataset.split_method,
        dataset.small_classes,
        dataset.copies,
    )


def _check_leaks(
    raw: RawDataset, assigned: Assignment, clusters: list[list[int]], on_leak: str
) -> None:
    """Write data/leaks.csv, and stop or warn where splits that the data gives have leaks."""
    leaks = find_leaks(assigned.units, assigned.splits)
    write_leaks(leaks_path(), raw, assigned.splits, leaks, clusters)
    if not leaks:
        return
    table = shown_path(leaks_path())
    words = f"{leak_words(assigned.splits, leaks)}; {table} lists all"
    print("\n".join(leak_lines(raw, assigned.splits, leaks, clusters)), file=sys.stderr)
    if on_leak == "error":
        raise SpoonfulError(
            f"{words}; leave each set in one split and fetch again, or continue with "
            "dataset.on_leak=warn"
        )
    print(f"warning: {words}", file=sys.stderr)


def _notes(raw: RawDataset, assigned: Assignment, dataset: Dataset) -> list[str]:
    """Say what the table does not show."""
    notes = []
    given = [split for split in SPLITS if split not in assigned.cuts]
    if len(given) > 1 or (given == ["train"] and _gives_train(raw)):
        cut = f"; cut from train: {', '.join(assigned.cuts)}" if assigned.cuts else ""
        notes.append(f"as the data gives them: {', '.join(given)}{cut}")
    if getattr(dataset, "group", None) is not None:
        groups = Counter(image.group for image in raw.images)
        alone = groups.pop(None, 0)
        notes.append(f"{len(groups):,} groups; {alone:,} images in none, each by itself")
    for found, words in (
        (assigned.num_dropped, "left out: too small for all splits"),
        (assigned.train_only, "only in train: too small for all splits"),
    ):
        if found:
            names = [f"{printable(name)} ({count:,})" for name, count in found.items()]
            more = f" and {len(names) - _NUM_NAMED:,} more" if len(names) > _NUM_NAMED else ""
            notes.append(f"{words}: {', '.join(names[:_NUM_NAMED])}{more}")
    return notes


def _gives_train(raw: RawDataset) -> bool:
    return any(image.given_split == "train" for image in raw.images)


def _table_text(class_names: Sequence[str], counts: Counter[tuple[str, str]]) -> str:
    names = [printable(name) for name in class_names]
    width = max(len("class"), *map(len, names))
    lines = [f"{'class':<{width}}" + "".join(f"{split:>9}" for split in (*SPLITS, "all"))]
    cells = [[counts[(name, split)] for split in SPLITS] for name in class_names]
    totals = [sum(numbers) for numbers in zip(*cells, strict=True)]
    for name, numbers in [*zip(names, cells, strict=True), ("all", totals)]:
        row = "".join(f"{number:>9,}" for number in (*numbers, sum(numbers)))
        lines.append(f"{name:<{width}}{row}")
    return "\n".join(lines)
