"""`spoonful pack`: data/split into a few large files in data/packed; `--verify` checks them."""

import time

from spoonful import progress
from spoonful.config.schema import Config
from spoonful.packing import Packed, pack
from spoonful.packing import verify as verify_store
from spoonful.project import packed_dir
from spoonful.sources.packed.meta import StoreMeta
from spoonful.sources.packed.meta_file import load_meta
from spoonful.splitting import SPLITS
from spoonful.workflow.folder_split import folder_source
from spoonful.workflow.image_size import size_lines, sizes_in, with_size_of
from spoonful.workflow.split_files import check_files, check_split, image_settings, read_summary


def run(config: Config) -> None:
    """Pack train, val and test, in this order; splits that are already packed are kept."""
    check_split(config)
    summary = read_summary()
    sizes = sizes_in(summary)
    for line in size_lines(config, sizes):
        progress.result(line)
    settings = image_settings(with_size_of(config, sizes))
    sources = {split: folder_source(split, settings, config) for split in SPLITS}
    with progress.bar("pack", sum(map(len, sources.values())), "images") as bar:

        def on_images(count: int, is_new: bool) -> None:
            if is_new:
                bar.update(count)
            else:  # not counted in the speed for the remaining time
                bar.skip(count)

        for split, source in sources.items():  # open all before hours of packing the first one
            bar.rename(f"check {split}")
            check_files(source, split, config)
        for split, source in sources.items():
            bar.rename(f"pack {split}")
            start = time.monotonic()
            packed = pack(
                source,
                packed_dir() / split,
                encoding=config.pack.encoding,
                order=config.pack.order,
                shard_mb=config.pack.shard_mb,
                num_threads=config.pack.num_threads,
                **config.pack.encoding_settings(),
                split_summary=summary,
                on_images=on_images,
            )
            progress.result(_line(split, packed, time.monotonic() - start))


def verify(config: Config) -> None:
    """Check every byte of the packed splits against their checksums."""
    folders = {split: packed_dir() / split for split in SPLITS}
    metas = {split: load_meta(folder) for split, folder in folders.items()}
    num_bytes = sum(meta.num_bytes for meta in metas.values())
    with progress.bar("verify", num_bytes, "B", is_scaled=True) as bar:
        for split, folder in folders.items():
            bar.rename(f"verify {split}")
            meta = verify_store(folder, bar.update)
            progress.result(f"{split}: {_size(meta)}, every byte as it was packed")


def _line(split: str, packed: Packed, seconds: float) -> str:
    size = _size(packed.meta)
    return f"{split}: {f'up to date ({size})' if packed.up_to_date else f'{size}, {seconds:.1f} s'}"


def _size(meta: StoreMeta) -> str:
    shards = f"{len(meta.shards)} shard{'' if len(meta.shards) == 1 else 's'}"
    return f"{meta.num_examples:,} images, {shards}, {meta.num_bytes / (1 << 20):,.1f} MiB"
