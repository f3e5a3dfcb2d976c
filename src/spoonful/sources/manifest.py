"""Examples as image files that a table lists, with their labels."""

import os
from collections.abc import Callable, Sequence
from typing import ClassVar

from spoonful.sources.image_files import ImageFileSource
from spoonful.sources.images.background import WHITE
from spoonful.sources.images.limits import MAX_PIXELS
from spoonful.sources.manifest_rows import read_rows
from spoonful.sources.remote.cache import Cache, checked_cache
from spoonful.sources.remote.images import RemoteImages
from spoonful.sources.remote_folder import at_address


class ManifestSource(ImageFileSource):
    """Serve the image files that a CSV or Parquet table lists, in the order of its rows.

    `labels` are class numbers int64 [n] for one column of texts or whole numbers, 0 or 1 as uint8
    [n, k] for k columns, or float64 [n, k] with `label_kind="regression"`. `class_names` are the
    classes, by number if all are whole numbers and else by name; or the label columns. What is
    learned depends on the arguments alone, never on what the columns happen to hold.

    Args:
        table: a CSV file (in UTF-8; commas, semicolons, tabs or bars between cells), or Parquet.
        image_size: (height, width) in pixels to which every image is resized.
        num_channels: 1 (grey) or 3 (RGB).
        resize: "stretch", "fit" or "crop"; see `FolderSource`.
        background: (red, green, blue), 0..255 each, behind what is transparent.
        max_pixels: an image file with more pixels is refused.
        message: makes the error text for an image file; see `FolderSource`.
        root: the folder that the paths are below. None: the table's folder; or, if there are
            absolute paths outside it, the innermost folder that all files are below.
        path_column: the column of the paths, below root or absolute.
        label_columns: the columns of the labels.
        label_kind: "classification" (one column), "multilabel" or "regression"; None: one column
            is classes, and several are multilabel.
        class_names: the classes, in label order, where the table need not hold all of them.
        cache: where image files of an address are kept; None: `Cache()`. Without effect on others.

    `table` and `root` may be addresses, such as s3://bucket/train.csv. Paths of a table at an
    address are below `root`, or below its own folder if that is not given.

    Raises:
        SpoonfulError: no such table, column or folder; files that are missing, outside root or
            named twice, or labels that are missing or invalid: the number of each, and the first
            10. An invalid size, policy, colour or limit.
    """

    kind: ClassVar[str] = "manifest"

    def __init__(
        self,
        table: str | os.PathLike[str],
        image_size: tuple[int, int],
        num_channels: int = 3,
        resize: str = "stretch",
        background: Sequence[int] = WHITE,
        max_pixels: int = MAX_PIXELS,
        message: Callable[[str, str], str] | None = None,
        *,
        root: str | os.PathLike[str] | None = None,
        path_column: str = "path",
        label_columns: Sequence[str] = ("label",),
        label_kind: str | None = None,
        class_names: Sequence[str] | None = None,
        cache: Cache | None = None,
    ) -> None:
        with at_address(table, root) as (path, store):
            columns = (path_column, label_columns, label_kind, class_names)
            rows = read_rows(path, root, *columns, store=store)
            rows.faults.check()
        how = (image_size, num_channels, resize, background, max_pixels, message)
        super().__init__(rows.root if store is None else store.address, *how)
        if store is not None:
            listed = [rows.listed[file] for file in rows.files]
            self._remote = RemoteImages(store, listed, checked_cache(cache))
        self.ids = rows.files
        self.labels = rows.labels.values
        self.class_names = rows.labels.names
