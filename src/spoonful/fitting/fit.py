"""Run `fit` on a compiled model: feeds, callbacks, checkpoints."""

import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

import keras

from spoonful.config.schema import Config
from spoonful.config.stopping import stopping_mode
from spoonful.fitting.cadence import Cadence
from spoonful.fitting.checkpoints.checkpoint import Checkpoint
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.fitting.epoch_result import EpochResult
from spoonful.fitting.epochs import EpochWatch
from spoonful.fitting.handover import EpochBatches
from spoonful.fitting.interruption import Stop
from spoonful.fitting.resumable import Resumable
from spoonful.fitting.user_callbacks import make_callbacks
from spoonful.generator import BatchGenerator
from spoonful.generator.read_errors import ReadError
from spoonful.order.quality import ShuffleQuality
from spoonful.record.ledger import Row


@dataclass(frozen=True)
class Resuming:
    """How a training can be interrupted, and from where it resumes.

    Attributes:
        folder: where checkpoints are kept; None: none are written.
        start: the checkpoint to resume from; None: from the beginning.
        stop: asked after every execution whether the user wants to stop.
        on_checkpoint: called with the ledger's rows whenever a checkpoint is written.
        facts: further content of a checkpoint; JSON types only.
        earlier: fingerprints of the data that the training read before, and no longer does.
        warn: called with what may keep the training from being resumed to the bit.
    """

    folder: CheckpointFolder | None = None
    start: Checkpoint | None = None
    stop: Stop | None = None
    on_checkpoint: Callable[[list[Row]], object] | None = None
    facts: dict[str, Any] = field(default_factory=dict)
    warn: Callable[[str], object] = warnings.warn
    earlier: Collection[str] = ()


class Fit:
    """One training of a compiled model.

    Args:
        config: the whole config.
        model: a compiled model.
        generator: generator of the training batches.
        validation: generator of the validation batches.
        on_epoch: called with the result of each epoch.
        resuming: where checkpoints go, and where to resume.
    """

    def __init__(
        self,
        config: Config,
        model: keras.Model,
        generator: BatchGenerator,
        validation: BatchGenerator,
        on_epoch: Callable[[EpochResult], None],
        resuming: Resuming,
    ) -> None:
        self.history: list[dict[str, float]] = []
        self._config = config
        self._model = model
        self._generator = generator
        self._validation = validation
        early = config.trainer.early_stopping
        self._stopping = keras.callbacks.EarlyStopping(
            monitor=early.metric,
            mode=stopping_mode(config),
            min_delta=early.min_delta,
            patience=early.patience_epochs or config.trainer.epochs + 1,
            restore_best_weights=early.restore_best_weights,
        )
        self._callbacks = make_callbacks(config.callbacks, resuming.warn)
        self._on_epoch = on_epoch
        self._resuming = resuming
        steps_per_execution = config.trainer.steps_per_execution
        self._batches = EpochBatches(generator, steps_per_execution)
        self._val_batches = EpochBatches(validation, steps_per_execution)
        self.resumable = Resumable(
            resuming.folder,
            generator,
            self._batches,
            self._val_batches,
            Cadence(config.trainer.checkpoint_every_steps, config.trainer.checkpoint_every_minutes),
            self._extra_state,
            resuming.stop,
        )

    @property
    def best_epoch(self) -> int:
        """The epoch, from 1, whose weights the model has."""
        restored = self._config.trainer.early_stopping.restore_best_weights
        return self._stopping.best_epoch + 1 if restored else len(self.history)

    def run(self) -> None:
        """Train to the end, from the beginning or from a checkpoint."""
        start = self._resuming.start
        if start is not None:
            self.history = list(start.state["history"])
            self.resumable.go_on_from(self._with_present_data(start))
        if start is not None and start.state["is_finished"]:
            self._stopping.best_epoch = start.state["best_epoch"]
            self.resumable.set_model(self._model)
            self.resumable.put_back(start)
            return
        self._fit(0 if start is None else start.state["epoch"])
        self.resumable.write_end()
        if self._resuming.stop is not None and self._resuming.stop.is_wanted:
            self._resuming.stop.now()

    def _with_present_data(self, start: Checkpoint) -> Checkpoint:
        """Return the checkpoint as one of the present data, where others were read before."""
        state = start.state["generator"]
        if state.get("fingerprint") not in self._resuming.earlier:
            return start
        present = {**state, "fingerprint": self._generator.source.fingerprint}
        # In place: the state names the file if a key is missing, which a copy of it would not.
        start.state["generator"] = present
        return start

    def _fit(self, initial_epoch: int) -> None:
        watch = self._watch()
        # The watch comes last: it reports what the user's callbacks have added to the logs.
        self.resumable.conduct([self._stopping, *self._callbacks, watch])
        try:
            self._model.fit(
                self._batches.dataset,
                initial_epoch=initial_epoch,
                epochs=self._config.trainer.epochs,
                shuffle=False,
                validation_data=self._val_batches.dataset,
                class_weight=self._config.task.class_weight(
                    self._generator.source, self._config.trainer.class_weights
                ),
                callbacks=[self.resumable],
                verbose=0,
            )
            if self._resuming.stop is None or not self._resuming.stop.is_wanted:
                self.resumable.reading.finish_checks()  # before the data read is trusted
        except ReadError as error:
            raise error from error.cause  # fit raises what a callback raised without its cause
        finally:
            watch.close()
            self._batches.close()
            self._val_batches.close()

    def _watch(self) -> EpochWatch:
        generator = self._generator
        images_per_epoch = generator.examples_per_epoch
        quality = ShuffleQuality(
            generator.order, generator.source.labels, generator.batch_size, images_per_epoch
        )
        return EpochWatch(
            self._batches,
            self.resumable,
            images_per_epoch,
            self._config.trainer.epochs,
            self._val_batches.steps_per_epoch,
            quality,
            self._note,
            self._config.task.score,
        )

    def _note(self, result: EpochResult) -> None:
        self.history.append(result.metrics)
        self._on_epoch(result)

    def _extra_state(self) -> dict[str, Any]:
        if self._resuming.on_checkpoint is not None:
            self._resuming.on_checkpoint(self.resumable.ledger.rows)
        best_epoch = self._stopping.best_epoch
        return {**self._resuming.facts, "history": self.history, "best_epoch": best_epoch}
