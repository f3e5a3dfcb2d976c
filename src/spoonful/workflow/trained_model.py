"""The output folder of `train`: the model, the card that describes its inputs, its config.

The card's key is a digest of the card and the config: no changed value in either goes unnoticed.
"""

import hashlib
import json
import sys
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from spoonful.config.recorded import settings_from_yaml
from spoonful.config.targets import TARGET, found, is_foreign
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.files.documents import parsed_json, read_text, shaped, unexpected
from spoonful.output import say
from spoonful.record.files import CARD_NAME, CONFIG_NAME, MODEL_NAME

if TYPE_CHECKING:
    import keras

REMAKE = "run `spoonful train` or `dvc checkout` again"


@dataclass(frozen=True)
class ModelCard:
    """The keys of model.json.

    Attributes:
        class_names: one name per class, in label order.
        source: the component that its images were read from.
        input: the settings that determined their pixels.
        code: the SHA-256 of the user's own code that the config names, by module.
        best_epoch: the epoch, from 1, whose weights the model has.
        fingerprints: fingerprints of the train and val sources.
        sha256: hex digest of the model's file.
        train_key: the key by which `evaluate` finds the run.
    """

    class_names: list[str]
    source: dict[str, Any]
    input: dict[str, Any]
    code: dict[str, str]
    best_epoch: int
    fingerprints: dict[str, str]
    sha256: str
    train_key: str


@dataclass(frozen=True)
class _Generator:
    batch_size: int
    dtype: Literal["uint8", "float32"]
    shuffle: str


@dataclass(frozen=True)
class _Trainer:
    augmentation: list[dict[str, Any]]
    precision: str
    deterministic: bool
    jit_compile: bool | None


@dataclass(frozen=True)
class _Settings:
    """The part of a config that is needed to evaluate a model."""

    dataset: dict[str, Any]
    generator: _Generator
    model: dict[str, Any]
    optimizer: dict[str, Any]
    task: dict[str, Any]
    trainer: _Trainer
    seed: int


def train_key(settings: dict[str, Any], card: dict[str, Any]) -> str:
    """Return the key of a model: of its config, and of its card without a key."""
    text = json.dumps(settings, sort_keys=True) + json.dumps(card, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_card_and_settings(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return model.json and config.yaml of a model, after checking all three files.

    Raises:
        SpoonfulError: one is missing, damaged, or does not belong to the others.
    """
    path = folder / CARD_NAME
    card = parsed_json(read_text(path, REMAKE), path, REMAKE)
    shaped(card, ModelCard, path, REMAKE)
    path = folder / CONFIG_NAME
    try:
        settings = settings_from_yaml(read_text(path, REMAKE))
    except ValueError as error:
        if isinstance(error, SpoonfulError):
            raise
        raise unexpected(path, "a config", str(error), REMAKE) from error
    shaped(settings, _Settings, path, REMAKE)
    rest = {name: value for name, value in card.items() if name != "train_key"}
    if train_key(settings, rest) != card["train_key"]:
        expected = f"train_key to follow from it and from {CONFIG_NAME}"
        found = "another one: one of the two files was altered"
        raise unexpected(folder / CARD_NAME, expected, found, REMAKE)
    if not (folder / MODEL_NAME).is_file():
        raise unexpected(folder / MODEL_NAME, "a file", "none", REMAKE)
    found = content_hash(folder / MODEL_NAME)
    if found != card["sha256"]:
        found = f"{found}: the file is cut short or was altered"
        raise unexpected(folder / MODEL_NAME, f"SHA-256 {card['sha256']}", found, REMAKE)
    return card, settings


def import_code(settings: dict[str, Any], code: dict[str, str]) -> None:
    """Import the user's own code that a model needs, and warn if it has changed since.

    Args:
        settings: config.yaml of the model.
        code: the SHA-256 of each file, from its card.

    Raises:
        SpoonfulError: it cannot be imported here.
    """
    layers = enumerate(settings["trainer"]["augmentation"])
    named = {f"trainer.augmentation[{number}]": layer for number, layer in layers}
    for where, component in {"model": settings["model"], **named}.items():
        if is_foreign(component[TARGET]):
            found(component[TARGET], where)
    from spoonful.fitting.custom_objects import make_known

    make_known(code)
    for name, digest in code.items():
        file = getattr(sys.modules.get(name), "__file__", None)
        if file is not None and hashlib.sha256(Path(file).read_bytes()).hexdigest() != digest:
            say(
                f"warning: {name} ({Path(file).name}) has changed since the model was trained: "
                "what it computes may differ"
            )


def load_model(path: Path) -> "keras.Model":
    """Load a model whose file is intact.

    Raises:
        SpoonfulError: this Keras cannot load it; says why, and which version saved it.
    """
    import keras

    try:
        return keras.models.load_model(path, compile=False)
    except Exception as error:  # Keras raises whatever its layers raise
        saved_by = "another version"
        with (
            suppress(OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile),
            zipfile.ZipFile(path) as archive,
        ):
            saved_by = json.loads(archive.read("metadata.json"))["keras_version"]
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise SpoonfulError(
            f"{path}: expected a model that Keras {keras.__version__} can load, found one saved by "
            f"Keras {saved_by} ({reason}); install that version, or run `spoonful train` again"
        ) from error
