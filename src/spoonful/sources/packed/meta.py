"""meta.json: what a packed split holds, and the checksums of its files."""

import hashlib
import json
import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.files.documents import parsed_json, read_text, unexpected
from spoonful.sources.labels import LabelKind

# The newest version. Version 2 added labels that are not classes; a store of classes is written as
# version 1, with the same bytes as before.
FORMAT_VERSION = 2
ENCODINGS = ("raw", "jpeg")
SUBSAMPLINGS = ("420", "444")
META_NAME = "meta.json"
LABELS_NAME = "labels.npy"
IDS_NAME = "ids.arrow"
SHARD_SUFFIXES = {"raw": ".npy", "jpeg": ".arrow"}
# Pixels of a raw shard begin here, at the start of a page.
RAW_DATA_START = 4096
MAX_SHARD_MB = 256
# What to do about a file with the right size and wrong bytes: only sizes are checked before a store
# is considered up to date.
REMAKE = "remove the folder and run `spoonful pack` again"
_PACK_AGAIN = "run `spoonful pack` again"
SETTINGS = ("resize", "background", "quality", "chroma_subsampling", "shard_mb")
_KEYS = {
    *("format_version", "encoding", "image_shape", *SETTINGS, "class_names", "num_examples"),
    *("num_examples_per_class", "fingerprint", "source_fingerprint", "split_summary"),
    *("labels", "ids", "shards", "sha256", "label_kind"),
}


@dataclass(frozen=True)
class FileMeta:
    """One file of a store.

    Attributes:
        name: its name in the store's folder.
        num_bytes: its size.
        sha256: hex digest of its bytes.
        num_examples: number of examples that it holds.
    """

    name: str
    num_bytes: int
    sha256: str
    num_examples: int

    def check_digest(self, path: Path | str, found: str, remedy: str = REMAKE) -> None:
        """Check the SHA-256 that was found at `path`.

        Raises:
            SpoonfulError: the file has changed since packing; names the path.
        """
        if found != self.sha256:
            raise unexpected(path, f"sha256 {self.sha256}", found, remedy)


@dataclass(frozen=True)
class StoreMeta:
    """The content of meta.json.

    Attributes:
        encoding: "raw" (pixels) or "jpeg" (JPEG images).
        image_shape: (height, width, channels) of every example.
        class_names: one name per class, in label order.
        label_kind: what the labels are.
        num_examples_per_class: number of examples in each class, by name; nothing for values to
            predict.
        fingerprint: hex digest of the data that the store serves.
        source_fingerprint: fingerprint of the packed source.
        shards: the files of images, in order; all raw ones except the last hold equally many.
        labels: labels.npy.
        ids: ids.arrow.
        settings: what else determines the bytes: resize, background, quality, chroma_subsampling,
            shard_mb; None where it does not apply.
        split_summary: content of data/split.json; None where something else was packed.
    """

    encoding: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    label_kind: LabelKind
    num_examples_per_class: dict[str, int]
    fingerprint: str
    source_fingerprint: str
    shards: tuple[FileMeta, ...]
    labels: FileMeta
    ids: FileMeta
    settings: dict[str, Any]
    split_summary: dict[str, Any] | None

    @property
    def num_examples(self) -> int:
        """Number of examples in the store."""
        return sum(shard.num_examples for shard in self.shards)

    @property
    def image_bytes(self) -> int:
        """Size of an example's pixels."""
        return math.prod(self.image_shape)

    @property
    def files(self) -> tuple[FileMeta, ...]:
        """Every file except meta.json."""
        return (*self.shards, self.labels, self.ids)

    @property
    def num_bytes(self) -> int:
        """Size of all files except meta.json."""
        return sum(file.num_bytes for file in self.files)

    def to_json(self) -> dict[str, Any]:
        """Return the content of meta.json."""
        has_classes = self.label_kind is LabelKind.CLASSIFICATION
        content = {
            "format_version": 1 if has_classes else FORMAT_VERSION,
            "encoding": self.encoding,
            "image_shape": list(self.image_shape),
            **{name: value for name, value in self.settings.items() if value is not None},
            "class_names": list(self.class_names),
            **({} if has_classes else {"label_kind": str(self.label_kind)}),
            "num_examples": self.num_examples,
            "num_examples_per_class": self.num_examples_per_class,
            "fingerprint": self.fingerprint,
            "source_fingerprint": self.source_fingerprint,
            "split_summary": self.split_summary,
            "labels": _file_json(self.labels),
            "ids": _file_json(self.ids),
            "shards": [_file_json(shard) for shard in self.shards],
        }
        return {**content, "sha256": _digest(content)}


def store_fingerprint(
    encoding: str,
    image_shape: Sequence[int],
    class_names: Sequence[str],
    files: Sequence[FileMeta],
) -> str:
    """Hex SHA-256 of all that a store serves, from the digests of its files."""
    served = [1, encoding, list(image_shape), list(class_names)]
    served += [[file.num_examples, file.sha256] for file in files]
    return hashlib.sha256(json.dumps(served).encode()).hexdigest()


def load_meta(folder: Path) -> StoreMeta:
    """Read meta.json and check that every file exists with its size; no file is opened.

    Raises:
        SpoonfulError: no store, one of a newer version, or a file that is missing or has another
            size; names the path, what was expected and what was found.
    """
    if not (path := folder / META_NAME).exists():
        raise unexpected(path, "a packed split", "no such file", "run `spoonful pack`")
    meta = parsed_meta(read_text(path, _PACK_AGAIN), path)
    for file in meta.files:
        _check_size(folder / file.name, file.num_bytes)
    return meta


def parsed_meta(text: str, path: Path | str) -> StoreMeta:
    """Return what meta.json says; SpoonfulError if it is invalid, with `path` in its message."""
    values = parsed_json(text, path, _PACK_AGAIN)
    try:
        return _parsed(values, path)
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        if isinstance(error, SpoonfulError):
            raise
        found = f"something else ({f'no {error}' if isinstance(error, KeyError) else error})"
        raise unexpected(path, "the description of a packed split", found, _PACK_AGAIN) from error


def _check_size(path: Path, num_bytes: int) -> None:
    try:
        found = os.stat(path).st_size  # noqa: PTH116 - a store of 24,000 shards is checked at once
    except OSError as error:
        reason = "no such file" if isinstance(error, FileNotFoundError) else str(error.strerror)
        raise unexpected(path, f"{num_bytes} bytes", reason, _PACK_AGAIN) from error
    if found != num_bytes:
        raise unexpected(path, f"{num_bytes} bytes", str(found), _PACK_AGAIN)


def _parsed(values: Any, path: Path | str) -> StoreMeta:
    """Turn meta.json into its object; ValueError, KeyError or TypeError if it is invalid."""
    if not isinstance(values, dict):
        raise TypeError(f"a {type(values).__name__} at its top")
    version = _whole(values["format_version"])
    if version > FORMAT_VERSION:
        raise SpoonfulError(
            f"{path}: expected format_version up to {FORMAT_VERSION}, found {version}: packed by a "
            "newer spoonful; install that one, or run `spoonful pack` again"
        )
    if unknown := sorted(values.keys() - _KEYS):
        raise ValueError(f"an unknown key {unknown[0]!r}")
    # Stores packed by earlier versions do not have this digest.
    if "sha256" in values and values["sha256"] != _digest(values):
        raise ValueError("a sha256 that is not that of its content: a value was altered")
    height, width, channels = (_whole(side) for side in values["image_shape"])
    summary = values.get("split_summary")
    meta = StoreMeta(
        encoding=_text(values["encoding"]),
        image_shape=(height, width, channels),
        class_names=tuple(_text(name) for name in values["class_names"]),
        label_kind=LabelKind(values.get("label_kind", LabelKind.CLASSIFICATION)),
        num_examples_per_class={
            _text(name): _whole(count) for name, count in values["num_examples_per_class"].items()
        },
        fingerprint=_text(values["fingerprint"]),
        source_fingerprint=_text(values["source_fingerprint"]),
        shards=tuple(_file(value) for value in values["shards"]),
        labels=_file(values["labels"]),
        ids=_file(values["ids"]),
        settings={name: values.get(name) for name in SETTINGS},
        split_summary=None if summary is None else dict(summary),
    )
    _check_together(meta, _whole(values["num_examples"]))
    return meta


def _check_together(meta: StoreMeta, num_examples: int) -> None:
    """Raise ValueError where the numbers contradict each other."""
    if meta.encoding not in ENCODINGS:
        raise ValueError(f"encoding {meta.encoding!r}, not one of {', '.join(ENCODINGS)}")
    counts = [shard.num_examples for shard in meta.shards]
    if not counts or min(counts) < 1 or sum(counts) != num_examples:
        raise ValueError(f"{num_examples} examples, but {sum(counts)} in its shards")
    if {meta.labels.num_examples, meta.ids.num_examples} != {num_examples}:
        raise ValueError("other numbers of labels or ids than of examples")
    _check_classes(meta, num_examples)
    has_names = bool(meta.class_names) or meta.label_kind is LabelKind.REGRESSION
    if min(meta.image_shape) < 1 or meta.image_shape[2] not in (1, 3) or not has_names:
        raise ValueError(f"image_shape {meta.image_shape}, {len(meta.class_names)} classes")
    if meta.fingerprint != store_fingerprint(
        meta.encoding, meta.image_shape, meta.class_names, meta.files
    ):
        raise ValueError("a fingerprint that does not follow from the rest")
    if meta.encoding == "raw":
        if len(set(counts[:-1])) > 1 or counts[-1] > counts[0]:
            raise ValueError("shards of different numbers of examples")
        for shard in meta.shards:
            if shard.num_bytes != RAW_DATA_START + shard.num_examples * meta.image_bytes:
                raise ValueError(f"{shard.name} of {shard.num_bytes} bytes for its examples")


def _check_classes(meta: StoreMeta, num_examples: int) -> None:
    """Raise ValueError where the numbers of examples per class do not fit the kind of labels."""
    per_class = meta.num_examples_per_class
    if meta.label_kind is LabelKind.CLASSIFICATION:
        fits = sum(per_class.values()) == num_examples
    elif meta.label_kind is LabelKind.MULTILABEL:
        fits = tuple(per_class) == meta.class_names
        fits = fits and max(per_class.values(), default=0) <= num_examples
    else:
        fits = not per_class
    if not fits:
        raise ValueError(f"num_examples_per_class that do not fit {num_examples} examples")


def _digest(content: Mapping[str, Any]) -> str:
    """Return the SHA-256 of all values except the digest: also of class names and settings."""
    rest = {name: value for name, value in content.items() if name != "sha256"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def _file_json(file: FileMeta) -> dict[str, Any]:
    return {
        "name": file.name,
        "num_examples": file.num_examples,
        "bytes": file.num_bytes,
        "sha256": file.sha256,
    }


def _file(value: Any) -> FileMeta:
    name = _text(value["name"])
    if Path(name).name != name:  # a path could lead out of the folder
        raise ValueError(f"{name!r} is not a file name")
    return FileMeta(
        name, _whole(value["bytes"]), _text(value["sha256"]), _whole(value["num_examples"])
    )


def _whole(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError(f"{value!r} where a whole number is expected")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} where a text is expected")
    return value
