"""Which metric decides which epoch is best, and in which direction."""

import pytest

from spoonful.config.compose import compose_config
from spoonful.config.stopping import stopping_mode
from spoonful.errors import SpoonfulError

KEY = "trainer.early_stopping"
TOP = "task.metrics.top._target_=keras.metrics.SparseTopKCategoricalAccuracy"


@pytest.mark.parametrize(
    ("overrides", "mode"),
    [
        ([], "min"),  # val_loss
        ([f"{KEY}.metric=accuracy"], "max"),
        ([f"{KEY}.metric=val_accuracy"], "max"),
        ([f"{KEY}.metric=val_accuracy", f"{KEY}.mode=min"], "min"),
        (["task=regression", f"{KEY}.metric=val_mean_absolute_error"], "min"),
        (["task=multilabel", f"{KEY}.metric=val_macro_f1"], "max"),
        ([TOP, f"{KEY}.metric=val_top", f"{KEY}.mode=max"], "max"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_the_task_says_what_is_better_unless_told(overrides: list[str], mode: str) -> None:
    assert stopping_mode(compose_config(overrides)) == mode


@pytest.mark.parametrize(
    ("overrides", "parts"),
    [
        ([f"{KEY}.metric=val_acuracy"], ("expected one of val_loss, val_accuracy, loss, accu",)),
        (["task=regression", f"{KEY}.metric=val_accuracy"], ("val_mean_absolute_error, loss",)),
        ([TOP, f"{KEY}.metric=val_tpo"], ("val_accuracy, val_top, loss, accuracy, top",)),
        ([TOP, f"{KEY}.metric=val_top"], (f"{KEY}.mode=auto", f"give {KEY}.mode=max or {KEY}.mo")),
    ],
)
def test_what_cannot_decide_is_one_line(overrides: list[str], parts: tuple[str, ...]) -> None:
    with pytest.raises(SpoonfulError) as caught:
        compose_config(overrides)
    message = str(caught.value)
    assert message.startswith(KEY)
    assert "\n" not in message
    assert not [part for part in parts if part not in message], message
