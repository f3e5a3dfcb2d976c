"""Pack any source into a few large files that `PackedSource` reads."""

from spoonful.packing.pack import Packed, pack
from spoonful.sources.packed.verify import verify

__all__ = ["Packed", "pack", "verify"]
