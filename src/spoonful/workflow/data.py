"""Open the data that the config describes."""

from functools import partial
from typing import Any

from spoonful.config.own_data import check_path
from spoonful.config.pack_schema import JpegPackConfig
from spoonful.config.schema import Config
from spoonful.datasets import original_path
from spoonful.errors import SpoonfulError
from spoonful.project import packed_dir, raw_dir, shown_path, split_dir, split_summary_path
from spoonful.sources.folder import FolderSource
from spoonful.sources.packed.source import PackedSource
from spoonful.workflow.split_files import check_files, read_summary, split_settings

SplitSource = FolderSource | PackedSource


def open_train_and_val(config: Config) -> tuple[SplitSource, SplitSource]:
    """Open what training reads: the packed splits, or the split folders themselves.

    Raises:
        SpoonfulError: there are none, or they were made from other data or settings (each named).
    """
    check_split(config)
    settings = packed_settings(config)
    sources: list[SplitSource] = []
    for split in ("train", "val"):
        if config.generator.name == "packed":
            sources.append(open_packed(split, settings))
        else:
            sources.append(open_folder(split, settings, config))
    return sources[0], sources[1]


def open_folder(split: str, settings: dict[str, Any], config: Config) -> FolderSource:
    """Open one folder of data/split and check its files; see `folder_source`.

    Raises:
        SpoonfulError: its files are not those that `split` put there; names some.
    """
    source = folder_source(split, settings, config)
    check_files(source, split)
    return source


def folder_source(split: str, settings: dict[str, Any], config: Config) -> FolderSource:
    """Open one folder of data/split: "train", "val" or "test".

    Args:
        split: its name.
        settings: what determines its pixels, as in `packed_settings`.
        config: gives the largest size of an image, and the user's own folder for messages.

    Raises:
        SpoonfulError: no such folder, or a class in it without images.
    """
    height, width, channels = settings["image_shape"]
    return FolderSource(
        split_dir() / split,
        (height, width),
        channels,
        settings["resize"],
        settings["background"],
        config.dataset.max_pixels,
        partial(_bad_image, config, split),
    )


def _bad_image(config: Config, split: str, file_id: str, fault: str) -> str:
    """Name the user's own file in an error, not the link to it in data/split."""
    placed = split_dir() / split / file_id
    own = original_path(config.dataset, raw_dir(), split, file_id)
    if own is None:
        return f"{placed}{fault}"
    return f"{own}{fault}; then run `spoonful fetch` and `spoonful split` again"


def open_packed(split: str, settings: dict[str, Any]) -> PackedSource:
    """Open one store of data/packed: "train", "val" or "test".

    Args:
        split: its name.
        settings: the required settings, as in `packed_settings`.

    Raises:
        SpoonfulError: no store, or one with other settings or another split; names each.
    """
    source = PackedSource(packed_dir() / split)
    meta = source.meta
    found = {"image_shape": list(meta.image_shape), "encoding": meta.encoding, **meta.settings}
    wrong = [
        f"{name} (asked for {value}, packed {found.get(name)})"
        for name, value in settings.items()
        if found.get(name) != value
    ]
    summary = read_summary()
    if meta.split_summary != summary:
        wrong.append("the split, which has been made again since")
    elif len(source) != summary["num_images"][split]:
        wrong.append(f"{len(source):,} images, of {summary['num_images'][split]:,} in the split")
    if wrong:
        raise SpoonfulError(
            f"{shown_path(source.path)} was packed otherwise: {', '.join(wrong)}; run "
            "`spoonful pack` with the same overrides, or `dvc repro`"
        )
    return source


def packed_settings(config: Config) -> dict[str, Any]:
    """Return the settings that determine the pixels that training reads, besides the files."""
    dataset, pack = config.dataset, config.pack
    settings: dict[str, Any] = {
        "image_shape": [*dataset.image_size, dataset.num_channels],
        "resize": dataset.resize,
        "background": list(dataset.background),
    }
    if config.generator.name == "packed":
        settings["encoding"] = pack.name
        if isinstance(pack, JpegPackConfig):
            settings["quality"] = pack.quality
            is_colour = dataset.num_channels == 3
            settings["chroma_subsampling"] = pack.chroma_subsampling if is_colour else None
    return settings


def check_split(config: Config) -> None:
    """Check that data/split was made as the config says.

    Raises:
        SpoonfulError: there is no split, or it was made from other data or settings (each named).
    """
    remake = (
        f"run `spoonful fetch dataset={config.dataset.name}` and "
        f"`spoonful split dataset={config.dataset.name}` with the same overrides, or `dvc repro`"
    )
    if not split_summary_path().exists() or not split_dir().is_dir():
        raise SpoonfulError(f"there is no data in {split_dir()}: {remake}")
    made = read_summary()
    expected = {"dataset": config.dataset.name, **split_settings(config)}
    found = {"dataset": made["dataset"], **made["settings"]}
    wrong = [
        f"{name} (config {expected.get(name)}, split {found.get(name)})"
        for name in dict.fromkeys([*expected, *found])
        if expected.get(name) != found.get(name)
    ]
    if wrong:
        raise SpoonfulError(f"data/split was made otherwise: {', '.join(wrong)}; {remake}")
    check_path(config, remake)
