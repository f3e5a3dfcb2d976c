"""The plan that determines every byte of a packed split, before any image is read."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.order.placement import Placement
from spoonful.sources import Source, check_source
from spoonful.sources.labels import LabelKind, check_labels
from spoonful.sources.packed.meta import (
    ENCODINGS,
    FORMAT_VERSION,
    MAX_SHARD_MB,
    MIXED,
    PACK_ORDERS,
    RAW_DATA_START,
    SUBSAMPLINGS,
    StoreMeta,
)

_MAX_JPEG_SIDE = 65_500  # libjpeg's limit
# The JPEG images of an Arrow file are in batches; a batch stays in memory until it is written.
_BATCH_BYTES = 16 << 20
_MAX_BATCH = 8192
# One seed for all stores, so that equal data make equal bytes. The order of training has its own.
_ORDER_SEED = 0
# Other versions of these may produce other pixels or bytes from the same images.
_PACKAGES = ("opencv-python-headless", "pyarrow", "simplejpeg")


@dataclass(frozen=True)
class Plan:
    """How a source is packed; its attributes are those of `StoreMeta`."""

    encoding: str
    image_shape: tuple[int, int, int]
    class_names: tuple[str, ...]
    label_kind: LabelKind
    num_examples: int
    source_fingerprint: str
    order_seed: int | None
    settings: dict[str, Any]
    split_summary: dict[str, Any] | None

    @property
    def placement(self) -> Placement | None:
        """Where in the shards each example goes; None: in the source's order."""
        return None if self.order_seed is None else Placement(self.num_examples, self.order_seed)

    @property
    def image_bytes(self) -> int:
        """Size of an example's pixels."""
        return int(np.prod(self.image_shape))

    @property
    def shard_bytes(self) -> int:
        """The largest size of a shard."""
        return int(self.settings["shard_mb"] * (1 << 20))

    @property
    def examples_per_shard(self) -> int:
        """Number of examples in a raw shard; the last one may hold fewer."""
        return (self.shard_bytes - RAW_DATA_START) // self.image_bytes

    @property
    def examples_per_batch(self) -> int:
        """Number of JPEG images in a batch of a jpeg shard; its last one may hold fewer."""
        return min(_MAX_BATCH, max(1, _BATCH_BYTES // self.image_bytes))

    def is_that_of(self, meta: StoreMeta) -> bool:
        """Tell whether a store was made by this plan."""
        names = [field.name for field in dataclasses.fields(self)]
        return all(getattr(self, name) == getattr(meta, name) for name in names)

    def to_json(self) -> dict[str, Any]:
        """Return the plan with the packages that execute it, as JSON types.

        Shards made by another decoder are not continued.
        """
        return {
            "format_version": FORMAT_VERSION,
            **dataclasses.asdict(self),
            "image_shape": list(self.image_shape),
            "class_names": list(self.class_names),
            "packages": {name: _version(name) for name in _PACKAGES},
        }


def make_plan(
    source: Source,
    encoding: str,
    *,
    order: str,
    quality: int,
    chroma_subsampling: str,
    shard_mb: float,
    split_summary: dict[str, Any] | None,
) -> Plan:
    """Check the settings and make a plan; reads the source once, for its fingerprint.

    Raises:
        SpoonfulError: a setting outside its range, or a shard too small for an image.
    """
    _check_choice("encoding", encoding, ENCODINGS)
    _check_choice("order", order, PACK_ORDERS)
    _check_settings(quality, chroma_subsampling, shard_mb)
    check_source(source)
    kind = check_labels(source.labels, len(source), source.class_names, source.example_id)
    height, width, channels = image_shape = _packable(source.image_shape)
    if encoding == "jpeg" and max(height, width) > _MAX_JPEG_SIDE:
        raise SpoonfulError(
            f"image_shape={image_shape}: expected at most {_MAX_JPEG_SIDE} px a side for "
            "encoding=jpeg; use smaller images or encoding=raw"
        )
    is_colour_jpeg = encoding == "jpeg" and channels == 3
    plan = Plan(
        encoding=encoding,
        image_shape=image_shape,
        class_names=tuple(source.class_names),
        label_kind=kind,
        num_examples=len(source),
        source_fingerprint=source.fingerprint,
        order_seed=_ORDER_SEED if order == MIXED else None,
        settings={
            **_resizing(source),
            "quality": quality if encoding == "jpeg" else None,
            "chroma_subsampling": chroma_subsampling if is_colour_jpeg else None,
            "shard_mb": shard_mb,
        },
        split_summary=split_summary,
    )
    if encoding == "raw" and plan.examples_per_shard < 1:
        raise SpoonfulError(
            f"shard_mb={shard_mb}: holds no image of {plan.image_bytes} bytes; expected at least "
            f"{(plan.image_bytes + RAW_DATA_START) / (1 << 20):.3g}"
        )
    return plan


def _resizing(source: Source) -> dict[str, Any]:
    """Return how the source makes its pixels; None: it did not resize, or has no background."""
    background = getattr(source, "background", None)
    return {
        "resize": getattr(source, "resize", None),
        "background": None if background is None else list(background),
    }


def _check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    if value not in choices:
        raise SpoonfulError(f"{name}={value!r}: expected one of {', '.join(choices)}")


def _packable(image_shape: tuple[int, int, int]) -> tuple[int, int, int]:
    height, width, channels = (int(side) for side in image_shape)
    if channels not in (1, 3):
        raise SpoonfulError(
            f"image_shape={(height, width, channels)}: a packed split has 1 (grey) or 3 (RGB) "
            "channels; train from the source itself"
        )
    return height, width, channels


def _check_settings(quality: int, chroma_subsampling: str, shard_mb: float) -> None:
    if isinstance(quality, bool) or not isinstance(quality, int) or not 1 <= quality <= 100:
        raise SpoonfulError(f"quality={quality!r}: expected a whole number from 1 to 100")
    if chroma_subsampling not in SUBSAMPLINGS:
        raise SpoonfulError(
            f"chroma_subsampling={chroma_subsampling!r}: expected one of {', '.join(SUBSAMPLINGS)}"
        )
    if isinstance(shard_mb, bool) or not 0 < shard_mb <= MAX_SHARD_MB:
        raise SpoonfulError(f"shard_mb={shard_mb!r}: expected more than 0, up to {MAX_SHARD_MB}")


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # OpenCV comes in packages of several names
        return None
