"""Open the split that the config describes."""

import json

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.project import split_dir, split_summary_path
from spoonful.sources.folder import FolderSource
from spoonful.stages.split import split_settings


def open_split(split: str, image_size: tuple[int, int], num_channels: int) -> FolderSource:
    """Open one folder of data/split: "train", "val" or "test"."""
    return FolderSource(split_dir() / split, image_size, num_channels)


def check_split(config: Config) -> None:
    """Check that data/split was made as the config says.

    Raises:
        SpoonfulError: there is no split, or it is of other data or settings (each named).
    """
    remake = (
        f"run `spoonful fetch dataset={config.dataset.name}` and "
        f"`spoonful split dataset={config.dataset.name}` with the same overrides, or `dvc repro`"
    )
    path = split_summary_path()
    if not path.is_file() or not split_dir().is_dir():
        raise SpoonfulError(f"there is no data in {split_dir()}: {remake}")
    made = json.loads(path.read_text(encoding="utf-8"))
    expected = {"dataset": config.dataset.name, **split_settings(config)}
    found = {"dataset": made["dataset"], **made["settings"]}
    wrong = [
        f"{name} (config {expected.get(name)}, split {found.get(name)})"
        for name in dict.fromkeys([*expected, *found])
        if expected.get(name) != found.get(name)
    ]
    if wrong:
        raise SpoonfulError(f"data/split was made otherwise: {', '.join(wrong)}; {remake}")
