"""Call the other callbacks of a training, so that checkpoints hold their state to the step."""

from collections.abc import Sequence
from typing import Any

import keras

from spoonful.fitting.callback_state import is_stateful, put_states
from spoonful.fitting.model_state import set_model
from spoonful.fitting.resumable import Resumable


class Conductor(Resumable):
    """A `Resumable` that calls the other callbacks itself; `fit` is given it alone.

    Only so does it act before some of their work and after the rest of it: the checkpoint of a step
    holds what they did at the end of this step, and an epoch's logs are complete before they read
    them. In a resumed epoch they see each batch's number in the epoch; Keras counts from 0.

    Its arguments are those of `Resumable`.
    """

    others: Sequence[keras.callbacks.Callback] = ()  # in the order in which they are called

    def conduct(self, callbacks: Sequence[keras.callbacks.Callback]) -> None:
        """Take over the other callbacks, in the order in which they are called."""
        self.others = list(callbacks)
        self.companions = [one for one in self.others if is_stateful(one)]

    def set_model(self, model: keras.Model) -> None:
        """Pass the model on to the other callbacks."""
        super().set_model(model)
        self._call("set_model", model)

    def set_params(self, params: dict[str, Any]) -> None:
        """Pass the parameters of fit on to the other callbacks."""
        super().set_params(params)
        self._call("set_params", params)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Restore the checkpoint that training resumes from, then let the others begin."""
        super().on_train_begin(logs)
        self._call("on_train_begin", logs)

    def on_epoch_begin(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Begin an epoch at its position; write the checkpoint of the previous epoch."""
        start = self._start
        if start is not None:
            set_model(self.model, start.arrays)  # the others have begun the training again
        super().on_epoch_begin(epoch, logs)
        self._call("on_epoch_begin", epoch, logs)
        if start is not None and self.position:  # they have begun the epoch again
            set_model(self.model, start.arrays)
            put_states(self.companions, start.state["callbacks"], start.arrays)

    def on_train_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Call the other callbacks."""
        # In a resumed epoch, Keras begins one more batch before it notices that there are no more.
        if self.position + batch < self._num_steps:
            self._call("on_train_batch_begin", self.position + batch, logs)

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Record the steps, with what other callbacks did at their end."""
        self._call("on_train_batch_end", self.position + batch, logs)
        super().on_train_batch_end(batch, logs)

    def on_test_begin(self, logs: dict[str, float] | None = None) -> None:
        """Keep the epoch's metrics, then call the other callbacks."""
        super().on_test_begin(logs)
        self._call("on_test_begin", logs)

    def on_test_batch_begin(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Call the other callbacks."""
        self._call("on_test_batch_begin", batch, logs)

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Record the steps of validation, then call the other callbacks."""
        super().on_test_batch_end(batch, logs)
        self._call("on_test_batch_end", batch, logs)

    def on_test_end(self, logs: dict[str, float] | None = None) -> None:
        """Call the other callbacks."""
        self._call("on_test_end", logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Complete the epoch's logs before other callbacks read them."""
        super().on_epoch_end(epoch, logs)
        self._call("on_epoch_end", epoch, logs)

    def on_train_end(self, logs: dict[str, float] | None = None) -> None:
        """Call the other callbacks."""
        self._call("on_train_end", logs)

    def _call(self, hook: str, *arguments: Any) -> None:
        for callback in self.others:
            getattr(callback, hook)(*arguments)
