"""The config keys of `spoonful pack`; the others are in `schema.py`."""

from dataclasses import dataclass

from spoonful.config.fields import key
from spoonful.sources.packed.meta import MAX_SHARD_MB, SUBSAMPLINGS

_SHARD_MB = "largest size of a packed file, in MiB"
_PACK_THREADS = "threads that read and encode; null: as many as gain by it"


@dataclass
class RawPackConfig:
    """Pixels as they are: the fastest to read."""

    name: str = key("how packed images are stored", choices=("raw",))
    shard_mb: int = key(_SHARD_MB, minimum=1, maximum=MAX_SHARD_MB)
    num_threads: int | None = key(_PACK_THREADS, minimum=1)


@dataclass
class JpegPackConfig:
    """JPEG records of the resized images: a tenth of the size, decoded at each read."""

    name: str = key("how packed images are stored", choices=("jpeg",))
    quality: int = key("JPEG quality", minimum=1, maximum=100)
    chroma_subsampling: str = key(
        "colour at half the size each way (420) or at full size (444)", choices=SUBSAMPLINGS
    )
    shard_mb: int = key(_SHARD_MB, minimum=1, maximum=MAX_SHARD_MB)
    num_threads: int | None = key(_PACK_THREADS, minimum=1)
