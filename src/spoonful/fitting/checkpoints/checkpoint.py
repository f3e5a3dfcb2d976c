"""One checkpoint: a folder with arrays and a state, each with a checksum."""

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.files.documents import parsed_json, read_text, unexpected

ARRAYS_NAME = "arrays.npz"
STATE_NAME = "state.json"
FORMAT_VERSION = 1
_REMAKE = "the checkpoint before it is taken"


@dataclass(frozen=True)
class Checkpoint:
    """The state from which training resumes.

    Attributes:
        step: the next global step.
        state: JSON types only; floats come back with the same bits.
        arrays: arrays by name, of any shape and type.
    """

    step: int
    state: dict[str, Any]
    arrays: dict[str, NDArray[Any]]


def write_checkpoint(checkpoint: Checkpoint, folder: Path) -> None:
    """Fill an empty folder."""
    arrays_path = folder / ARRAYS_NAME
    bare, types = _bare_arrays(checkpoint.arrays)
    with arrays_path.open("wb") as file:
        np.savez(file, allow_pickle=False, **bare)
    content = {
        "format_version": FORMAT_VERSION,
        "step": checkpoint.step,
        "arrays_sha256": content_hash(arrays_path),
        "array_types": types,
        "state": checkpoint.state,
    }
    text = json.dumps({**content, "sha256": _digest(content)})
    (folder / STATE_NAME).write_text(text, encoding="utf-8")


def read_checkpoint(folder: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        SpoonfulError: it is incomplete, altered or of another version; says what is wrong.
    """
    path = folder / STATE_NAME
    # Infinite: the best loss of a callback that has not seen a loss.
    content = parsed_json(read_text(path, _REMAKE), path, _REMAKE, is_finite=False)
    try:
        found = _digest({name: value for name, value in content.items() if name != "sha256"})
        if content["sha256"] != found:
            raise SpoonfulError(f"{STATE_NAME} does not have the SHA-256 that it records")
        if content["format_version"] != FORMAT_VERSION:
            raise SpoonfulError(
                f"format version {content['format_version']}, expected {FORMAT_VERSION}"
            )
        if content_hash(folder / ARRAYS_NAME) != content["arrays_sha256"]:
            raise SpoonfulError(f"{ARRAYS_NAME} does not have the SHA-256 in {STATE_NAME}")
        with np.load(folder / ARRAYS_NAME, allow_pickle=False) as saved:
            arrays = {name: _typed(saved[name], content["array_types"].get(name)) for name in saved}
        return Checkpoint(content["step"], _State(path, content["state"]), arrays)
    except SpoonfulError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError, zipfile.BadZipFile) as error:
        what = f"{type(error).__name__}: {error}".splitlines()[0]
        raise SpoonfulError(f"{STATE_NAME} or {ARRAYS_NAME}: {what}") from error


class _State(dict[str, Any]):
    """A state that was read: a missing key is a one-line error."""

    def __init__(self, path: Path, values: Mapping[str, Any]) -> None:
        super().__init__(values)
        self._path = path

    def __missing__(self, key: str) -> Any:
        """Raise the error for a missing key."""
        remake = (
            "another version of spoonful wrote it: resume with that one, or train from the start"
        )
        raise unexpected(self._path, f"a key state.{key}", "none", remake)


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _bare_arrays(
    arrays: Mapping[str, NDArray[Any]],
) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    bare, types = {}, {}
    for name, array in arrays.items():
        bare[name] = array
        # A type of another package, such as bfloat16, which NumPy's files do not support.
        if array.dtype.isbuiltin == 2:
            types[name] = array.dtype.name
            bare[name] = array.view(f"u{array.dtype.itemsize}")
    return bare, types


def _typed(array: NDArray[Any], type_name: str | None) -> NDArray[Any]:
    if type_name is None:
        return array
    import ml_dtypes

    return array.view(getattr(ml_dtypes, type_name))
