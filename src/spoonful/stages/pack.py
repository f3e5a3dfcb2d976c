"""`spoonful pack`: data/split into few big files in data/packed; `--verify` checks them."""

import sys
import time
from typing import Any

from tqdm import tqdm

from spoonful.config.pack_schema import JpegPackConfig
from spoonful.config.schema import Config
from spoonful.packing import Packed, pack
from spoonful.packing import verify as verify_store
from spoonful.project import packed_dir
from spoonful.sources.packed_meta import StoreMeta, load_meta
from spoonful.splitting import SPLITS
from spoonful.stages.data import check_split, folder_source, packed_settings
from spoonful.stages.split_files import check_files, read_summary


def run(config: Config) -> None:
    """Pack train, val and test, in this order; what is packed already is left alone."""
    check_split(config)
    settings = packed_settings(config)
    sources = {split: folder_source(split, settings, config) for split in SPLITS}
    summary = read_summary()
    with _progress(sum(map(len, sources.values())), " images", False) as bar:

        def on_images(count: int, is_new: bool) -> None:
            if is_new:
                bar.update(count)
            else:  # left out of the speed, of which the time left is made
                bar.total = (bar.total or 0) - count

        for split, source in sources.items():  # all before hours of packing the first one
            bar.set_description(f"check {split}")
            check_files(source, split)
        for split, source in sources.items():
            bar.set_description(f"pack {split}")
            start = time.monotonic()
            packed = pack(
                source,
                packed_dir() / split,
                config.pack.name,
                **_settings(config),
                split_summary=summary,
                on_images=on_images,
            )
            bar.clear()
            print(_line(split, packed, time.monotonic() - start), flush=True)


def verify(config: Config) -> None:
    """Check every byte of the packed splits against their checksums."""
    folders = {split: packed_dir() / split for split in SPLITS}
    metas = {split: load_meta(folder) for split, folder in folders.items()}
    with _progress(sum(meta.num_bytes for meta in metas.values()), "B", True) as bar:
        for split, folder in folders.items():
            bar.set_description(f"verify {split}")
            meta = verify_store(folder, bar.update)
            bar.clear()
            print(f"{split}: {_size(meta)}, every byte as it was packed", flush=True)


def _settings(config: Config) -> dict[str, Any]:
    settings: dict[str, Any] = {
        "shard_mb": config.pack.shard_mb,
        "num_threads": config.pack.num_threads,
    }
    if isinstance(config.pack, JpegPackConfig):
        settings["quality"] = config.pack.quality
        settings["chroma_subsampling"] = config.pack.chroma_subsampling
    return settings


def _progress(total: int, unit: str, is_scaled: bool) -> "tqdm[Any]":
    """Return a bar with speed and time left; none where nobody watches."""
    return tqdm(
        total=total,
        unit=unit,
        unit_scale=is_scaled,
        smoothing=0.05,
        disable=not sys.stderr.isatty(),
        leave=False,
    )


def _line(split: str, packed: Packed, seconds: float) -> str:
    size = _size(packed.meta)
    return f"{split}: {f'up to date ({size})' if packed.up_to_date else f'{size}, {seconds:.1f} s'}"


def _size(meta: StoreMeta) -> str:
    shards = f"{len(meta.shards)} shard{'' if len(meta.shards) == 1 else 's'}"
    return f"{meta.num_examples:,} images, {shards}, {meta.num_bytes / (1 << 20):,.1f} MiB"
