"""Pack a source: shards in order, then labels, ids and meta.json; each file once it is complete.

The bytes of a store depend on the plan and on the packages that decode and encode, never on the
number of threads, interruptions, paths or time.
"""

import contextlib
import itertools
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sized
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.files.unfinished import remove_leftovers
from spoonful.packing.partial import PartialStore, partial_store, stored_by
from spoonful.packing.pipeline import Reader
from spoonful.packing.plan import Plan, make_plan
from spoonful.packing.shards import EncodedImages, hashed_file, write_jpeg_shard, write_raw_shard
from spoonful.sources import Source
from spoonful.sources.labels import LabelKind
from spoonful.sources.packed.meta import (
    IDS_NAME,
    LABELS_NAME,
    MAX_SHARD_MB,
    META_NAME,
    MIXED,
    FileMeta,
    StoreMeta,
    store_fingerprint,
)

# Ids written at a time, so that six million of them are never all in memory.
_IDS_A_BATCH = 65_536

_STORE_FILE = re.compile(
    rf"{re.escape(META_NAME)}|{re.escape(LABELS_NAME)}|{re.escape(IDS_NAME)}|images-\d+\.(npy|arrow)"
)

# Called with a number of examples, and whether they were packed now (or found packed).
OnImages = Callable[[int, bool], object]
_Part = TypeVar("_Part", bound=Sized)


@dataclass(frozen=True)
class Packed:
    """The result of `pack`.

    Attributes:
        meta: the content of the store's meta.json.
        up_to_date: the store already existed.
    """

    meta: StoreMeta
    up_to_date: bool


def pack(
    source: Source,
    folder: str | os.PathLike[str],
    *,
    encoding: str = "raw",
    order: str = MIXED,
    quality: int = 90,
    chroma_subsampling: str = "420",
    shard_mb: float = MAX_SHARD_MB,
    num_threads: int | None = None,
    split_summary: Mapping[str, Any] | None = None,
    on_images: OnImages | None = None,
) -> Packed:
    """Pack a source into a few large files, which `PackedSource(folder)` reads.

    The folder then has the same labels, ids and, with encoding="raw", pixels, bit for bit. A store
    made by the same call from a source of the same fingerprint is kept; any other is replaced.
    Files are written in `.<name>.partial` beside it; after an interruption, the same call continues
    behind the finished shards. Memory is bounded, and the bytes do not depend on threads.

    Args:
        source: any source.
        folder: the store to create, e.g. data/packed/train.
        encoding: "raw": pixels; "jpeg": JPEG images, smaller but decoded at each read.
        order: "mixed": images are placed at random, so that shuffle="block" draws at random;
            "class": in the source's order. Indices are the source's in both.
        quality: of jpeg, 1..100.
        chroma_subsampling: of jpeg in colour: "420" (half the size each way) or "444" (all).
        shard_mb: largest size of a shard in MiB, more than 0 and at most 256.
        num_threads: threads that read and encode; None: as many as are useful.
        split_summary: kept in the store's meta.json (by the pipeline: data/split.json); JSON types.
        on_images: called with a number of examples, and whether they were packed just now.

    Raises:
        SpoonfulError: an argument outside its range, a source that is incomplete or has wrong
            labels, an example that cannot be read, a folder that cannot be written or contains
            something else than a store, or another process packing into it.
    """
    _check_num_threads(num_threads)
    plan = make_plan(
        source,
        encoding,
        order=order,
        quality=quality,
        chroma_subsampling=chroma_subsampling,
        shard_mb=shard_mb,
        split_summary=None if split_summary is None else dict(split_summary),
    )
    _check_replaceable(Path(folder))
    return _carried_out(plan, source, Path(folder), num_threads, on_images or (lambda *_: None))


def _check_num_threads(num_threads: int | None) -> None:
    is_whole = isinstance(num_threads, (int, np.integer)) and not isinstance(num_threads, bool)
    if num_threads is not None and not (is_whole and num_threads >= 1):
        raise SpoonfulError(
            f"num_threads={num_threads!r}: expected a whole number from 1 on, or None"
        )


def _check_replaceable(folder: Path) -> None:
    """Refuse a folder that contains more than a store: it would be removed."""
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - the error names the folder
    except OSError as error:
        if not folder.exists():
            return
        raise SpoonfulError(
            f"{folder}: {error.strerror}; expected a new folder, or a packed split to replace"
        ) from error
    for name in names:
        if not _STORE_FILE.fullmatch(name):
            raise SpoonfulError(
                f"{folder}: contains {name}, which is not part of a packed split; "
                "choose another folder, because this one would be replaced"
            )


def _carried_out(
    plan: Plan, source: Source, folder: Path, num_threads: int | None, report: OnImages
) -> Packed:
    meta = stored_by(plan, folder)
    if meta is not None:
        remove_leftovers(folder)  # of a run that was killed after the store was put in place
        report(len(source), False)
        return Packed(meta, up_to_date=True)
    with partial_store(folder, plan) as partial:
        meta = stored_by(plan, partial.path)  # complete, but not in place yet
        if meta is None:
            meta = _make(plan, source, partial, num_threads, report)
        else:
            report(len(source), False)
        partial.finish(meta)
    return Packed(meta, up_to_date=False)


def _make(
    plan: Plan, source: Source, partial: PartialStore, num_threads: int | None, report: OnImages
) -> StoreMeta:
    """Write all files of the store except meta.json."""
    shards = partial.kept_shards()
    first = sum(shard.num_examples for shard in shards)
    report(first, False)
    reader = Reader(source, plan, num_threads)
    write = _raw_shards if plan.encoding == "raw" else _jpeg_shards
    paths = map(partial.shard_path, itertools.count(len(shards)))
    for shard in write(plan, reader, first, paths, report):
        partial.finish_shard(shard)
        shards.append(shard)
    labels = _write_labels(partial.path / LABELS_NAME, source, plan.label_kind)
    ids = _write_ids(partial.path / IDS_NAME, source)
    files = (*shards, labels, ids)
    return StoreMeta(
        encoding=plan.encoding,
        image_shape=plan.image_shape,
        class_names=plan.class_names,
        label_kind=plan.label_kind,
        num_examples_per_class=_num_per_class(source, plan),
        fingerprint=store_fingerprint(plan.encoding, plan.image_shape, plan.class_names, files),
        source_fingerprint=plan.source_fingerprint,
        order_seed=plan.order_seed,
        shards=tuple(shards),
        labels=labels,
        ids=ids,
        settings=plan.settings,
        split_summary=plan.split_summary,
    )


def _raw_shards(
    plan: Plan, reader: Reader, first: int, paths: Iterator[Path], report: OnImages
) -> Iterator[FileMeta]:
    """Write the shards from place `first` on, where a shard begins."""
    for start in range(first, plan.num_examples, plan.examples_per_shard):
        stop = min(start + plan.examples_per_shard, plan.num_examples)
        with contextlib.closing(reader.images(start, stop)) as parts:
            yield write_raw_shard(next(paths), plan, stop - start, _reported(parts, report))


def _jpeg_shards(
    plan: Plan, reader: Reader, first: int, paths: Iterator[Path], report: OnImages
) -> Iterator[FileMeta]:
    """Write the shards from place `first` on, where a shard begins; its end depends on sizes."""
    with contextlib.closing(reader.encoded_images(first, plan.num_examples)) as parts:
        encoded_images = EncodedImages(_reported(parts, report))
        while encoded_images.next is not None:
            yield write_jpeg_shard(next(paths), plan, encoded_images)


def _reported(parts: Iterator[_Part], report: OnImages) -> Iterator[_Part]:
    for part in parts:
        yield part
        report(len(part), True)


def _num_per_class(source: Source, plan: Plan) -> dict[str, int]:
    """Return how many examples each class has, by its name; nothing for values to predict."""
    labels = np.asarray(source.labels)
    if plan.label_kind is LabelKind.REGRESSION:
        return {}
    if plan.label_kind is LabelKind.MULTILABEL:
        counts = np.count_nonzero(labels, axis=0)
    else:
        counts = np.bincount(labels, minlength=len(plan.class_names))
    return dict(zip(plan.class_names, counts.tolist(), strict=True))


def _write_labels(path: Path, source: Source, kind: LabelKind) -> FileMeta:
    """Write labels.npy: classes in one byte each for up to 256, other labels as they are."""
    labels = np.ascontiguousarray(source.labels)
    if kind is LabelKind.CLASSIFICATION:
        labels = labels.astype(np.min_scalar_type(len(source.class_names) - 1))
    with hashed_file(path) as file:
        np.lib.format.write_array(file, labels, allow_pickle=False)
    return FileMeta(path.name, file.num_bytes, file.sha256, len(source))


def _write_ids(path: Path, source: Source) -> FileMeta:
    """Write ids.arrow: an Arrow IPC file with one column of strings."""
    import pyarrow as pa

    schema = pa.schema([pa.field("id", pa.string(), nullable=False)])
    with hashed_file(path) as file, pa.ipc.new_file(file, schema) as writer:
        for start in range(0, len(source), _IDS_A_BATCH):
            stop = min(start + _IDS_A_BATCH, len(source))
            ids = [source.example_id(index) for index in range(start, stop)]
            try:
                batch = pa.record_batch([pa.array(ids, pa.string())], schema)
            except UnicodeEncodeError as error:
                raise SpoonfulError(
                    f"{error.object!a}: a file name that is not valid UTF-8; rename the file"
                ) from error
            writer.write_batch(batch)
    return FileMeta(path.name, file.num_bytes, file.sha256, len(source))
