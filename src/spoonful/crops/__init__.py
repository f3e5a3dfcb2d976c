"""Crops: which part of each picture a step shows, one file each."""

from spoonful.sources.images.cut import Crop, Cut
from spoonful.sources.images.resize import Box

__all__ = ["Box", "Crop", "Cut"]
