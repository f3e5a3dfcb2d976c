"""Data sets: how raw data is fetched and checked, and which images it contains."""

from spoonful.datasets import digits, folder, mnist
from spoonful.datasets.folder import original_path
from spoonful.datasets.raw import RawDataset, RawImage

# Each module offers fetch(config, raw_dir) and open_raw(config, raw_dir) -> RawDataset.
DATASETS = {"digits": digits, "mnist": mnist, "folder": folder}

__all__ = ["DATASETS", "RawDataset", "RawImage", "original_path"]
