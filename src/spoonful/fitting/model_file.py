"""Save a model so that equal models give equal files."""

import json
import random
import zipfile
from pathlib import Path

import keras

from spoonful.config.targets import reason_of
from spoonful.errors import SpoonfulError
from spoonful.files.unfinished import unfinished_file
from spoonful.files.whole import naming, replaced_file

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date a zip file can hold


def save_model(model: keras.Model, path: Path) -> None:
    """Save a model as a .keras file without dates.

    Keras writes the time of saving into the metadata and the zip entries; everything else has the
    same bytes for the same model.

    Args:
        model: any model; its compile settings and optimizer state are not saved.
        path: ends with ".keras"; `keras.models.load_model` opens it.
    """
    with unfinished_file(path) as plain:
        with naming(path):
            _bare(model).save(plain)
        with (
            replaced_file(path) as beside,
            zipfile.ZipFile(plain) as saved,
            zipfile.ZipFile(beside, "w") as stable,
        ):
            for name in sorted(saved.namelist()):
                stable.writestr(zipfile.ZipInfo(name, _EPOCH), _stable(name, saved.read(name)))


def check_can_be_saved(model: keras.Model) -> None:
    """Check, before it is trained, that a model can be copied and saved.

    Raises:
        SpoonfulError: a layer of the user's own cannot be made again from its config.
    """
    drawn = random.getstate()  # Keras draws the seeds of new layers from it
    try:
        type(model).from_config(model.get_config())
    except Exception as error:  # Keras raises whatever the layers raise
        raise SpoonfulError(
            f"the model cannot be saved: {reason_of(error)}; give each layer of your own the "
            "method get_config, with all arguments of its __init__"
        ) from error
    finally:
        random.setstate(drawn)


def _bare(model: keras.Model) -> keras.Model:
    """Copy a model without its optimizer, which triples the file size of an Adam model.

    Keras' own `include_optimizer=False` has no effect on .keras files.
    """
    bare = type(model).from_config(model.get_config())  # clone_model would compile it
    for copy, variable in zip(bare.variables, model.variables, strict=True):
        copy.assign(variable)
    return bare


def _stable(name: str, content: bytes) -> bytes:
    """Remove the date from the metadata."""
    if name == "metadata.json":
        return json.dumps({"keras_version": json.loads(content)["keras_version"]}).encode()
    return content
