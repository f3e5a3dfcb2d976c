"""Images of the user's own: class folders, or splits with class folders in them."""

import csv
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from spoonful.config.schema import FolderConfig
from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.files import link_or_copy, replaced_folder
from spoonful.sources.content_hash import content_hash
from spoonful.sources.folder import image_files

# The list that `fetch` leaves in data/raw: the images themselves stay where they are.
LIST_NAME = "files.csv"
_COLUMNS = ("path", "bytes", "sha256")
_SPLIT_FOLDERS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


def fetch(config: FolderConfig, raw_dir: Path) -> None:
    """List the images with their sizes and content hashes; nothing is copied or changed.

    Raises:
        SpoonfulError: no such folder, or no class folders with images in it.
    """
    root = _root(config)
    paths = _image_paths(root)
    if not paths:
        raise SpoonfulError(
            f"dataset.path={root}: no png, jpg, bmp, webp or tiff files in class folders; expected "
            "a folder of class folders, or train, val and test with class folders in them"
        )
    for path in paths:
        _check_name(path)
    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        hashes = list(pool.map(lambda path: content_hash(root / path), paths, chunksize=64))
    with (
        replaced_folder(raw_dir) as folder,
        (folder / LIST_NAME).open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(_COLUMNS)
        for path, sha in zip(paths, hashes, strict=True):
            writer.writerow((path, (root / path).stat().st_size, sha))


@dataclass
class RawFiles:
    """Image files in the user's folder; placed as links where the file system allows."""

    images: list[RawImage]
    root: Path
    paths: list[str]
    sizes: list[int]
    link: str

    def __post_init__(self) -> None:
        self._link = link_or_copy(self.link)

    def place(self, position: int, target: Path) -> None:
        """Link or copy an image's file.

        Raises:
            SpoonfulError: the file is gone or has changed since `fetch`, or cannot be linked.
        """
        source = (self.root / self.paths[position]).resolve()
        try:
            size = source.stat().st_size
            if size != self.sizes[position]:
                raise SpoonfulError(
                    f"{source}: had {self.sizes[position]} bytes when fetched, has {size} now; "
                    "run `spoonful fetch` again"
                )
            self._link(source, target)
        except OSError as error:
            raise SpoonfulError(
                f"{source}: cannot be put into the split with dataset.link={self.link} "
                f"({error.strerror or error}); dataset.link=copy works everywhere"
            ) from error


def open_raw(config: FolderConfig, raw_dir: Path) -> RawFiles:
    """Read the list that `fetch` left."""
    list_path = raw_dir / LIST_NAME
    if not list_path.is_file():
        raise SpoonfulError(
            f"{list_path} is missing: run `spoonful fetch dataset=folder dataset.path=...` first"
        )
    with list_path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    paths = [row["path"] for row in rows]
    given = _has_given_splits({path.split("/")[0] for path in paths})
    images = []
    for row in rows:
        parts = row["path"].split("/")
        split = _SPLIT_FOLDERS[parts.pop(0)] if given else None
        # Folders inside a class become part of the file's name, so that none hides another.
        images.append(RawImage(parts[0], "__".join(parts[1:]), split, row["sha256"]))
    return RawFiles(images, _root(config), paths, [int(row["bytes"]) for row in rows], config.link)


def _check_name(path: str) -> None:
    try:
        path.encode()
    except UnicodeEncodeError as error:
        raise SpoonfulError(
            f"the file name {path!a} is not valid UTF-8, so it cannot be listed; rename the file"
        ) from error


def _root(config: FolderConfig) -> Path:
    if config.path is None:
        raise SpoonfulError("dataset.path is not set: give dataset.path=FOLDER with class folders")
    root = Path(config.path).expanduser()
    if not root.is_dir():
        raise SpoonfulError(f"dataset.path={config.path}: no such folder")
    return root.resolve()


def _has_given_splits(top_folders: set[str]) -> bool:
    """Tell train/val/test folders from class folders that happen to have such a name."""
    splits = top_folders & set(_SPLIT_FOLDERS)
    others = sorted(top_folders - splits)
    if "train" not in splits or (others and splits == {"train"}):
        return False
    if others:
        raise SpoonfulError(
            f"dataset.path holds the splits {', '.join(sorted(splits))} and also {others[0]}: "
            "expected only train, val (or validation) and test, or only class folders"
        )
    if {"val", "validation"} <= splits:
        raise SpoonfulError("dataset.path holds both val and validation: expected one of them")
    return True


def _image_paths(root: Path) -> list[str]:
    """List the images in class folders, sorted; files beside the class folders do not count."""
    found = image_files(root)
    given = _has_given_splits({path.split("/")[0] for path in found if "/" in path})
    return [path for path in found if path.count("/") >= (2 if given else 1)]
