"""The handwritten digits included in scikit-learn: 1,797 images of 8x8, no network needed.

Source: Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998.
"""

import gzip
import hashlib
import io
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np

from spoonful.datasets.dataset import UndividedDataset
from spoonful.datasets.raw import RawArrays, RawImage
from spoonful.datasets.subset import limited_arrays
from spoonful.errors import SpoonfulError
from spoonful.files.documents import read_bytes, unexpected
from spoonful.files.whole import replaced_folder

FILE_NAME = "digits.csv"
_REMAKE = "run `spoonful fetch dataset=digits` again"
# Of the decompressed table, which stays the same if the package is recompressed.
SHA256 = "6ebb3d2fee246a4e99363262ddf8a00a3c41bee6014c373ed9d9216ba7f651b8"
_MAX_VALUE = 16  # the table gives the ink of a pixel from 0 to 16


@dataclass
class Digits(UndividedDataset):
    """1,797 handwritten digits, 8x8, that scikit-learn carries (needs no network)."""

    def fetch(self, raw_dir: Path) -> None:
        """Copy the table from scikit-learn and check it.

        Raises:
            SpoonfulError: scikit-learn contains a table other than the published one.
        """
        packed = files("sklearn.datasets.data").joinpath("digits.csv.gz").read_bytes()
        table = gzip.decompress(packed)
        found = hashlib.sha256(table).hexdigest()
        if found != SHA256:
            raise SpoonfulError(
                f"scikit-learn's digits.csv.gz: expected SHA-256 {SHA256}, found {found}; "
                "install the versions of requirements.lock"
            )
        with replaced_folder(raw_dir) as folder:
            (folder / FILE_NAME).write_bytes(table)

    def open_raw(self, raw_dir: Path) -> RawArrays:
        """Read the table: 64 pixels and a label per row."""
        path = raw_dir / FILE_NAME
        if not path.exists():
            raise SpoonfulError(f"{path} is missing: run `spoonful fetch dataset=digits` first")
        content = read_bytes(path, _REMAKE)
        found = hashlib.sha256(content).hexdigest()
        if found != SHA256:
            raise unexpected(path, f"SHA-256 {SHA256}", found, _REMAKE)
        table = np.loadtxt(io.BytesIO(content), delimiter=",", dtype=np.int64)
        pixels = np.rint(table[:, :-1] * (255 / _MAX_VALUE)).astype(np.uint8).reshape(-1, 8, 8)
        images = [
            RawImage(class_name=str(label), file_name=f"digit-{number:04d}.png")
            for number, label in enumerate(table[:, -1].tolist())
        ]
        raw = RawArrays(images, pixels)
        return limited_arrays(raw, self.max_images_per_class)
