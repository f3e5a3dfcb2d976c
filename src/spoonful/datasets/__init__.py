"""Data sets: how raw data is fetched and checked, and which images it contains."""

from spoonful.datasets.dataset import Dataset
from spoonful.datasets.raw import RawArrays, RawDataset, RawImage

__all__ = ["Dataset", "RawArrays", "RawDataset", "RawImage"]
