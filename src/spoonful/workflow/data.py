"""Open the data that the config describes, and check that they fit it."""

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.sources import Source
from spoonful.sources.labels import LabelKind, kind_of
from spoonful.workflow.image_size import with_image_size


def open_train_and_val(config: Config) -> tuple[Source, Source]:
    """Open what training reads: the packed splits, the split folders, or the user's own source.

    Raises:
        SpoonfulError: there are none, they were made from other data or settings (each named), or
            their labels are not what the task learns.
    """
    config.source.check(config)
    config = with_image_size(config)
    settings = config.source.settings(config)
    opened: list[Source] = []
    for split in ("train", "val"):
        opened.append(config.source.open(split, settings, config))
        config.task.check(opened[-1])
    return opened[0], opened[1]


def check_balance(config: Config, source: Source) -> str | None:
    """Check that the labels have what the config balances; return a warning, if there is one.

    Args:
        config: the whole config.
        source: the training images.

    Raises:
        SpoonfulError: the labels are not one class per image; names the key.
    """
    weights, shuffle = config.trainer.class_weights, config.generator.shuffle
    if shuffle == "balanced" and (found := kind_of(source.labels)) != LabelKind.CLASSIFICATION:
        raise SpoonfulError(
            f"generator.shuffle={shuffle}: it draws by class, and the labels are those of "
            f"task={found}, not one class per image; use generator.shuffle=full"
        )
    config.task.class_weight(source, weights)  # raises for a task that has no classes to weight
    if weights == shuffle == "balanced":
        return (
            f"trainer.class_weights={weights} and generator.shuffle={shuffle} together weight "
            "small classes twice: use one of them"
        )
    return None
