"""Train a model on a source: build, compile, fit."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import keras

from spoonful.config.schema import Config
from spoonful.config.settings import name_of
from spoonful.fitting.epoch_result import EpochResult
from spoonful.fitting.fit import Fit, Resuming
from spoonful.fitting.model_file import check_can_be_saved
from spoonful.fitting.modes import resolved_jit_compile, set_modes
from spoonful.fitting.peak_memory import reset_peak_rss
from spoonful.fitting.planning import training_steps, validation_steps
from spoonful.generator import BatchGenerator
from spoonful.models.build import build_model
from spoonful.optimizers.build import build_optimizer
from spoonful.record.ledger import Row
from spoonful.sources import Source
from spoonful.tasks.task import loss_of, metrics_of

_NOT_RESUMABLE = Resuming()


@dataclass
class Training:
    """A finished training.

    Attributes:
        model: the model with the weights to keep.
        history: each epoch's metrics, in order.
        best_epoch: the epoch, from 1, whose weights the model has.
        jit_compile: whether XLA was used.
        ledger: which batches were read, in which order.
    """

    model: keras.Model
    history: list[dict[str, float]]
    best_epoch: int
    jit_compile: bool
    ledger: list[Row]


def train(
    config: Config,
    train_source: Source,
    val_source: Source,
    on_epoch: Callable[[EpochResult], None],
    resuming: Resuming = _NOT_RESUMABLE,
) -> Training:
    """Train the configured model.

    Interrupted at any step and resumed from its newest checkpoint, it ends with the same bits:
    weights, optimizer, history and ledger.

    Args:
        config: the whole config; dataset and tracking are not read.
        train_source: the source to train on.
        val_source: the source to evaluate each epoch on; read in the same order every time.
        on_epoch: called with the result of each epoch, before the next begins.
        resuming: where checkpoints go, and where to resume.

    Raises:
        SpoonfulError: settings that do not fit the data or the checkpoint, or a loss that is not
            finite.
    """
    trainer = config.trainer
    reset_peak_rss()
    set_modes(trainer.precision, config.seed, trainer.deterministic)
    generator = training_generator(config, train_source)
    validation = validation_generator(config, val_source)
    model = compiled_model(config, train_source, len(generator))
    fit = Fit(config, model, generator, validation, on_epoch, resuming)
    fit.run()
    return Training(
        model,
        fit.history,
        best_epoch=fit.best_epoch,
        jit_compile=bool(model.jit_compile),  # Keras may refuse it
        ledger=fit.resumable.ledger.rows,
    )


def compiled_model(config: Config, source: Source, steps_per_epoch: int) -> keras.Model:
    """Return the configured model for a source, ready to be fit."""
    trainer = config.trainer
    model = build_model(
        config.model,
        partial(config.task.last_layer, source),
        source.image_shape,
        config.generator.dtype,
        trainer.augmentation,
        name_of(config.model),
    )
    check_can_be_saved(model)
    model.compile(
        build_optimizer(
            config.optimizer, trainer.epochs, steps_per_epoch, config.generator.batch_size
        ),
        loss=loss_of(config.task, config.generator.one_hot),
        metrics=metrics_of(config.task),
        jit_compile=resolved_jit_compile(trainer.jit_compile),
        steps_per_execution=trainer.steps_per_execution,
    )
    return model


def training_generator(config: Config, source: Source) -> BatchGenerator:
    """Return the generator that training reads."""
    crop = config.generator.crop
    return BatchGenerator(source, **training_steps(config, source), **_reading(config), crop=crop)


def validation_generator(config: Config, source: Source) -> BatchGenerator:
    """Return the generator that validation reads: every image, whole, by `validation_steps`."""
    return BatchGenerator(source, **validation_steps(config, source), **_reading(config))


def _reading(config: Config) -> dict[str, Any]:
    """Return the settings that are the same for training and validation."""
    settings = config.generator
    return {
        "one_hot": settings.one_hot,
        "dtype": settings.dtype,
        "num_threads": settings.num_threads,
        "prefetch_batches": settings.prefetch_batches,
        "ram_budget_mb": settings.ram_budget_mb,
        "read_timeout_s": settings.read_timeout_s,
        "verify_shards": getattr(config.source, "verify_shards", True),  # others have no shards
    }
