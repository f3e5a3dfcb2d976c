"""Pack images as JPEG."""

from dataclasses import dataclass
from typing import Any, ClassVar

from spoonful.config.fields import key
from spoonful.packing.raw import Raw
from spoonful.sources.packed.meta import SUBSAMPLINGS


@dataclass(kw_only=True)
class Jpeg(Raw):
    """Resized images as JPEG: a tenth of the size, decoded at each read."""

    quality: int = key("JPEG quality", minimum=1, maximum=100)
    chroma_subsampling: str = key(
        "colour at half the size each way (420) or at full size (444)", choices=SUBSAMPLINGS
    )

    encoding: ClassVar[str] = "jpeg"

    def encoding_settings(self) -> dict[str, Any]:
        """Return the settings of the encoding, by name."""
        return {"quality": self.quality, "chroma_subsampling": self.chroma_subsampling}

    def recorded_settings(self, num_channels: int) -> dict[str, Any]:
        """Return them as a store of images with so many channels records them."""
        is_colour = num_channels == 3
        return {
            **super().recorded_settings(num_channels),
            "quality": self.quality,
            "chroma_subsampling": self.chroma_subsampling if is_colour else None,
        }
