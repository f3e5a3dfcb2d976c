"""The user's own callbacks, or Keras', from their configs."""

from collections.abc import Mapping

import keras

from spoonful.config.targets import Target
from spoonful.errors import SpoonfulError

# They decide where training continues, as our checkpoints do.
_RIVALS = (keras.callbacks.BackupAndRestore,)


def make_callbacks(targets: Mapping[str, Target]) -> list[keras.callbacks.Callback]:
    """Make callbacks, in the order of their config.

    Args:
        targets: by the user's names for them.

    Raises:
        SpoonfulError: one refuses its arguments, is no callback, or restores training itself.
    """
    return [_made(target) for target in targets.values()]


def _made(target: Target) -> keras.callbacks.Callback:
    made = target()
    if not isinstance(made, keras.callbacks.Callback):
        raise SpoonfulError(
            f"{target.where}: {target.path} makes a {type(made).__name__}, expected a Keras "
            "callback, derived from keras.callbacks.Callback"
        )
    if isinstance(made, _RIVALS):
        raise SpoonfulError(
            f"{target.where}: {target.path} restores training itself, as spoonful does: leave it "
            "out; trainer.checkpoint_every_minutes says when checkpoints are written"
        )
    return made
