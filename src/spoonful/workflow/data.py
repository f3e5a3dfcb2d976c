"""Open the data that the config describes."""

from spoonful.config.schema import Config
from spoonful.sources import Source


def open_train_and_val(config: Config) -> tuple[Source, Source]:
    """Open what training reads: the packed splits, the split folders, or the user's own source.

    Raises:
        SpoonfulError: there are none, they were made from other data or settings (each named), or
            their labels are not what the task learns.
    """
    config.source.check(config)
    settings = config.source.settings(config)
    opened: list[Source] = []
    for split in ("train", "val"):
        opened.append(config.source.open(split, settings, config))
        config.task.check(opened[-1])
    return opened[0], opened[1]
