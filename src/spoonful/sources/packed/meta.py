"""meta.json: what a packed split holds, and the checksums of its files."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spoonful.files.documents import unexpected
from spoonful.order import Placement
from spoonful.sources.labels import LabelKind

# The newest version. Version 2 added labels that are not classes, version 3 mixed stores. A store
# is written as the first version that can say what it is, with the same bytes as before.
FORMAT_VERSION = 3
MIXED, BY_CLASS = "mixed", "class"
PACK_ORDERS = (MIXED, BY_CLASS)
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
SETTINGS = ("resize", "background", "quality", "chroma_subsampling", "shard_mb")


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
        order_seed: the shards have the examples at the places of
            `Placement(num_examples, order_seed)`, and so at random; None: in the source's order.
            Labels and ids are always in the source's order.
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
    order_seed: int | None
    settings: dict[str, Any]
    split_summary: dict[str, Any] | None

    @property
    def num_examples(self) -> int:
        """Number of examples in the store."""
        return sum(shard.num_examples for shard in self.shards)

    @property
    def order(self) -> str:
        """Where the images are: "mixed" or "class"."""
        return BY_CLASS if self.order_seed is None else MIXED

    @property
    def placement(self) -> Placement | None:
        """Where in the shards each example is; None: example i is the i-th."""
        return None if self.order_seed is None else Placement(self.num_examples, self.order_seed)

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
        is_mixed = self.order == MIXED
        content = {
            "format_version": 3 if is_mixed else 1 if has_classes else 2,
            "encoding": self.encoding,
            "image_shape": list(self.image_shape),
            **{name: value for name, value in self.settings.items() if value is not None},
            "class_names": list(self.class_names),
            **({} if has_classes else {"label_kind": str(self.label_kind)}),
            **({"order": MIXED, "order_seed": self.order_seed} if is_mixed else {}),
            "num_examples": self.num_examples,
            "num_examples_per_class": self.num_examples_per_class,
            "fingerprint": self.fingerprint,
            "source_fingerprint": self.source_fingerprint,
            "split_summary": self.split_summary,
            "labels": _file_json(self.labels),
            "ids": _file_json(self.ids),
            "shards": [_file_json(shard) for shard in self.shards],
        }
        return {**content, "sha256": content_digest(content)}


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


def content_digest(content: Mapping[str, Any]) -> str:
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
