"""Check the settings that make up for classes of different sizes, before a run begins."""

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.sources import Source
from spoonful.sources.labels import LabelKind, kind_of

_BALANCED = "balanced"


def check_balance(config: Config, source: Source) -> str | None:
    """Check that the labels have what the config balances; return a warning, if there is one.

    Args:
        config: the whole config.
        source: the training images.

    Raises:
        SpoonfulError: the labels are not one class per image; names the key.
    """
    weights, shuffle = config.trainer.class_weights, config.generator.shuffle
    if shuffle == _BALANCED and (found := kind_of(source.labels)) != LabelKind.CLASSIFICATION:
        raise SpoonfulError(
            f"generator.shuffle={shuffle}: it draws by class, and the labels are those of "
            f"task={found}, not one class per image; use generator.shuffle=full"
        )
    config.task.class_weight(source, weights)  # raises for a task that has no classes to weight
    if weights == shuffle == _BALANCED:
        return (
            f"trainer.class_weights={weights} and generator.shuffle={shuffle} together weight "
            "small classes twice: use one of them"
        )
    return None
