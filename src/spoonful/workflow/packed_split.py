"""Batches from the packed splits in data/packed."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from spoonful.config.fields import key
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.project import packed_dir, shown_path
from spoonful.sources.packed.source import PackedSource
from spoonful.workflow.split_files import check_split, image_settings, read_summary


@dataclass
class Packed:
    """Batches read from the packed splits in data/packed."""

    verify_shards: bool = key(
        "check the shards against their checksums, once per training, while they are read",
        has_no_effect=True,
        default=True,  # a model's record leaves out what has no effect
    )

    reads_packed: ClassVar[bool] = True

    def check(self, config: Config) -> None:
        """Check that data/split was made as the config says.

        Raises:
            SpoonfulError: there is no split, or it was made from other data or settings.
        """
        check_split(config)

    def settings(self, config: Config) -> dict[str, Any]:
        """Return the settings that determine the pixels, besides the files."""
        return {
            **image_settings(config),
            "encoding": config.pack.encoding,
            **config.pack.recorded_settings(config.dataset.num_channels),
        }

    def open(self, split: str, settings: dict[str, Any], config: Config) -> PackedSource:
        """Open one store of data/packed: "train", "val" or "test".

        Raises:
            SpoonfulError: no store, or one with other settings or another split; names each.
        """
        source = PackedSource(packed_dir() / split)
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
        summary = read_summary()
        if meta.split_summary != summary:
            wrong.append("the split, which has been made again since")
        elif len(source) != (num_images := summary["num_images"][split]):
            wrong.append(f"{len(source):,} images, of {num_images:,} in the split")
        if wrong:
            raise SpoonfulError(
                f"{shown_path(source.path)} was packed otherwise: {', '.join(wrong)}; run "
                "`spoonful pack` with the same overrides, or `dvc repro`"
            )
        return source

    @property
    def data_dir(self) -> Path:
        """The folder that is read."""
        return packed_dir()
