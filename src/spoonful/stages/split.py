"""`spoonful split`: put every image into exactly one folder of data/split/<split>/<class>."""

import sys
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

from spoonful.config.own_data import note_path
from spoonful.config.schema import Config
from spoonful.config.settings import name_of
from spoonful.datasets import RawImage
from spoonful.datasets.dataset import test_fraction_of
from spoonful.files.checked_json import write_checked
from spoonful.files.lock import locked
from spoonful.files.tables import write_csv
from spoonful.files.whole import replaced_folder, sync
from spoonful.project import raw_dir, split_dir, split_summary_path, split_table_path
from spoonful.splitting import SPLITS, assign_splits
from spoonful.splitting.digests import data_digest, split_digest
from spoonful.splitting.labels import label_summary
from spoonful.splitting.placing import place
from spoonful.workflow.split_files import split_settings, write_list


def run(config: Config) -> None:
    """Split the raw data, print the table of classes x splits, and keep it beside the split."""
    dataset = config.dataset
    raw = dataset.open_raw(raw_dir())
    fractions = dataset.val_fraction, test_fraction_of(dataset)
    splits = assign_splits(raw.images, *fractions, dataset.split_seed)
    counts = Counter((i.class_name, split) for i, split in zip(raw.images, splits, strict=True))
    class_names = sorted({image.class_name for image in raw.images})
    digests = {"digest": split_digest(raw.images, splits), "data_digest": data_digest(raw.images)}
    split_dir().parent.mkdir(parents=True, exist_ok=True)
    lock = split_dir().with_name(f".{split_dir().name}.lock")
    with locked(lock, f"{split_dir()} is being written"):  # files that belong together
        with replaced_folder(split_dir()) as folder:
            digests["files_sha256"] = write_list(folder, place(raw, splits, folder))
            # If killed from here on, there is no split.json, which all readers of the split need.
            for path in (split_summary_path(), split_table_path()):
                path.unlink(missing_ok=True)
            sync(split_summary_path().parent)
        # DVC plots a row per class and split as bars.
        rows = ((name, split, counts[(name, split)]) for name in class_names for split in SPLITS)
        write_csv(split_table_path(), ("class", "split", "images"), rows)
        note_path(config, digests["digest"])
        summary = split_summary(config, splits, len(class_names), digests)
        write_checked(split_summary_path(), {**summary, **label_summary(raw, raw.images)})
    print(_table_text(class_names, counts))
    _warn_of_copies(raw.images, splits)


def split_summary(
    config: Config, splits: Sequence[str], num_classes: int, digests: dict[str, str]
) -> dict[str, Any]:
    """Return the content of data/split.json: a DVC metric, and a check for `train`'s config."""
    counts = Counter(splits)
    return {
        "dataset": name_of(config.dataset),
        "num_classes": num_classes,
        "num_images": {split: counts[split] for split in SPLITS},
        **digests,
        "settings": split_settings(config),
    }


def _table_text(class_names: list[str], counts: Counter[tuple[str, str]]) -> str:
    width = max(len("class"), *(len(name) for name in class_names))
    lines = [f"{'class':<{width}}" + "".join(f"{split:>9}" for split in (*SPLITS, "all"))]
    rows = [(name, [counts[(name, split)] for split in SPLITS]) for name in class_names]
    totals = [sum(numbers) for numbers in zip(*(row for _, row in rows), strict=True)]
    for name, numbers in [*rows, ("all", totals)]:
        cells = "".join(f"{number:>9,}" for number in (*numbers, sum(numbers)))
        lines.append(f"{name:<{width}}{cells}")
    return "\n".join(lines)


def _warn_of_copies(images: Sequence[RawImage], splits: Sequence[str]) -> None:
    """Warn of files with the same bytes in different splits: they make results look too good."""
    places: dict[str, list[str]] = defaultdict(list)
    for image, split in zip(images, splits, strict=True):
        if image.content is not None:
            places[image.content].append(f"{split}/{image.class_name}/{image.file_name}")
    leaks = [names for names in places.values() if len({n.split("/")[0] for n in names}) > 1]
    if leaks:
        print(
            f"warning: {len(leaks)} images have copies (the same bytes) in another split, for "
            f"example {' and '.join(leaks[0][:2])}",
            file=sys.stderr,
        )
