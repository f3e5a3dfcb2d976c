"""Batches from the packed splits in data/packed, or below an address."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from spoonful.config.fields import key
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.project import downloads_dir, packed_dir, shown_path, split_summary_path
from spoonful.sources.packed.source import PackedSource
from spoonful.sources.remote.address import is_address, joined, shown
from spoonful.sources.remote.cache import Cache
from spoonful.workflow.split_files import check_split, differences_of, image_settings, read_summary


@dataclass
class Packed:
    """Batches read from the packed splits in data/packed, or from copies of them at an address."""

    address: str | None = key(
        "where to read copies of data/packed, such as s3://bucket/packed; null: data/packed itself",
        has_no_effect=True,  # the fingerprints of the splits are part of a run's identity
        default=None,  # a model's record leaves out what has no effect
    )
    verify_shards: bool = key(
        "check the shards against their checksums, once per training, while they are read",
        has_no_effect=True,
        default=True,
    )

    reads_packed: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.address is not None and not is_address(self.address):
            raise SpoonfulError(
                f"source.address={self.address}: expected an address such as s3://bucket/packed, "
                "gs://... or https://..., or null for data/packed"
            )

    def check(self, config: Config) -> None:
        """Check that data/split was made as the config says; at an address, the split is checked.

        Raises:
            SpoonfulError: there is no split, or it was made from other data or settings.
        """
        if self.address is None:
            check_split(config)
            return
        source = self.open("train", self.settings(config), config)
        if wrong := differences_of(config, source.meta.split_summary or {}):
            raise SpoonfulError(
                f"{shown(str(source.path))}: the split was made otherwise: {', '.join(wrong)}; "
                "use the overrides that it was made with, or upload data/packed again"
            )

    def settings(self, config: Config) -> dict[str, Any]:
        """Return the settings that determine the pixels, besides the files."""
        return {
            **image_settings(config),
            "encoding": config.pack.encoding,
            **config.pack.recorded_settings(config.dataset.num_channels),
        }

    def open(self, split: str, settings: dict[str, Any], config: Config) -> PackedSource:
        """Open one store: "train", "val" or "test".

        Raises:
            SpoonfulError: no store, or one with other settings or another split; names each.
        """
        address = self._address_in(config)
        if address is None:
            source, where = PackedSource(packed_dir() / split), shown_path(packed_dir() / split)
            remedy = "run `spoonful pack` with the same overrides, or `dvc repro`"
        else:
            where = joined(address, split)
            cache = Cache(config.cache.dir or downloads_dir(), config.cache.max_gb)
            source = PackedSource(where, cache=cache)
            where = shown(where)
            remedy = "upload data/packed again, or use the overrides that it was packed with"
        meta = source.meta
        found = {
            "image_shape": list(meta.image_shape),
            "encoding": meta.encoding,
            "order": meta.order,
            **meta.settings,
        }
        wrong = [
            f"{name} (asked for {value}, packed {found.get(name)})"
            for name, value in settings.items()
            if found.get(name) != value
        ]
        wrong += _other_split(source, split, config, address is not None)
        if wrong:
            raise SpoonfulError(f"{where} was packed otherwise: {', '.join(wrong)}; {remedy}")
        return source

    def _address_in(self, config: Config) -> str | None:
        """Return the address; for a recorded component, which has none, that of the command."""
        asked = getattr(config.source, "address", None)
        return self.address if asked is None else str(asked)

    @property
    def data_dir(self) -> Path | None:
        """The folder that is read; None: it is no output of this project."""
        return packed_dir() if self.address is None else None


def _other_split(source: PackedSource, split: str, config: Config, is_remote: bool) -> list[str]:
    """Say what is wrong with the split that a store was packed from."""
    made = source.meta.split_summary
    # A machine that reads an address need not have the images.
    if not is_remote or split_summary_path().exists():
        if made != read_summary():
            return ["the split, which has been made again since"]
    elif made is None:
        return ["it is not a split of `spoonful pack`"]
    try:
        num_images = made["num_images"][split] if made else None
    except (KeyError, TypeError) as error:
        return [f"its split_summary has no {error}"]
    if len(source) != num_images:
        return [f"{len(source):,} images, of {num_images:,} in the split"]
    return []
