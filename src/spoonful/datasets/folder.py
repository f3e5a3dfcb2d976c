"""The user's own images: class folders, or splits with class folders in them."""

import csv
import hashlib
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar

from spoonful.config.fields import key
from spoonful.datasets.dataset import Dataset
from spoonful.datasets.links import safe_link
from spoonful.datasets.raw import RawImage
from spoonful.datasets.subset import check_limit, kept_positions
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hashes
from spoonful.files.documents import parsed_table, read_bytes, read_json, shown, unexpected
from spoonful.files.tables import read_csv, write_csv
from spoonful.files.whole import link_or_copy, replaced_folder, write_json
from spoonful.project import project_root
from spoonful.sources.folder import image_files
from spoonful.sources.images.decode import read_bytes as read_image
from spoonful.sources.images.names import READABLE, is_known_image_name, passed_over
from spoonful.sources.labels import LabelKind

# The list that `fetch` writes to data/raw: the images themselves stay where they are.
LIST_NAME = "files.csv"
# Its number of entries and SHA-256: a list truncated at a line end would be a smaller data set.
SUMMARY_NAME = "files.json"
REMAKE = "run `spoonful fetch` again"
_COLUMNS = ("path", "bytes", "sha256")
_SHA256 = re.compile("[0-9a-f]{64}")
_SPLIT_FOLDERS = {"train": "train", "val": "val", "validation": "val", "test": "test"}


@dataclass
class RawFiles:
    """Image files in the user's folder; placed as links if the file system allows it."""

    images: list[RawImage]
    root: Path
    paths: list[str]
    sizes: list[int]
    link: str

    label_kind: ClassVar[LabelKind] = LabelKind.CLASSIFICATION
    label_names: ClassVar[tuple[str, ...]] = ()
    is_table: ClassVar[bool] = False

    def __post_init__(self) -> None:
        self._link = link_or_copy(self.link)

    def origin(self, position: int) -> str:
        """Return the path of the user's own file."""
        return str(self.root / self.paths[position])

    def read(self, position: int) -> bytes:
        """Return the bytes of an image's file.

        Raises:
            SpoonfulError: the file is missing or not a regular file; names it.
        """
        return read_image(self.origin(position))

    def place(self, position: int, target: Path) -> None:
        """Link or copy an image's file.

        Raises:
            SpoonfulError: the file is missing or has changed since `fetch`, or cannot be linked.
        """
        own = self.origin(position)
        try:
            source = Path(own).resolve()  # resolve links: the split must not depend on them
            size = source.stat().st_size
            if size != self.sizes[position]:
                raise SpoonfulError(
                    f"{own}: had {self.sizes[position]} bytes when fetched, has {size} now; "
                    "run `spoonful fetch` again"
                )
            self._link(source, target)
        except OSError as error:
            raise SpoonfulError(
                f"{own}: cannot be put into the split with dataset.link={self.link} "
                f"({error.strerror or error}); dataset.link=copy works everywhere"
            ) from error


@dataclass
class Folder(Dataset):
    """Images of your own: class folders, or train/val/test with class folders in them."""

    path: str | None = key(
        "folder of class folders, or holding train, val (or validation), test",
        is_path=True,
        has_no_effect=True,
    )
    test_fraction: float = key(
        "share of the images without a given split that goes to test", above=0, maximum=0.9
    )
    link: str = key(
        "how a file gets into the split; auto: the first of these that the file system has",
        choices=("auto", "reflink", "symlink", "copy"),
        has_no_effect=True,
    )

    fetched: ClassVar[str] = "listed"  # the images are decoded when they are read

    def fetch(self, raw_dir: Path) -> None:
        """List the images with their sizes and content hashes; nothing is copied or changed.

        Raises:
            SpoonfulError: no such folder, or no class folders with images in it.
        """
        root = _root(self.path)
        paths, others = _image_paths(root)
        if not paths:
            beside = f" (found {passed_over(others)})" if others else ""
            raise SpoonfulError(
                f"dataset.path={root}: no {READABLE} files in class folders{beside}; expected a "
                "folder of class folders, or train, val and test with class folders in them"
            )
        _check_classes(root, paths, others)
        for path in paths:
            try:
                path.encode()
            except UnicodeEncodeError as error:
                raise SpoonfulError(
                    f"the file name {path!a} is not valid UTF-8, so it cannot be listed; rename "
                    "the file"
                ) from error
        paths = _limited(paths, self.max_images_per_class)  # before hours of hashing
        hashes = content_hashes([root / path for path in paths])
        with replaced_folder(raw_dir) as folder:
            sizes = ((root / path).stat().st_size for path in paths)
            write_csv(folder / LIST_NAME, _COLUMNS, zip(paths, sizes, hashes, strict=True))
            digest = hashlib.sha256((folder / LIST_NAME).read_bytes()).hexdigest()
            summary = _ListSummary(len(paths), digest, self.max_images_per_class)
            write_json(folder / SUMMARY_NAME, asdict(summary))
        if others:
            print(f"passed over: {passed_over(others)}")

    def open_raw(self, raw_dir: Path) -> RawFiles:
        """Read the list that `fetch` wrote."""
        list_path = raw_dir / LIST_NAME
        if not list_path.exists():
            raise SpoonfulError(
                f"{list_path} is missing: run `spoonful fetch dataset=folder dataset.path=...` "
                "first"
            )
        rows = {row["path"]: row for row in _listed(list_path, self.max_images_per_class)}
        paths = _limited(list(rows), self.max_images_per_class)
        given = _has_given_splits({path.split("/")[0] for path in paths})
        images = []
        for path in paths:
            parts = path.split("/")
            split = _SPLIT_FOLDERS[parts.pop(0)] if given else None
            # Folders inside a class become part of the file's name, so that names stay unique.
            images.append(RawImage(parts[0], "__".join(parts[1:]), split, rows[path]["sha256"]))
        link = safe_link(self.link, project_root())
        sizes = [int(rows[path]["bytes"]) for path in paths]
        return RawFiles(images, _root(self.path), paths, sizes, link)

    def original_path(self, raw_dir: Path, split: str, file_id: str) -> str | None:
        """Return the path of a split file in the user's own folder.

        The list that `fetch` wrote holds paths below dataset.path; if that is not set now, the name
        says so. Nothing in the split itself holds a local path.

        Args:
            raw_dir: where the list is.
            split: "train", "val" or "test".
            file_id: the file's path below the split's folder.

        Returns:
            None if the split was not made from the user's files, or has no such file.
        """
        try:
            paths = [row["path"] for row in read_csv(raw_dir / LIST_NAME)]
        except (OSError, KeyError, UnicodeError, csv.Error):  # then the file's other name is used
            return None
        given = _has_given_splits({path.split("/")[0] for path in paths})
        for path in paths:
            parts = path.split("/")
            own_split = _SPLIT_FOLDERS[parts.pop(0)] if given else split
            if own_split == split and f"{parts[0]}/{'__'.join(parts[1:])}" == file_id:
                if self.path is None:
                    return f"{path} (below dataset.path)"
                return str(Path(self.path).expanduser() / path)
        return None


@dataclass(frozen=True)
class _ListSummary:
    num_images: int
    sha256: str
    max_images_per_class: int | None = None


def _limited(paths: list[str], max_images: int | None) -> list[str]:
    """Return the paths of so many images of each class, in each split that the folder gives."""
    depth = 2 if _has_given_splits({path.split("/")[0] for path in paths}) else 1
    groups = [tuple(path.split("/")[:depth]) for path in paths]
    return [paths[position] for position in kept_positions(groups, paths, max_images)]


def _listed(list_path: Path, max_images: int | None) -> list[dict[str, str]]:
    """Return the rows of the list, checked to be the one that `fetch` wrote."""
    content = read_bytes(list_path, REMAKE)
    summary = read_json(list_path.with_name(SUMMARY_NAME), _ListSummary, REMAKE)
    check_limit(summary.max_images_per_class, max_images)
    found = hashlib.sha256(content).hexdigest()
    if found != summary.sha256:
        expected = f"SHA-256 {summary.sha256}, as {SUMMARY_NAME} says"
        raise unexpected(list_path, expected, found, REMAKE)
    rows = parsed_table(content.decode("utf-8", "replace"), _COLUMNS, list_path, REMAKE)
    if not rows or len(rows) != summary.num_images:
        raise unexpected(list_path, f"{summary.num_images:,} images", f"{len(rows):,}", REMAKE)
    for row in rows:
        parts = row["path"].split("/")
        is_below = len(parts) > 1 and not {"", ".", ".."} & set(parts)
        if not (is_below and row["bytes"].isdecimal() and _SHA256.fullmatch(row["sha256"])):
            expected = "path, bytes and sha256 of an image in a class folder"
            raise unexpected(list_path, expected, shown(list(row.values())), REMAKE)
    return rows


def _root(path: str | None) -> Path:
    if path is None:
        raise SpoonfulError("dataset.path is not set: give dataset.path=FOLDER with class folders")
    root = Path(path).expanduser()
    if not root.is_dir():
        raise SpoonfulError(f"dataset.path={path}: no such folder")
    return root.resolve()


def _has_given_splits(top_folders: set[str]) -> bool:
    """Distinguish train/val/test folders from class folders with such a name."""
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


def _check_classes(root: Path, paths: list[str], others: list[str]) -> None:
    """Refuse a class whose images are all of unsupported kinds: it would be lost."""
    given = _has_given_splits({path.split("/")[0] for path in paths})
    depth = 2 if given else 1
    classes = {tuple(path.split("/")[:depth]) for path in paths}
    lost: dict[tuple[str, ...], list[str]] = {}
    for path in others:
        folder = tuple(path.split("/")[:depth])
        if folder not in classes:
            lost.setdefault(folder, []).append(path)
    for folder, files in sorted(lost.items()):
        if any(is_known_image_name(path) for path in files):
            raise SpoonfulError(
                f"{root.joinpath(*folder)}: a class without any image that can be read, but "
                f"{passed_over(files)}; convert them, or move the folder out of dataset.path"
            )


def _image_paths(root: Path) -> tuple[list[str], list[str]]:
    """List the images and the other files in class folders, sorted; not those beside them."""
    others: list[str] = []
    found = image_files(root, others)
    given = _has_given_splits({path.split("/")[0] for path in found if "/" in path})
    depth = 2 if given else 1
    return (
        [path for path in found if path.count("/") >= depth],
        [path for path in sorted(others) if path.count("/") >= depth],
    )
