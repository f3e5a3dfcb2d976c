"""The user's own callbacks, or Keras', from their configs."""

from collections.abc import Callable, Mapping

import keras

from spoonful.config.targets import Target
from spoonful.errors import SpoonfulError
from spoonful.fitting.callback_state import unkept


def make_callbacks(
    targets: Mapping[str, Target], warn: Callable[[str], object]
) -> list[keras.callbacks.Callback]:
    """Make callbacks, in the order of their config.

    Args:
        targets: by the user's names for them.
        warn: called with what a checkpoint does not keep of one.

    Raises:
        SpoonfulError: one refuses its arguments, is not a callback, or restores training itself.
    """
    made = [_made(target) for target in targets.values()]
    for words in unkept(made, "checkpoints do"):
        warn(words)
    return made


def _made(target: Target) -> keras.callbacks.Callback:
    made = target()
    if not isinstance(made, keras.callbacks.Callback):
        raise SpoonfulError(
            f"{target.where}: {target.path} makes a {type(made).__name__}, expected a Keras "
            "callback, derived from keras.callbacks.Callback"
        )
    if isinstance(made, keras.callbacks.BackupAndRestore):
        raise SpoonfulError(
            f"{target.where}: {target.path} restores training itself, as spoonful does: leave it "
            "out; trainer.checkpoint_every_minutes says when checkpoints are written"
        )
    return made
