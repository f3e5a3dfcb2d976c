"""Pack pixels as they are."""

from dataclasses import dataclass
from typing import Any, ClassVar

from spoonful.config.fields import key
from spoonful.sources.packed.meta import BY_CLASS, MAX_SHARD_MB, PACK_ORDERS


@dataclass(kw_only=True)
class Raw:
    """Pixels as they are: the fastest to read."""

    order: str = key(
        "images placed at random, for shuffle=block (mixed), or class after class (class)",
        choices=PACK_ORDERS,
        default=BY_CLASS,  # that of earlier versions, which recorded none
    )
    shard_mb: int = key(
        "largest size of a packed file, in MiB",
        minimum=1,
        maximum=MAX_SHARD_MB,
        has_no_effect=True,
    )
    num_threads: int | None = key(
        "threads that read and encode; null: as many as make it faster",
        minimum=1,
        has_no_effect=True,
    )

    encoding: ClassVar[str] = "raw"

    def encoding_settings(self) -> dict[str, Any]:
        """Return the settings of the encoding, by name."""
        return {}

    def recorded_settings(self, num_channels: int) -> dict[str, Any]:
        """Return them as a store of images with so many channels records them."""
        return {"order": self.order}
