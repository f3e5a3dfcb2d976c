"""Open the data that the config describes."""

from typing import Any

from spoonful.config.schema import Config
from spoonful.sources import Source
from spoonful.workflow.split_files import SplitName


def open_train_and_val(config: Config) -> tuple[Source, Source]:
    """Open what training reads: the packed splits, the split folders, or the user's own source.

    Raises:
        SpoonfulError: there are none, they were made from other data or settings (each named), or
            their labels are not what the task learns.
    """
    config.source.check(config)
    settings = config.source.settings(config)
    return (
        open_split(config, config.source, "train", settings),
        open_split(config, config.source, "val", settings),
    )


def open_split(config: Config, source: Any, split: SplitName, settings: dict[str, Any]) -> Source:
    """Open one split, and check that its labels are what the task learns.

    Args:
        config: the whole config.
        source: the component that opens it.
        split: its name.
        settings: what determines its pixels, as from the component's `settings`.

    Raises:
        SpoonfulError: it cannot be opened, or has other labels.
    """
    opened: Source = source.open(split, settings, config)
    config.task.check(opened)
    return opened
