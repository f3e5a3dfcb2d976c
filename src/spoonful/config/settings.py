"""Views of a checked config: as params, as settings that determine the result, as a name."""

import dataclasses
from pathlib import Path
from typing import Any

from spoonful.config.schema import Config, FolderConfig, MnistConfig

# Where raw data is and how it is linked does not change any image.
_PLACES = ("mirror", "urls", "timeout_s", "path", "link", "max_pixels")
# Nor does how fast and how far ahead batches are read.
_READING = (
    "num_threads",
    "prefetch_batches",
    "ram_budget_mb",
    "read_timeout_s",
    "verify_shards",
)
# Nor does when checkpoints are written, or where training was interrupted.
_RESUMING = ("checkpoint_every_steps", "checkpoint_every_minutes", "resume")
# Nor does how the packed pixels are distributed over files.
_PACKING = ("shard_mb", "num_threads")


def with_absolute_paths(config: Config) -> Config:
    """Return the config with the user's paths resolved from where the command was typed."""
    dataset = config.dataset
    if isinstance(dataset, MnistConfig):
        dataset = dataclasses.replace(dataset, mirror=_absolute(dataset.mirror))
    elif isinstance(dataset, FolderConfig):
        dataset = dataclasses.replace(dataset, path=_absolute(dataset.path))
    return dataclasses.replace(config, dataset=dataset)


def flattened(config: Config) -> dict[str, Any]:
    """Return every key by its full name, e.g. "trainer.early_stopping.metric"."""
    return _flat("", dataclasses.asdict(config))


def learning_settings(config: Config) -> dict[str, Any]:
    """Return the settings that determine the weights: no tracking, evaluation, paths or speed."""
    return learning_part(dataclasses.asdict(config))


def learning_part(settings: dict[str, Any]) -> dict[str, Any]:
    """Return the same for a config given as nested mappings.

    Args:
        settings: all keys; those added to the program after it was recorded are missing.
    """
    no_effect = {"dataset": _PLACES, "generator": _READING, "trainer": _RESUMING, "pack": _PACKING}
    kept = {
        group: {name: item for name, item in value.items() if name not in no_effect.get(group, ())}
        if isinstance(value, dict)
        else value
        for group, value in settings.items()
        if group not in ("tracking", "evaluation", "compare", "sweep")
    }
    if kept.get("generator", {}).get("name") != "packed":
        kept.pop("pack", None)
    return kept


def flat_settings(settings: dict[str, Any]) -> dict[str, Any]:
    """Return every key of nested mappings by its full name."""
    return _flat("", settings)


def differences(saved: dict[str, Any], current: dict[str, Any]) -> list[str]:
    """Return, for each field in which two identities of a training differ, both values.

    Args:
        saved: {"settings": result of `learning_settings`, "fingerprint": of each split}.
        current: the same, with current values.
    """
    then, now = _fields_of(saved), _fields_of(current)
    absent = "absent"
    return [
        f"{name} (saved {_shown(then.get(name, absent))}, now {_shown(now.get(name, absent))})"
        for name in dict.fromkeys([*then, *now])
        if then.get(name, absent) != now.get(name, absent)
    ]


def run_name(config: Config) -> str:
    """Return the configured name of a run, or one made of the keys that differ most often."""
    generator = config.generator
    return config.tracking.run_name or (
        f"{config.model.name}-{config.optimizer.name}-b{generator.batch_size}"
        f"-{generator.shuffle}-s{config.seed}"
    )


def _flat(prefix: str, value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and value:
        flat: dict[str, Any] = {}
        for name, item in value.items():
            flat |= _flat(f"{prefix}.{name}" if prefix else str(name), item)
        return flat
    return {prefix: value}


def _fields_of(identity: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in identity.items() if name != "settings"}
    return {**_flat("", identity["settings"]), **_flat("", rest)}


def _shown(value: Any) -> str:
    return "null" if value is None else str(value)


def _absolute(path: str | None) -> str | None:
    return None if path is None else str(Path(path).expanduser().resolve())
