"""Batches straight from the image files of data/split."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from spoonful.config.schema import Config
from spoonful.project import raw_dir, split_dir
from spoonful.sources.folder import FolderSource, class_folders
from spoonful.sources.image_files import ImageFileSource
from spoonful.sources.labels import LabelKind
from spoonful.sources.labels_file import LABELS_NAME, file_column, label_columns
from spoonful.sources.manifest import ManifestSource
from spoonful.workflow.replaced_files import note_files
from spoonful.workflow.split_files import (
    check_files,
    check_labels_file,
    check_split,
    image_settings,
    read_summary,
)

# Ends the words for a bad image; a run in progress has other remedies.
REMEDY = "; then run `spoonful fetch` and `spoonful split` again"


@dataclass
class Folder:
    """Batches read straight from the image files of data/split."""

    def check(self, config: Config) -> None:
        """Check that data/split was made as the config says.

        Raises:
            SpoonfulError: there is no split, or it was made from other data or settings.
        """
        check_split(config)

    def settings(self, config: Config) -> dict[str, Any]:
        """Return the settings that determine the pixels, besides the files."""
        return image_settings(config)

    def open(self, split: str, settings: dict[str, Any], config: Config) -> ImageFileSource:
        """Open one folder of data/split and check its files; see `folder_source`.

        Raises:
            SpoonfulError: its files are not those that `split` put there; names some.
        """
        source = folder_source(split, settings, config)
        note_files(source)  # before they are hashed: what is replaced from then on is noticed
        check_files(source, split, config)
        return source

    @property
    def data_dir(self) -> Path:
        """The folder that is read."""
        return split_dir()


def folder_source(split: str, settings: dict[str, Any], config: Config) -> ImageFileSource:
    """Open one folder of data/split: "train", "val" or "test".

    Its classes are folders, or its labels are in a table beside the images.

    Args:
        split: its name.
        settings: what determines its pixels, as from `image_settings`.
        config: gives the largest size of an image, and the user's own folder for messages.

    Raises:
        SpoonfulError: no such folder, a class in it without images, or a table that has changed.
    """
    height, width, channels = settings["image_shape"]
    how = (
        (height, width),
        channels,
        settings["resize"],
        settings["background"],
        config.dataset.max_pixels,
        partial(_bad_image, config, split),
    )
    folder, summary = split_dir() / split, read_summary()
    names = summary.get("class_names")
    if names is None:
        return FolderSource(folder, *how, _class_names(split))
    check_labels_file(split)
    kind = LabelKind(summary["label_kind"])
    columns = label_columns(kind, names)
    return ManifestSource(
        folder / LABELS_NAME,
        *how,
        path_column=file_column(columns),
        label_columns=columns,
        label_kind=kind,
        class_names=names,
    )


def _class_names(split: str) -> list[str]:
    """Return the classes of a split: those of train, too, of which it may have no image."""
    own, train = (class_folders(split_dir() / name) for name in (split, "train"))
    return sorted({*own, *train})


def _bad_image(config: Config, split: str, file_id: str, fault: str) -> str:
    """Name the user's own file in an error, not the link to it in data/split."""
    placed = split_dir() / split / file_id
    own = config.dataset.original_path(raw_dir(), split, file_id)
    if own is None:
        return f"{placed}{fault}"
    if placed.is_symlink() and not placed.exists():
        # To the user, the link is in data/split, and the file that it leads to is what is missing.
        fault = ": is missing; bring it back"
    return f"{own}{fault}{REMEDY}"
