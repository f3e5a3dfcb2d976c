"""Save a model so that equal models make equal files."""

import json
import tempfile
import zipfile
from pathlib import Path
from typing import Any

import keras

from spoonful.files import replaced_file

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold


def save_model(model: keras.Model, path: Path) -> None:
    """Save a model as a .keras file with no dates and no memory addresses in it.

    Keras writes the time of saving into the metadata and the zip entries, and `id()` of objects
    that layers share into the config; the weights are the same bytes either way.

    Args:
        model: any model; its optimizer's state is not saved.
        path: ends with ".keras"; `keras.models.load_model` opens it.
    """
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "model.keras"
        model.save(plain, include_optimizer=False)
        with (
            replaced_file(path) as beside,
            zipfile.ZipFile(plain) as saved,
            zipfile.ZipFile(beside, "w") as stable,
        ):
            for name in sorted(saved.namelist()):
                stable.writestr(zipfile.ZipInfo(name, _EPOCH), _stable(name, saved.read(name)))


def _stable(name: str, content: bytes) -> bytes:
    if name == "metadata.json":
        metadata = json.loads(content)
        return json.dumps({"keras_version": metadata["keras_version"]}).encode()
    if name == "config.json":
        return json.dumps(_renumbered(json.loads(content), {})).encode()
    return content


def _renumbered(value: Any, numbers: dict[int, int]) -> Any:
    """Replace the ids of shared objects by 1, 2, ... in order of appearance."""
    if isinstance(value, dict):
        return {
            key: numbers.setdefault(item, len(numbers) + 1)
            if key == "shared_object_id"
            else _renumbered(item, numbers)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_renumbered(item, numbers) for item in value]
    return value
