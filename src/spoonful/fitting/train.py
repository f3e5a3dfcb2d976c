"""Train a model on a source: build, compile, fit."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from spoonful.config.schema import Config, EarlyStoppingConfig
from spoonful.fitting.epochs import EpochWatch
from spoonful.fitting.handover import EpochBatches
from spoonful.fitting.modes import resolved_jit_compile, set_modes
from spoonful.fitting.report import EpochReport
from spoonful.generator import BatchGenerator
from spoonful.models.build import build_model
from spoonful.models.optimizers import build_optimizer
from spoonful.sources import Source


@dataclass
class Training:
    """A finished training.

    Attributes:
        model: with the weights to keep.
        history: each epoch's metrics, in order.
        best_epoch: the epoch, from 1, whose weights the model has.
        jit_compile: whether XLA was used.
    """

    model: keras.Model
    history: list[dict[str, float]]
    best_epoch: int
    jit_compile: bool


def train(
    config: Config,
    train_source: Source,
    val_source: Source,
    on_epoch: Callable[[EpochReport], None],
) -> Training:
    """Train the configured model.

    Args:
        config: the whole config; dataset and tracking are not read.
        train_source: what to train on.
        val_source: what to judge each epoch on; read in the same order every time.
        on_epoch: called with the report of each epoch, before the next begins.

    Raises:
        SpoonfulError: settings that do not fit the data, or a loss that is not finite.
    """
    trainer = config.trainer
    set_modes(trainer.precision, config.seed, trainer.deterministic)
    generator = training_generator(config, train_source)
    validation = validation_generator(config, val_source)
    model = _compiled_model(config, train_source, len(generator))
    history: list[dict[str, float]] = []

    def note(report: EpochReport) -> None:
        history.append(report.metrics)
        on_epoch(report)

    stopping = _early_stopping(trainer.early_stopping, trainer.epochs)
    _fit(config, model, generator, validation, [stopping], note)
    restored = trainer.early_stopping.restore_best_weights
    return Training(
        model,
        history,
        best_epoch=stopping.best_epoch + 1 if restored else len(history),
        jit_compile=bool(model.jit_compile),  # Keras may refuse
    )


def _compiled_model(config: Config, source: Source, steps_per_epoch: int) -> keras.Model:
    trainer = config.trainer
    model = build_model(
        config.model,
        source.image_shape,
        len(source.class_names),
        config.generator.dtype,
        trainer.augmentation,
    )
    one_hot = config.generator.one_hot
    model.compile(
        build_optimizer(config.optimizer, trainer.epochs, steps_per_epoch),
        loss="categorical_crossentropy" if one_hot else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile=resolved_jit_compile(trainer.jit_compile),
        steps_per_execution=trainer.steps_per_execution,
    )
    return model


def training_generator(config: Config, source: Source) -> BatchGenerator:
    """Return the generator that training reads."""
    settings = config.generator
    return BatchGenerator(
        source,
        settings.batch_size,
        shuffle=settings.shuffle,
        seed=settings.seed,
        drop_remainder=settings.drop_remainder,
        block_size=settings.block_size,
        window_blocks=settings.window_blocks,
        buffer_size=settings.buffer_size,
        **_reading(config),
    )


def validation_generator(config: Config, source: Source) -> BatchGenerator:
    """Return the generator that validation reads: every image, in the source's own order."""
    return BatchGenerator(source, config.generator.batch_size, shuffle="none", **_reading(config))


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
    }


def _fit(
    config: Config,
    model: keras.Model,
    generator: BatchGenerator,
    validation: BatchGenerator,
    callbacks: list[keras.callbacks.Callback],
    note: Callable[[EpochReport], None],
) -> None:
    steps_per_execution = config.trainer.steps_per_execution
    batches = EpochBatches(generator, steps_per_execution)
    val_batches = EpochBatches(validation, steps_per_execution)
    images_per_epoch = len(generator.source)
    if generator.drop_remainder:
        images_per_epoch = len(generator) * generator.batch_size
    watch = EpochWatch(batches, len(generator), images_per_epoch, config.trainer.epochs, note)
    try:
        model.fit(
            batches.dataset,
            epochs=config.trainer.epochs,
            shuffle=False,
            validation_data=val_batches.dataset,
            class_weight=_class_weight(config.trainer.class_weights, generator.source),
            callbacks=[*callbacks, watch],
            verbose=0,
        )
    except Exception:
        cause = batches.error or val_batches.error
        if cause is not None:
            raise cause from cause.__cause__  # not from what TensorFlow made of it
        raise
    finally:
        watch.close()
        batches.close()
        val_batches.close()


def _early_stopping(config: EarlyStoppingConfig, epochs: int) -> keras.callbacks.EarlyStopping:
    return keras.callbacks.EarlyStopping(
        monitor=config.metric,
        mode="max" if config.metric.endswith("accuracy") else "min",
        min_delta=config.min_delta,
        patience=config.patience_epochs or epochs + 1,
        restore_best_weights=config.restore_best_weights,
    )


def _class_weight(name: str, source: Source) -> dict[int, float] | None:
    """Return the weight of each class: n / (classes x its count) when balanced, as scikit-learn."""
    if name == "none":
        return None
    from sklearn.utils.class_weight import compute_class_weight

    labels = np.asarray(source.labels)
    classes = np.unique(labels)
    weights = compute_class_weight("balanced", classes=classes, y=labels)
    return {int(label): float(weight) for label, weight in zip(classes, weights, strict=True)}
