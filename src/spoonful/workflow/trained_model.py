"""The output folder of `train`: the model, the card that describes its inputs, its config.

The card's key is a digest of the card and the config: no changed value in either goes unnoticed.
"""

import hashlib
import json
import zipfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from spoonful.config.recorded import settings_from_yaml
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.files.documents import parsed_json, read_text, shaped, unexpected
from spoonful.record.files import CARD_NAME, CONFIG_NAME, MODEL_NAME

if TYPE_CHECKING:
    import keras

REMAKE = "run `spoonful train` or `dvc checkout` again"


@dataclass(frozen=True)
class _Input:
    source: Literal["packed", "folder"]
    image_shape: tuple[int, int, int]
    resize: str
    background: tuple[int, int, int] | None = None


@dataclass(frozen=True)
class ModelCard:
    """The keys of model.json.

    Attributes:
        class_names: one name per class, in label order.
        input: where its images were read from, and with which settings.
        best_epoch: the epoch, from 1, whose weights the model has.
        fingerprints: fingerprints of the train and val sources.
        sha256: hex digest of the model's file.
        train_key: the key by which `evaluate` finds the run.
    """

    class_names: list[str]
    input: _Input
    best_epoch: int
    fingerprints: dict[str, str]
    sha256: str
    train_key: str


@dataclass(frozen=True)
class _Choice:
    name: str


@dataclass(frozen=True)
class _Generator:
    batch_size: int
    dtype: Literal["uint8", "float32"]
    shuffle: str


@dataclass(frozen=True)
class _Trainer:
    precision: str
    deterministic: bool
    jit_compile: bool | None


@dataclass(frozen=True)
class _Settings:
    """The part of a config that is needed to evaluate a model."""

    dataset: _Choice
    generator: _Generator
    model: _Choice
    optimizer: _Choice
    trainer: _Trainer
    seed: int


def train_key(settings: dict[str, Any], card: dict[str, Any]) -> str:
    """Return the key of a model: of its config, and of its card without a key."""
    text = json.dumps(settings, sort_keys=True) + json.dumps(card, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def read_card(folder: Path) -> dict[str, Any]:
    """Return model.json, checked against `ModelCard`, as JSON types.

    Raises:
        SpoonfulError: it is missing or not such a file.
    """
    path = folder / CARD_NAME
    values = parsed_json(read_text(path, REMAKE), path, REMAKE)
    card = shaped(values, ModelCard, path, REMAKE)
    # For a packed split the store gives it; for image files, nothing records how they were decoded.
    if card.input.source == "folder" and card.input.background is None:
        remake = "the model is of an earlier version: run `spoonful train` again"
        raise unexpected(path, "a key input.background", "none", remake)
    return dict(values)


def read_card_and_settings(folder: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return model.json and config.yaml of a model, after checking all three files.

    Raises:
        SpoonfulError: one is missing, damaged, or does not belong to the others.
    """
    card = read_card(folder)
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
