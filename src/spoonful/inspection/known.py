"""What `split` needs of an inspection: of the one in data/inspect if it is of the same images."""

import hashlib
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from spoonful.config.own_data import dataset_title
from spoonful.config.schema import Config
from spoonful.datasets import RawArrays, RawDataset
from spoonful.errors import SpoonfulError
from spoonful.files.text import unicode_text
from spoonful.inspection.advice import recommended_size
from spoonful.inspection.copies import exact_clusters, members
from spoonful.inspection.inspecting import inspect, origin_now
from spoonful.inspection.table import TABLE_NAME, origin_of, read_columns, readable_contents
from spoonful.project import inspect_dir
from spoonful.sources.image_sizes import ImageSizes


@dataclass(frozen=True)
class Found:
    """What an inspection found.

    Attributes:
        faults: why an image cannot be read, by its position in `RawDataset.images`.
        clusters: positions of images that are copies of each other, as `dataset.copies` says.
        sizes: how large the readable images are; None: there is none.
    """

    faults: dict[int, str]
    clusters: list[list[int]]
    sizes: ImageSizes | None


def found(raw: RawDataset, config: Config) -> Found:
    """Return the bad images and the copies of a data set.

    Images in arrays whose copies are ignored are not inspected: there can be neither.

    Raises:
        SpoonfulError: a file has changed since it was fetched; names it.
    """
    copies = config.dataset.copies
    if isinstance(raw, RawArrays) and copies == "ignore":
        return Found({}, [], _sizes_of(*np.array([raw.pixels.shape[2:0:-1]]).T))
    if (known := _known(raw, config)) is None:
        inspect(raw, inspect_dir(), config.dataset, dataset_title(config))
        known = _known(raw, config)
    if known is None:
        raise SpoonfulError(
            f"{inspect_dir()}: the images change while they are inspected; try again once nothing "
            "writes to them"
        )
    return known


def _known(raw: RawDataset, config: Config) -> Found | None:
    """Read the findings in data/inspect; None: it is damaged, or of other images or settings."""
    path = inspect_dir() / TABLE_NAME
    if not path.is_file():
        return None
    try:
        if origin_of(path) != origin_now(raw, config.dataset):
            return None
        names = ["key", "sha256", "fault", "cluster", "width", "height"]
        table = read_columns(path, names)
    except SpoonfulError:
        return None
    keys = [unicode_text(image.key) for image in raw.images]
    contents = table.column("sha256").to_pylist()
    if table.column("key").to_pylist() != keys or not _are_of(raw, contents):
        return None
    faults = {
        position: fault
        for position, fault in enumerate(table.column("fault").to_pylist())
        if fault is not None
    }
    sizes = _measured_sizes(table)
    if config.dataset.copies == "ignore":
        return Found(faults, [], sizes)
    if config.dataset.copies == "exact":
        return Found(faults, members(exact_clusters(readable_contents(table))), sizes)
    return Found(faults, members(table.column("cluster").to_numpy()), sizes)


def _measured_sizes(table: pa.Table) -> ImageSizes | None:
    good = table.filter(pc.and_(table.column("fault").is_null(), table.column("width").is_valid()))
    if not len(good):
        return None
    return _sizes_of(good.column("width").to_numpy(), good.column("height").to_numpy())


def _sizes_of(width: NDArray[Any], height: NDArray[Any]) -> ImageSizes:
    smallest, median, largest = (
        (int(of(height)), int(of(width))) for of in (np.min, np.median, np.max)
    )
    return ImageSizes(recommended_size(width, height), smallest, median, largest)


def _are_of(raw: RawDataset, contents: list[str | None]) -> bool:
    """Return whether these are the digests of the images whose own is not known.

    Nor is that of an image which was gone while it was inspected: it may be back.
    """
    for position, (image, content) in enumerate(zip(raw.images, contents, strict=True)):
        if image.content is None or content is None:
            try:
                now = hashlib.sha256(raw.read(position)).hexdigest()
            except SpoonfulError:
                now = None
            if now != content:
                return False
    return True
