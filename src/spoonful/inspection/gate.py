"""What becomes of images that cannot be read: an error before anything is split, or quarantine."""

import sys
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from spoonful.datasets import Dataset, RawDataset
from spoonful.errors import SpoonfulError
from spoonful.files.text import printable
from spoonful.inspection.csv_files import BAD_FILES_NAME
from spoonful.project import shown_path

_NUM_NAMED = 20


def check_faults(
    raw: RawDataset, faults: Mapping[int, str], dataset: Dataset, folder: Path
) -> None:
    """Check that the images that cannot be read may be left out, and say that they are.

    Args:
        raw: all images.
        faults: why an image cannot be read, by its position.
        dataset: its on_bad_image and max_bad_fraction decide.
        folder: where bad_files.csv lists all bad images, for the message.

    Raises:
        SpoonfulError: there are bad images and on_bad_image=error; names the first 20. With
            quarantine: they are more than max_bad_fraction of all, or all.
    """
    if not faults:
        return
    listed = f"all are in {shown_path(folder / BAD_FILES_NAME)}"
    share = len(faults) / len(raw.images)
    count = f"{len(faults):,} of {len(raw.images):,} images cannot be read"
    if dataset.on_bad_image == "error":
        raise SpoonfulError(
            f"{count}: {_named(raw, faults)}; {listed}. Mend or remove them, or leave them out "
            "with dataset.on_bad_image=quarantine"
        )
    if share > dataset.max_bad_fraction or len(faults) == len(raw.images):
        raise SpoonfulError(
            f"{count}, a share of {share:.4g}: more than dataset.max_bad_fraction="
            f"{dataset.max_bad_fraction:g} allows; {listed}. Mend or remove them"
            + (", or raise dataset.max_bad_fraction" if len(faults) < len(raw.images) else "")
        )
    _warn(raw, faults, f"{count} and are in no split; {listed}")


def _named(raw: RawDataset, faults: Mapping[int, str]) -> str:
    first = sorted(faults)[:_NUM_NAMED]
    # What to do about each is in the list.
    reasons = ((position, faults[position].partition("; ")[0]) for position in first)
    words = "; ".join(f"{raw.origin(position)}: {reason}" for position, reason in reasons)
    more = len(faults) - len(first)
    return words + (f"; and {more:,} more" if more else "")


def _warn(raw: RawDataset, faults: Mapping[int, str], words: str) -> None:
    """Say on stderr what is left out; a class that is lost as a whole by its name."""
    print(f"warning: {words}", file=sys.stderr)
    totals = Counter(image.class_name for image in raw.images)
    bad = Counter(raw.images[position].class_name for position in faults)
    for name, count in sorted(bad.items()):
        if count == totals[name]:
            print(
                f"warning: class {printable(repr(name))} is left out: none of its {count:,} images "
                "can be read",
                file=sys.stderr,
            )
