"""What `split` needs of an inspection: of the one in data/inspect if it is of the same images."""

import hashlib
from dataclasses import dataclass

from spoonful.config.own_data import dataset_title
from spoonful.config.schema import Config
from spoonful.datasets import RawArrays, RawDataset
from spoonful.errors import SpoonfulError
from spoonful.files.text import unicode_text
from spoonful.inspection.copies import exact_clusters, members
from spoonful.inspection.inspecting import inspect, origin_now
from spoonful.inspection.table import TABLE_NAME, origin_of, read_columns, readable_contents
from spoonful.project import inspect_dir


@dataclass(frozen=True)
class Found:
    """What an inspection found.

    Attributes:
        faults: why an image cannot be read, by its position in `RawDataset.images`.
        clusters: positions of images that are copies of each other, as `dataset.copies` says.
    """

    faults: dict[int, str]
    clusters: list[list[int]]


def found(raw: RawDataset, config: Config) -> Found:
    """Return the bad images and the copies of a data set.

    Images in arrays whose copies are ignored are not inspected: there can be neither.

    Raises:
        SpoonfulError: a file has changed since it was fetched; names it.
    """
    copies = config.dataset.copies
    if isinstance(raw, RawArrays) and copies == "ignore":
        return Found({}, [])
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
        table = read_columns(path, ["key", "sha256", "fault", "cluster"])
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
    if config.dataset.copies == "ignore":
        return Found(faults, [])
    if config.dataset.copies == "exact":
        return Found(faults, members(exact_clusters(readable_contents(table))))
    return Found(faults, members(table.column("cluster").to_numpy()))


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
