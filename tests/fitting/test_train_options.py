"""Every composed option changes what is built or how it is trained, and nothing else."""

import dataclasses
import hashlib
from collections.abc import Iterator
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from tensorflow.python.framework.config import disable_op_determinism, is_op_determinism_enabled

from spoonful import ArraySource
from spoonful.config.compose import compose_config
from spoonful.config.folders import choices as files_of
from spoonful.config.schema import Config, EarlyStoppingConfig, TrainerConfig
from spoonful.fitting.modes import resolved_jit_compile
from spoonful.fitting.train import train, training_generator, validation_generator
from spoonful.sources.labels import LabelKind

PACKAGE = Path(__file__).resolve().parents[2] / "src" / "spoonful"
WARMUP = "optimizer/schedule=warmup_cosine"
FLIP = "[{_target_: keras.layers.RandomFlip}]"
STOP = "trainer.early_stopping"
LOSS = "task.loss={_target_: keras.losses.Poisson}"
METRIC = "task.metrics.mine={_target_: keras.metrics.Poisson}"
CROP = "generator/crop=random_crop"
OWN_ORDER = "generator.shuffle=custom generator.order={_target_:spoonful.order.FullOrder}"

# (choices, override, what it changes)
CHANGES: list[tuple[str, str, set[str]]] = [
    ("", "seed=1", {"weights", "order"}),
    ("", "generator.batch_size=5", {"steps", "batch", "order", "val_batch", "reading"}),
    ("", "generator.shuffle=none", {"order"}),
    ("generator.shuffle=block", "generator.block_size=3", {"order"}),
    ("generator.shuffle=block generator.block_size=3", "generator.window_blocks=2", {"order"}),
    ("generator.shuffle=buffer", "generator.buffer_size=5", {"order"}),
    (OWN_ORDER, "generator.order._target_=spoonful.order.BalancedOrder", {"order"}),
    ("", "generator.crop={_target_:spoonful.crops.random_crop.RandomCrop}", {"order", "crops"}),
    (CROP, "generator.crop.scale=[0.1,0.2]", {"order", "crops"}),
    (CROP, "generator.crop.ratio=[2,3]", {"order", "crops"}),
    (CROP, "generator.crop.flip=false", {"crops"}),  # the sums of the pixels stay
    ("", "generator.seed=1", {"order"}),
    ("", "generator.drop_remainder=true", {"steps", "reading"}),
    ("", "generator.one_hot=false", {"targets", "loss"}),
    ("", "generator.dtype=float32", {"batch", "val_batch", "model"}),
    ("", "generator.num_threads=7", {"reading"}),
    ("", "generator.prefetch_batches=3", {"reading"}),
    ("", "generator.ram_budget_mb=0.002", {"reading"}),
    ("", "generator.read_timeout_s=3", {"reading"}),
    ("", "source.address=s3://bucket/packed", {"data"}),
    ("", "source.verify_shards=false", {"checks"}),
    ("", "model.num_filters=[3,4]", {"model", "weights"}),
    ("", "model.num_units=9", {"model", "weights"}),
    ("", "model.dropout_rates=[0.1,0.2]", {"model"}),
    ("model=mlp", "model.num_units=[9]", {"model", "weights"}),
    ("model=mlp", "model.dropout_rate=0.1", {"model"}),
    ("model=resnet", "model.num_filters=3", {"model", "weights"}),
    ("model=resnet", "model.num_blocks=[1]", {"model", "weights"}),
    ("model=resnet", "model.dropout_rate=0.1", {"model"}),
    ("model=vgg", "model.num_filters=[3,4]", {"model", "weights"}),
    ("model=vgg", "model.num_convolutions=1", {"model", "weights"}),
    ("model=vgg", "model.num_units=9", {"model", "weights"}),
    ("model=vgg", "model.dropout_rates=[0.1,0.2]", {"model"}),
    ("", "optimizer.learning_rate=0.5", {"optimizer"}),
    ("", "optimizer.beta_1=0.5", {"optimizer"}),
    ("", "optimizer.beta_2=0.5", {"optimizer"}),
    ("optimizer=adamw", "optimizer.learning_rate=0.5", {"optimizer"}),
    ("optimizer=adamw", "optimizer.beta_1=0.5", {"optimizer"}),
    ("optimizer=adamw", "optimizer.beta_2=0.5", {"optimizer"}),
    ("optimizer=adamw", "optimizer.weight_decay=0.5", {"optimizer"}),
    ("optimizer=sgd", "optimizer.learning_rate=0.5", {"optimizer"}),
    ("optimizer=sgd", "optimizer.momentum=0.5", {"optimizer"}),
    ("optimizer=sgd", "optimizer.nesterov=true", {"optimizer"}),
    ("optimizer.base_batch_size=2", "optimizer.learning_rate_scaling=sqrt", {"optimizer"}),
    ("optimizer.learning_rate_scaling=linear", "optimizer.base_batch_size=2", {"optimizer"}),
    (
        "optimizer=adamw optimizer.base_batch_size=2",
        "optimizer.learning_rate_scaling=sqrt",
        {"optimizer"},
    ),
    (
        "optimizer=adamw optimizer.learning_rate_scaling=linear",
        "optimizer.base_batch_size=2",
        {"optimizer"},
    ),
    (
        "optimizer=sgd optimizer.base_batch_size=2",
        "optimizer.learning_rate_scaling=sqrt",
        {"optimizer"},
    ),
    (
        "optimizer=sgd optimizer.learning_rate_scaling=linear",
        "optimizer.base_batch_size=2",
        {"optimizer"},
    ),
    (WARMUP, "optimizer.schedule.warmup_epochs=3", {"optimizer"}),
    (WARMUP, "optimizer.schedule.final_fraction=0.5", {"optimizer"}),
    ("", LOSS, {"loss"}),
    ("", METRIC, {"metrics"}),
    ("task=multilabel", LOSS, {"loss"}),
    ("task=multilabel", METRIC, {"metrics"}),
    ("task=regression", LOSS, {"loss"}),
    ("task=regression", METRIC, {"metrics"}),
    ("", "callbacks.mine={_target_: keras.callbacks.TerminateOnNaN}", {"callbacks"}),
    ("", "trainer.epochs=3", {"epochs", "patience"}),
    ("", "trainer.max_steps_per_epoch=4", {"steps", "reading"}),
    ("", "trainer.precision=mixed_bfloat16", {"precision", "model"}),
    ("trainer.deterministic=false", "trainer.jit_compile=true", {"jit_compile"}),
    ("", "trainer.steps_per_execution=5", {"steps_per_execution"}),
    ("", "trainer.checkpoint_every_steps=7", {"checkpoints"}),
    ("", "trainer.checkpoint_every_minutes=7", {"checkpoints"}),
    ("", "trainer.deterministic=false", {"deterministic"}),
    ("", "trainer.class_weights=balanced", {"class_weight"}),
    ("", f"trainer.augmentation={FLIP}", {"model", "weights"}),
    ("", f"{STOP}.metric=val_accuracy", {"metric", "mode"}),
    ("", f"{STOP}.mode=max", {"mode"}),
    ("", f"{STOP}.patience_epochs=2", {"patience"}),
    ("", f"{STOP}.min_delta=0.5", {"min_delta"}),
    ("", f"{STOP}.restore_best_weights=false", {"restore", "best_epoch"}),
]
# What `train` is given as an argument; the stage reads them.
OF_THE_STAGE = ("trainer.resume", "trainer.accept_changed_data")
# The modules that read the keys of the other groups.
READERS = {
    "dataset": ("datasets", "inspection", "stages", "workflow", "config", "splitting"),
    "evaluation": ("stages/evaluate.py", "tasks"),
    "compare": ("stages/compare.py",),
    "pack": ("packing", "stages", "workflow"),
    "preview": ("workflow/chosen_batch.py", "stages/preview.py"),
    "sweep": ("stages", "workflow", "sweep"),
    "tracking": ("tracking", "stages", "workflow", "config/settings.py"),
}


@pytest.fixture(autouse=True)
def undetermined() -> Iterator[None]:
    """TensorFlow never leaves its deterministic mode by itself."""
    disable_op_determinism()
    yield
    disable_op_determinism()
    keras.config.set_dtype_policy("float32")


def source_of(number: int, kind: LabelKind = LabelKind.CLASSIFICATION) -> ArraySource:
    images = np.random.default_rng(number).integers(0, 256, (number, 8, 8, 1), dtype=np.uint8)
    classes = np.arange(number) ** 2 % 3
    if kind is LabelKind.REGRESSION:
        return ArraySource(images, classes.astype(np.float32), [])
    labels = np.eye(3, dtype=np.uint8)[classes] if kind is LabelKind.MULTILABEL else classes
    return ArraySource(images, labels, ["a", "b", "c"])


@cache
def observed(choices: str, *overrides: str) -> dict[str, Any]:
    """Run train() up to fit and describe what it hands over."""
    handed: dict[str, Any] = {}
    disable_op_determinism()  # of what was observed before in the same test

    def fit(model: Any, batches: Any, **arguments: Any) -> None:
        handed.update(arguments, model=model, batches=[(x.numpy(), y.numpy()) for x, y in batches])
        handed["val_batches"] = [x.numpy() for x, _ in arguments["validation_data"]]
        for callback in arguments["callbacks"]:
            callback.on_train_begin()

    tiny = [] if "model=" in choices else ["model.num_units=8"]
    generator = ["generator.batch_size=8", "generator.shuffle=full"]
    config = compose_config([*generator, *choices.split(), *tiny, *overrides])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.Model, "fit", fit)
        train_source, val_source = (source_of(n, config.task.kind) for n in (33, 17))
        training = train(config, train_source, val_source, lambda epoch_result: None)
    model, batches = handed["model"], handed["batches"]
    (resumable,) = handed["callbacks"]
    stopping, *others = resumable.others
    compiled = model.get_compile_config()
    image, target = batches[0]
    source = source_of(33, config.task.kind)
    reading = [make(config, source) for make in (training_generator, validation_generator)]
    digest = hashlib.sha256(b"".join(w.tobytes() for w in model.get_weights())).hexdigest()
    return {
        "weights": digest,
        "order": np.concatenate([x.astype(np.float64).sum((1, 2, 3)) for x, _ in batches][:4])
        .argsort()
        .tolist(),
        "steps": [len(x) for x, _ in batches],
        "batch": (image.shape, str(image.dtype)),
        "targets": (target.ndim, str(target.dtype)),
        "val_batch": [(x.shape, str(x.dtype)) for x in handed["val_batches"][:2]],
        "reading": [generator.limits for generator in reading],
        "crops": [generator.state(0)["crop"] for generator in reading],
        "checks": [generator._reader.verify_shards for generator in reading],
        "data": config.source.data_dir,
        "model": model.get_config(),
        "optimizer": (type(model.optimizer), model.optimizer.get_config()),
        "loss": compiled["loss"],
        "metrics": compiled["metrics"],
        "callbacks": [type(callback) for callback in others],
        "epochs": handed["epochs"],
        "precision": keras.config.dtype_policy().name,
        "jit_compile": (model.jit_compile, training.jit_compile),
        "steps_per_execution": model.steps_per_execution,
        "checkpoints": (resumable._cadence._every_steps, resumable._cadence._every_minutes),
        "deterministic": is_op_determinism_enabled(),
        "class_weight": handed["class_weight"],
        "metric": stopping.monitor,
        "mode": stopping.mode,
        "patience": stopping.patience,
        "min_delta": abs(stopping.min_delta),
        "restore": stopping.restore_best_weights,
        "best_epoch": training.best_epoch,
        "shuffle": handed["shuffle"],
    }


@pytest.mark.slow  # fifty trainings of 1.5 s
@pytest.mark.parametrize(("choices", "override", "changed"), CHANGES)
def test_an_option_changes_this_and_nothing_else(
    choices: str, override: str, changed: set[str]
) -> None:
    before = observed(choices)
    disable_op_determinism()
    after = observed(choices, override)
    assert {aspect for aspect in before if before[aspect] != after[aspect]} == changed


@cache
def composed(*overrides: str) -> Config:
    return compose_config([*overrides])


def chosen(group: str, *overrides: str) -> type:
    """The class of what a group, or the schedule, is made from."""
    return type(attrgetter(group)(composed(*overrides)))


@cache
def keys_of(group: str) -> set[tuple[type, str]]:
    """Every key of a group, also one below it, as (class of its choice, full name)."""
    names = files_of(group.replace(".", "/")) or ["default"]
    schemas = {chosen(group, f"{group.replace('.', '/')}={name}") for name in names}
    fields = [(schema, field.name) for schema in schemas for field in dataclasses.fields(schema)]
    apart = ("schedule", "early_stopping")  # keys of their own lie below
    return {(schema, f"{group}.{name}") for schema, name in fields if name not in apart}


def test_every_key_of_the_schemas_stands_in_the_table() -> None:
    crop_and = "generator.crop", "generator", "source"
    groups = (*crop_and, "model", "optimizer", "optimizer.schedule", "task", "trainer")
    tested = set()
    for choices, override, _ in CHANGES:
        key = override.partition("=")[0].removesuffix("._target_").removesuffix(".mine")
        group = key.rpartition(".")[0]
        if group:
            tested.add((chosen(group, *choices.split()), key))
    wanted = {key for group in groups for key in keys_of(group)}
    wanted |= {
        (EarlyStoppingConfig, f"{STOP}.{f.name}") for f in dataclasses.fields(EarlyStoppingConfig)
    }
    wanted -= {(TrainerConfig, key) for key in OF_THE_STAGE}
    assert tested == wanted
    assert any(override.startswith("callbacks.") for _, override, _ in CHANGES)
    stage = (PACKAGE / "workflow" / "training.py").read_text(encoding="utf-8")
    assert all(f"config.{key}" in stage for key in OF_THE_STAGE)


@pytest.mark.parametrize("group", READERS)
def test_every_key_of_the_other_groups_is_read_somewhere(group: str) -> None:
    files = [
        path
        for place in READERS[group]
        for path in ([PACKAGE / place] if place.endswith(".py") else (PACKAGE / place).rglob("*"))
        if path.suffix == ".py" and path.name != "schema.py"
    ]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    for _, key in keys_of(group):
        assert f".{key.partition('.')[2]}" in text, f"nothing reads {key}"


def test_the_data_are_never_permuted_by_keras() -> None:
    assert observed("")["shuffle"] is False


def test_balanced_classes_weigh_as_scikit_learn_says() -> None:
    from sklearn.utils.class_weight import compute_class_weight

    labels = source_of(33).labels
    weights = observed("", "trainer.class_weights=balanced")["class_weight"]
    classes = np.unique(labels)
    expected = compute_class_weight("balanced", classes=classes, y=labels)
    assert len(set(np.bincount(labels))) > 1
    assert weights == pytest.approx(dict(zip(classes.tolist(), expected.tolist(), strict=True)))
    assert list(weights) == [int(label) for label in classes]


def test_xla_is_off_where_there_is_no_gpu_or_it_must_be_exact() -> None:
    assert resolved_jit_compile(True) is True
    assert resolved_jit_compile(False) is False
    has_gpu = bool(keras.src.utils.module_utils.tensorflow.config.list_physical_devices("GPU"))
    assert resolved_jit_compile(None) is has_gpu
    assert observed("")["jit_compile"] == (False, False)
    assert observed("", "trainer.deterministic=false")["jit_compile"] == (has_gpu, has_gpu)
