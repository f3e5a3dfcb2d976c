"""Find the files of a data set in Hugging Face's format, and what its columns hold.

As `save_to_disk` of the package datasets writes it: `dataset_dict.json` names the splits, each a
folder with a `state.json` that names its Arrow files (IPC streams); or one such folder. Otherwise,
Parquet or Arrow files, whose names or folders name their splits. A file's schema holds the features
in its metadata, as JSON.
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spoonful.datasets.split_names import SPLIT_WORDS, split_named
from spoonful.errors import SpoonfulError
from spoonful.files.documents import parsed_json, read_text, shown

DICT_NAME, STATE_NAME, INFO_NAME = "dataset_dict.json", "state.json", "dataset_info.json"
_REMAKE = "save the data set again with save_to_disk"
_SUFFIXES = (".parquet", ".arrow")
_METADATA = b"huggingface"
# As in train-00000-of-00002.parquet.
_SHARD = re.compile(r"(.+?)-\d{3,}-of-\d{3,}\.\w+")


@dataclass(frozen=True)
class HfFile:
    """A file with rows of a data set.

    Attributes:
        path: an Arrow or Parquet file.
        split: the split's name, as it is written there; None: none is given.
    """

    path: Path
    split: str | None


def find_files(path: Path) -> list[HfFile]:
    """Return the files of a data set, split by split, in the order of their rows.

    Args:
        path: a folder, or a single file.

    Raises:
        SpoonfulError: there are none, one that is named is missing, or a split that is none.
    """
    if path.is_file():
        return [HfFile(path, None)]
    if not path.is_dir():
        raise SpoonfulError(f"dataset.path={path}: no such folder")
    if (path / DICT_NAME).exists():
        splits = _listed(path / DICT_NAME, "splits")
        found = [
            HfFile(file, _checked(split, path / DICT_NAME))
            for split in splits
            for file in _saved(path / _plain(split, path / DICT_NAME))
        ]
    elif (path / STATE_NAME).exists():
        found = [HfFile(file, None) for file in _saved(path)]
    else:
        found = _by_name(path)
    if not found:
        raise SpoonfulError(
            f"dataset.path={path}: holds neither {DICT_NAME} nor {STATE_NAME}, as save_to_disk "
            "writes them, nor .parquet or .arrow files"
        )
    return found


def features_of(schema: Any, file: Path) -> dict[str, Any]:
    """Return the features of a file's columns by their names; empty if nothing tells them.

    Args:
        schema: its `pyarrow.Schema`.
        file: a dataset_info.json beside it is read, if the schema does not tell them.
    """
    text = (schema.metadata or {}).get(_METADATA)
    beside = file.with_name(INFO_NAME)
    if text is not None:
        try:
            info = json.loads(text).get("info")
        except (ValueError, AttributeError, RecursionError) as error:
            raise SpoonfulError(
                f"{file}: the metadata of its schema is not JSON with the features; {_REMAKE}"
            ) from error
    elif beside.exists():
        info = parsed_json(read_text(beside, _REMAKE), beside, _REMAKE)
    else:
        return {}
    features = info.get("features") if isinstance(info, dict) else None
    return features if isinstance(features, dict) else {}


def _saved(folder: Path) -> list[Path]:
    """Return the files of a data set that `save_to_disk` wrote into a folder."""
    state_path = folder / STATE_NAME
    state = parsed_json(read_text(state_path, _REMAKE), state_path, _REMAKE)
    if isinstance(state, dict) and state.get("_indices_data_files"):
        raise SpoonfulError(
            f"{state_path}: the data set is a selection of rows; save it again after "
            "flatten_indices()"
        )
    files = []
    for entry in _listed(state_path, "_data_files", of=dict):
        path = folder / _plain(entry.get("filename"), state_path)
        if not path.is_file():
            raise SpoonfulError(f"{path} is missing, which {STATE_NAME} names; copy the data again")
        files.append(path)
    return files


def _by_name(folder: Path) -> list[HfFile]:
    """Return the Parquet files below a folder; Arrow files if there are none."""
    paths = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix in _SUFFIXES
        and not path.name.startswith("cache-")
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    kinds = {path.suffix for path in paths}
    if len(kinds) > 1:
        raise SpoonfulError(
            f"dataset.path={folder}: holds Parquet and Arrow files: expected one kind; give the "
            "folder of one of them"
        )
    return [HfFile(path, _split_of(path, folder)) for path in paths]


def _split_of(path: Path, folder: Path) -> str | None:
    """Return the split that a file's name or a folder of it names; None: none of them does."""
    for part in reversed(path.relative_to(folder).parts):
        words = [word for word in re.split(r"[^A-Za-z]+", part) if split_named(word)]
        if len({split_named(word) for word in words}) > 1:
            raise SpoonfulError(f"{path}: its name means several splits: {', '.join(words)}")
        if words:
            return words[0]
    shard = _SHARD.fullmatch(path.name)
    return None if shard is None else _checked(shard[1], path)


def _checked(split: str, where: Path) -> str:
    if split_named(split) is None:
        raise SpoonfulError(
            f"{where}: the split {shown(split)} is none of {SPLIT_WORDS}; rename it, or give "
            "dataset.path a folder without it"
        )
    return split


def _listed(path: Path, name: str, of: type = str) -> list[Any]:
    """Return a list of a JSON file."""
    value = parsed_json(read_text(path, _REMAKE), path, _REMAKE)
    items = value.get(name) if isinstance(value, dict) else None
    if items == []:
        raise SpoonfulError(
            f"{path}: its list {name} is empty, so there are no images; save a data set that has "
            "some, or leave out this split"
        )
    if not isinstance(items, list) or not items or not all(isinstance(one, of) for one in items):
        raise SpoonfulError(
            f"{path}: expected a list {name}, found {shown(items if items else value)}; {_REMAKE}"
        )
    return items


def _plain(name: Any, where: Path) -> str:
    """Return the name of a file or folder directly below another one."""
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\0" in name:
        raise SpoonfulError(
            f"{where}: expected names of files or folders in it, found {shown(name)}"
        )
    return name
