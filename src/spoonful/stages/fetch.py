"""`spoonful fetch`: raw data, checked, into data/raw."""

from spoonful.config.schema import Config
from spoonful.config.settings import name_of
from spoonful.project import raw_dir


def run(config: Config) -> None:
    """Fetch and check the raw data of the configured data set."""
    config.dataset.fetch(raw_dir())
    raw = config.dataset.open_raw(raw_dir())
    done = config.dataset.fetched
    limit = config.dataset.max_images_per_class
    few = "" if limit is None else f" (dataset.max_images_per_class={limit})"
    print(f"{name_of(config.dataset)}: {len(raw.images):,} images{few}, {done} in data/raw")
