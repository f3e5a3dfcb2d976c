"""The metric that decides which epoch is best, and in which direction."""

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.record.metrics import VAL_METRICS

KEY = "trainer.early_stopping"


def stopping_mode(config: Config) -> str:
    """Return whether less ("min") or more ("max") of the early-stopping metric is better."""
    stopping = config.trainer.early_stopping
    return stopping.mode if stopping.mode != "auto" else str(config.task.mode(stopping.metric))


def check_stopping(config: Config) -> None:
    """Check that the metric exists, and that it is known which direction is better.

    Raises:
        SpoonfulError: it does not, or it is not; names the metrics.
    """
    stopping = config.trainer.early_stopping
    names = config.task.metric_names
    if stopping.metric.removeprefix(VAL_METRICS) not in names:
        known = ", ".join([f"{VAL_METRICS}{name}" for name in names] + names)
        raise SpoonfulError(
            f"{KEY}.metric={stopping.metric}: expected one of {known} (what decides which epoch is "
            "best)"
        )
    if stopping.mode == "auto" and config.task.mode(stopping.metric) is None:
        raise SpoonfulError(
            f"{KEY}.mode=auto: whether more or less of {stopping.metric} is better is not known; "
            f"give {KEY}.mode=max or {KEY}.mode=min"
        )
