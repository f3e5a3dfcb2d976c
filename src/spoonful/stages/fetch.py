"""`spoonful fetch`: raw data, checked, into data/raw."""

from spoonful.config.schema import Config
from spoonful.datasets import DATASETS
from spoonful.project import raw_dir


def run(config: Config) -> None:
    """Fetch and check the raw data of the configured data set."""
    DATASETS[config.dataset.name].fetch(config.dataset, raw_dir())
    raw = DATASETS[config.dataset.name].open_raw(config.dataset, raw_dir())
    # The user's own images are decoded when read; published data has known checksums.
    done = "listed" if config.dataset.name == "folder" else "checked,"
    print(f"{config.dataset.name}: {len(raw.images):,} images, {done} in data/raw")
