"""Name the user's own data set by its folder, also if only its split exists.

`split` notes where the images were. The note is not an output of the pipeline: outputs hold no
paths, so that they are the same on every machine.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from spoonful.config.schema import Config
from spoonful.config.settings import name_of, short_name
from spoonful.config.targets import TARGET
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import read_checked, write_checked
from spoonful.project import project_root, split_origin_path, split_summary_path


def register_title() -> None:
    """Register ${dataset_title:} for the configs: the name of the experiment in MLflow."""

    def title(*, _root_: Any) -> str:
        dataset = _root_.dataset
        return _title(short_name(str(dataset.get(TARGET))), "path" in dataset, dataset.get("path"))

    OmegaConf.register_new_resolver("dataset_title", title, replace=True)


def dataset_title(config: Config) -> str:
    """Return the name of a data set; for the user's own, that of its folder if known."""
    dataset = config.dataset
    return _title(name_of(dataset), hasattr(dataset, "path"), getattr(dataset, "path", None))


def _title(name: str, has_folder: bool, path: str | None) -> str:
    known = (path or noted_path()) if has_folder else None
    return Path(known).expanduser().resolve().name or name if known else name


def with_noted_path(config: Config) -> Config:
    """Return the config with the folder that the split was made from, if it gives none.

    Raises:
        SpoonfulError: the note is damaged.
    """
    dataset = config.dataset
    if getattr(dataset, "path", "none") is not None:
        return config
    return dataclasses.replace(config, dataset=dataclasses.replace(dataset, path=_read_note()))


def note_path(config: Config, split_digest: str) -> None:
    """Note the source of data/split; a folder in the project stays known if the project moves.

    Args:
        config: config of `split`.
        split_digest: digest of that split.
    """
    path = getattr(config.dataset, "path", None)
    if path is not None:
        place, root = Path(path).expanduser().resolve(), project_root()
        path = str(place.relative_to(root) if place.is_relative_to(root) else place)
    write_checked(split_origin_path(), {"path": path, "split_digest": split_digest})


def check_path(config: Config, remake: str) -> None:
    """Check that dataset.path, if given, is the folder that the split was made from.

    Args:
        config: the config of any data set.
        remake: what to do if it is a different folder.

    Raises:
        SpoonfulError: it is a different folder; names both.
    """
    asked, noted = getattr(config.dataset, "path", None), noted_path()
    if asked and noted and Path(asked).expanduser().resolve() != Path(noted).resolve():
        raise SpoonfulError(f"dataset.path={asked}: data/split was made from {noted}; {remake}")


def noted_path() -> str | None:
    """Return the absolute path of the folder that the split was made from; None if unknown."""
    try:
        return _read_note()
    except SpoonfulError:  # `with_noted_path` reports it; `split`, which repairs it, must continue
        return None


@dataclasses.dataclass(frozen=True)
class _Origin:
    path: str | None
    split_digest: str


def _read_note() -> str | None:
    if not split_origin_path().exists():  # brought here by DVC
        return None
    origin = read_checked(split_origin_path(), _Origin, "run `spoonful split` again, or remove it")
    try:
        summary = json.loads(split_summary_path().read_text(encoding="utf-8"))
        is_known = origin.path is not None and origin.split_digest == summary["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        return None  # missing or damaged, which `check_split` reports
    return str(project_root() / str(origin.path)) if is_known else None
