"""Name the data set of the user's own by its folder, also where only its split is there.

`split` notes where the images lay. The note is no output of the pipeline: outputs hold no paths, so
that they are the same on every machine.
"""

import dataclasses
import json
from pathlib import Path
from typing import Any

from omegaconf import OmegaConf

from spoonful.config.schema import Config, FolderConfig
from spoonful.files import write_json
from spoonful.project import split_origin_path, split_summary_path


def register_title() -> None:
    """Make ${dataset_title:} known to the configs: the name that MLflow's experiment gets."""

    def title(*, _root_: Any) -> str:
        dataset = _root_.dataset
        return dataset_title(str(dataset.name), dataset.get("path"))

    OmegaConf.register_new_resolver("dataset_title", title, replace=True)


def dataset_title(name: str, path: str | None) -> str:
    """Return the name of a data set; of the user's own, that of its folder where it is known.

    Args:
        name: dataset.name.
        path: dataset.path.
    """
    if name != "folder":
        return name
    known = path or noted_path()
    return Path(known).expanduser().resolve().name or name if known else name


def with_noted_path(config: Config) -> Config:
    """Return the config with the folder that the split was made from, where it gives none."""
    dataset = config.dataset
    if not isinstance(dataset, FolderConfig) or dataset.path is not None:
        return config
    return dataclasses.replace(config, dataset=dataclasses.replace(dataset, path=noted_path()))


def note_path(config: Config, split_digest: str) -> None:
    """Note what data/split was made from.

    Args:
        config: of `split`.
        split_digest: of that split.
    """
    path = getattr(config.dataset, "path", None)
    write_json(split_origin_path(), {"path": path, "split_digest": split_digest})


def noted_path() -> str | None:
    """Return the folder that the present split was made from; None where it is not known."""
    try:
        origin = json.loads(split_origin_path().read_text(encoding="utf-8"))
        summary = json.loads(split_summary_path().read_text(encoding="utf-8"))
        is_of_this_split = origin["split_digest"] == summary["digest"]
        return str(origin["path"]) if is_of_this_split and origin["path"] else None
    except (OSError, ValueError, KeyError, TypeError):
        return None  # brought here by DVC, or damaged, which `check_split` says
