"""Read meta.json, and refuse one that says anything but what a packed split holds."""

import os
from pathlib import Path
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.files.documents import parsed_json, read_text, unexpected
from spoonful.order import MAX_SEED
from spoonful.sources.labels import LabelKind
from spoonful.sources.packed.meta import (
    BY_CLASS,
    ENCODINGS,
    FORMAT_VERSION,
    META_NAME,
    MIXED,
    RAW_DATA_START,
    SETTINGS,
    FileMeta,
    StoreMeta,
    content_digest,
    store_fingerprint,
)

_PACK_AGAIN = "run `spoonful pack` again"
_KEYS = {
    *("format_version", "encoding", "image_shape", *SETTINGS, "class_names", "num_examples"),
    *("num_examples_per_class", "fingerprint", "source_fingerprint", "split_summary"),
    *("labels", "ids", "shards", "sha256", "label_kind", "order", "order_seed"),
}


def load_meta(folder: Path) -> StoreMeta:
    """Read meta.json and check that every file exists with its size; no file is opened.

    Raises:
        SpoonfulError: no store, one of a newer version, or a file that is missing or has another
            size; names the path, what was expected and what was found.
    """
    path = folder / META_NAME
    if not path.exists():
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
    if "sha256" in values and values["sha256"] != content_digest(values):
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
        order_seed=_order_seed(values),
        settings={name: values.get(name) for name in SETTINGS},
        split_summary=None if summary is None else dict(summary),
    )
    _check_together(meta, _whole(values["num_examples"]))
    return meta


def _order_seed(values: dict[str, Any]) -> int | None:
    """Return the seed of a mixed store; None: it is in the order of classes."""
    order, seed = values.get("order", BY_CLASS), values.get("order_seed")
    if order == BY_CLASS and seed is None:
        return None
    if order != MIXED or _whole(seed) > MAX_SEED:
        raise ValueError(f"order {order!r} with order_seed {seed}")
    return _whole(seed)


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
