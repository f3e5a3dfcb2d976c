"""MNIST: 60,000 + 10,000 handwritten digits of 28x28, from a mirror folder or a download.

Source: LeCun, Cortes and Burges, "The MNIST database of handwritten digits", 1998.
"""

import gzip
import hashlib
import http.client
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from spoonful.config.fields import key
from spoonful.datasets.dataset import Dataset
from spoonful.datasets.download import download
from spoonful.datasets.raw import RawArrays, RawImage
from spoonful.datasets.subset import limited_arrays
from spoonful.errors import SpoonfulError
from spoonful.files.documents import read_bytes, unexpected
from spoonful.files.whole import replaced_folder

# The published MD5 checksums of the decompressed files: those of the compressed files depend on the
# compressor.
MD5 = {
    "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
    "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
    "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
    "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
}
_GIVEN_SPLITS = {"train": "train", "t10k": "test"}
_HEADER_BYTES = {"images-idx3-ubyte": 16, "labels-idx1-ubyte": 8}
_SIDE_PX = 28
_REMAKE = "run `spoonful fetch dataset=mnist` again"


@dataclass
class Mnist(Dataset):
    """MNIST: 60,000 + 10,000 handwritten digits, 28x28; its test split is given."""

    mirror: str | None = key(
        "folder that holds the four MNIST files, or a folder mnist with them; "
        "null: SPOONFUL_MIRROR, else a download",
        is_path=True,
        has_no_effect=True,
    )
    urls: list[str] = key("where to download from, tried in this order", has_no_effect=True)
    timeout_s: float = key("longest silence of a download, in s", above=0, has_no_effect=True)

    def fetch(self, raw_dir: Path) -> None:
        """Get the four files, check them, and store them decompressed.

        Raises:
            SpoonfulError: a file is not available, or is not the published one.
        """
        with replaced_folder(raw_dir) as folder:
            for name in MD5:
                if self.mirror is not None:
                    content = _from_mirror(Path(self.mirror), name)
                else:
                    content = _from_network(self, name, folder)
                (folder / name).write_bytes(content)

    def open_raw(self, raw_dir: Path) -> RawArrays:
        """Read the IDX files that `fetch` wrote; the 10,000 test images are a given split."""
        images: list[RawImage] = []
        pixels: list[NDArray[np.uint8]] = []
        for prefix, split in _GIVEN_SPLITS.items():
            drawn, labels = (
                np.frombuffer(_fetched(raw_dir / f"{prefix}-{name}"), np.uint8, offset=num_bytes)
                for name, num_bytes in _HEADER_BYTES.items()
            )
            pixels.append(drawn.reshape(-1, _SIDE_PX, _SIDE_PX))
            images += [
                RawImage(
                    str(label), f"{split}-{number:05d}.png", "test" if split == "test" else None
                )
                for number, label in enumerate(labels.tolist())
            ]
        raw = RawArrays(images, np.concatenate(pixels))
        return limited_arrays(raw, self.max_images_per_class)


def _fetched(path: Path) -> bytes:
    """Read a file that `fetch` wrote; the four take 0.1 s."""
    if not path.exists():
        raise SpoonfulError(f"{path} is missing: run `spoonful fetch dataset=mnist` first")
    content = read_bytes(path, _REMAKE)
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != MD5[path.name]:
        raise unexpected(path, f"MD5 {MD5[path.name]}", found, _REMAKE)
    return content


def _from_mirror(mirror: Path, name: str) -> bytes:
    """Read and decompress a file of the mirror folder, or of the folder mnist in it."""
    places = [
        folder / f"{name}{end}" for folder in (mirror / "mnist", mirror) for end in (".gz", "")
    ]
    for path in places:
        if path.is_file():
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = _decompressed(content, str(path))
            return _checked(content, name, str(path))
    raise SpoonfulError(
        f"dataset.mirror={mirror}: holds neither mnist/{name}.gz nor {name}.gz; give the folder "
        "with the four MNIST files"
    )


def _from_network(dataset: Mnist, name: str, folder: Path) -> bytes:
    """Download and decompress a file from the first URL with the published version."""
    reasons = []
    for base in dataset.urls:
        url = f"{base.rstrip('/')}/{name}.gz"
        target = folder / f"{name}.gz"
        try:
            download(url, target, dataset.timeout_s)
            return _checked(_decompressed(target.read_bytes(), url), name, url)
        except (OSError, ValueError, http.client.HTTPException) as error:
            reasons.append(str(error) if isinstance(error, SpoonfulError) else f"{url}: {error}")
        finally:
            target.unlink(missing_ok=True)
    raise SpoonfulError(
        f"MNIST cannot be downloaded ({'; '.join(reasons) or 'dataset.urls is empty'}); without a "
        "network give a folder with the four files: dataset.mirror=FOLDER or SPOONFUL_MIRROR=FOLDER"
    )


def _checked(content: bytes, name: str, origin: str) -> bytes:
    found = hashlib.md5(content, usedforsecurity=False).hexdigest()
    if found != MD5[name]:
        raise SpoonfulError(
            f"{origin}: expected MD5 {MD5[name]} of the decompressed file, found {found}; "
            "get the file again"
        )
    return content


def _decompressed(content: bytes, origin: str) -> bytes:
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error) as error:
        raise SpoonfulError(f"{origin}: not a whole gzip file ({error}); get it again") from error
