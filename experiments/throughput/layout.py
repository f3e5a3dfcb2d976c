"""Where the benchmark's data lies. `prepare.py` makes each of these once."""

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class BenchData:
    """The benchmark's folder and what lies in it.

    Args:
        root: any folder outside git; holds about 16 GB in the end.
    """

    root: Path

    @property
    def mnist_arrays(self) -> Path:
        """images.npy uint8 [60000, 28, 28, 1] and labels.npy int64 [60000]."""
        return self.root / "mnist-arrays"

    @property
    def mnist_files(self) -> Path:
        """60,000 PNG files in 10 class folders."""
        return self.root / "mnist-files"

    @property
    def photos(self) -> Path:
        """3,068 JPEG photographs of about 533x400 in 10 class folders."""
        return self.root / "photos"

    @property
    def tiles(self) -> Path:
        """61,360 JPEG files of 32x32 in 10 class folders: 20 tiles of each photograph."""
        return self.root / "tiles"

    def packed(self, name: str) -> Path:
        """Return a packed store of ours, see PACKED_STEPS in prepare.py."""
        return self.root / "packed" / name

    def ffcv(self, name: str) -> Path:
        """Return the folder that holds an FFCV file, data.beton."""
        return self.root / "ffcv" / name

    @property
    def webdataset(self) -> Path:
        """Tar shards of the photographs, as they are."""
        return self.root / "webdataset"

    @property
    def litdata(self) -> Path:
        """LitData chunks of the photographs, as they are."""
        return self.root / "litdata"


def class_folder_files(root: Path) -> tuple[list[str], list[int]]:
    """List the files of class folders and their labels, sorted, for peers that take a list."""
    names = sorted(folder.name for folder in root.iterdir() if folder.is_dir())
    files: list[str] = []
    labels: list[int] = []
    for label, name in enumerate(names):
        found = sorted(str(path) for path in (root / name).iterdir())
        files += found
        labels += [label] * len(found)
    return files, labels


def warm_page_cache(root: Path) -> None:
    """Read all files below a folder once: some systems drop what was idle for minutes."""
    folders = [folder for folder, _, _ in os.walk(root)]
    with ThreadPoolExecutor(8) as pool:
        for _ in pool.map(_read_files, folders):
            pass


def _read_files(folder: str) -> None:
    chunk = bytearray(1 << 20)
    for path in Path(folder).iterdir():
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.readinto(chunk):
                    pass
