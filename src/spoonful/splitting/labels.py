"""The labels of the images in a split."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spoonful.datasets import RawDataset, RawImage
from spoonful.files.content_hash import content_hash
from spoonful.sources.labels import LabelKind
from spoonful.sources.labels_file import IMAGES_NAME, LABELS_NAME, write_labels
from spoonful.sources.table_labels import in_label_order


def label_summary(raw: RawDataset, images: Iterable[RawImage]) -> dict[str, Any]:
    """Return what split.json says of the labels: their kind and, of a table, their names.

    Args:
        raw: the raw data.
        images: those that are in a split.
    """
    return {
        "label_kind": str(raw.label_kind),
        "class_names": list(_names(raw, images)) if raw.is_table else None,
    }


def folder_of(raw: RawDataset, image: RawImage) -> str:
    """Return the folder of an image in its split: its class, or that of all images of a table."""
    return IMAGES_NAME if raw.is_table else image.class_name


def place_labels(
    raw: RawDataset, placed: Sequence[tuple[RawImage, str]], folder: Path
) -> list[tuple[str, str]]:
    """Write the table of labels into each split's folder; return their paths and SHA-256s.

    Args:
        raw: the raw data; none are written where classes are folders.
        placed: each image in a split, and its split.
        folder: that of the splits, whose own folders exist.
    """
    if not raw.is_table:
        return []
    names = _names(raw, (image for image, _ in placed))
    of_split: dict[str, list[RawImage]] = defaultdict(list)
    for image, split in placed:
        of_split[split].append(image)
    tables = []
    for split, images in of_split.items():
        rows = ((image.file_name, _labels(raw.label_kind, image)) for image in images)
        path = write_labels(folder / split, raw.label_kind, names, rows)
        tables.append((f"{split}/{LABELS_NAME}", content_hash(path)))
    return tables


def _names(raw: RawDataset, images: Iterable[RawImage]) -> Sequence[str]:
    if raw.label_kind is not LabelKind.CLASSIFICATION:
        return raw.label_names
    return in_label_order(list({image.class_name for image in images}))


def _labels(kind: LabelKind, image: RawImage) -> list[Any]:
    if kind is LabelKind.CLASSIFICATION:
        return [image.class_name]
    labels = image.labels or ()
    return [int(label) for label in labels] if kind is LabelKind.MULTILABEL else list(labels)
