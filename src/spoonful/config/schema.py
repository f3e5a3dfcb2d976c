"""The config keys of everything that is not a component; components declare their own.

The values are in conf/.
"""

import dataclasses
from dataclasses import dataclass

from spoonful.config.fields import AUTO, Component, key
from spoonful.order import MAX_SEED, SHUFFLES

CUSTOM = "custom"  # the shuffle of an order of the user's own


@dataclass
class GeneratorConfig:
    """How batches are made of the source's examples."""

    batch_size: int = key("images per step", minimum=1)
    shuffle: str = key(
        "order of an epoch; auto: full or block; custom: generator.order",
        choices=(AUTO, *SHUFFLES, CUSTOM),
        aliases={"True": "full", "False": "none"},
    )
    block_size: int | None = key(
        "images per block of shuffle=block; null: as many as make 2 MiB of pixels", minimum=1
    )
    window_blocks: int = key("blocks that shuffle=block mixes at a time", minimum=1)
    buffer_size: int = key("images in the buffer of shuffle=buffer", minimum=1)
    order: Component | None = key(
        "your own order, used by shuffle=custom",
        offered=("num_examples", "seed", "labels"),
    )
    crop: Component | None = key(
        "which part of each training image a step shows; null: the whole", needs=("draw",)
    )
    seed: int = key("seed of the order and the crops", minimum=0, maximum=MAX_SEED)
    drop_remainder: bool = key("leave out the last, smaller training batch of an epoch")
    one_hot: bool = key("labels as one-hot vectors (true) or class numbers (false)")
    dtype: str = key("pixels as uint8 (0..255) or float32 (0..1)", choices=("uint8", "float32"))
    num_threads: int | None = key(
        "threads that read ahead; 0: read only when a batch is needed; null: as many as make the "
        "source faster",
        minimum=0,
        maximum=256,
        has_no_effect=True,
    )
    prefetch_batches: int | None = key(
        "batches read ahead; null: as many as ram_budget_mb holds", minimum=1, has_no_effect=True
    )
    ram_budget_mb: float | None = key(
        "memory for batches being read, ready or in use, in MiB; null: at most 64",
        above=0,
        has_no_effect=True,
    )
    read_timeout_s: float = key("longest time for one read, in s", above=0, has_no_effect=True)


@dataclass
class EarlyStoppingConfig:
    """When to stop, and whose weights to keep."""

    metric: str = key(
        "metric that decides which epoch is best: loss or a metric of the task; with val_ before "
        "it, on the validation images"
    )
    mode: str = key(
        "whether a smaller (min) or larger (max) metric is better; auto: as the task says",
        choices=("auto", "min", "max"),
    )
    patience_epochs: int | None = key(
        "stop after this many epochs without a better one; null: train all epochs", minimum=1
    )
    min_delta: float = key("smallest change of the metric that counts as better", minimum=0)
    restore_best_weights: bool = key("keep the weights of the best epoch, not those of the last")


@dataclass
class TrainerConfig:
    """How long and in which mode to train."""

    epochs: int = key("passes over the training images", minimum=1)
    max_steps_per_epoch: int | None = key(
        "end an epoch after so many steps, not validation; null: after all training images",
        minimum=1,
    )
    precision: str = key(
        "arithmetic of the layers", choices=("float32", "mixed_bfloat16", "mixed_float16")
    )
    jit_compile: bool | None = key(
        "compile with XLA (needs deterministic=false); null: on GPUs only"
    )
    steps_per_execution: int = key(
        "steps per call into TensorFlow; more is faster for small models, but Ctrl-C and SIGTERM "
        "wait for its end",
        minimum=1,
    )
    checkpoint_every_steps: int | None = key(
        "steps between checkpoints, besides those at the end of each epoch; null: none",
        minimum=1,
        has_no_effect=True,
    )
    checkpoint_every_minutes: float | None = key(
        "minutes between checkpoints inside an epoch; null: none",
        above=0,
        has_no_effect=True,
    )
    resume: str | None = key(
        "auto: resume the interrupted run of this config, if there is one; or the id of an "
        "interrupted run; null: start a new run",
        has_no_effect=True,
    )
    accept_changed_data: bool = key(
        "resume even if the contents of images have changed, as after mending a file; recorded",
        has_no_effect=True,
    )
    deterministic: bool = key("use only operations that give the same bits every time")
    class_weights: str = key(
        "weight of a class in the loss: none, or balanced (inverse to its share)",
        choices=("none", "balanced"),
    )
    augmentation: list[Component] = key(
        "layers that change training images, such as {_target_: keras.layers.RandomFlip}",
        offered=("name", "dtype"),
    )
    early_stopping: EarlyStoppingConfig = key(
        "when to stop, and whose weights to keep; patience_epochs=null: train all epochs"
    )


@dataclass
class SweepConfig:
    """How the points of a sweep are chosen and trained, and which sweep a training belongs to."""

    run_name: str | None = key("name of the sweep's run in MLflow; null: the experiment's")
    point: str | None = key(
        "name of the point of sweep.run_name that this training is; null: not part of a sweep"
    )
    resume: str | None = key(
        "auto: continue the unfinished sweep of these points and data, if there is one; or the "
        "id of its run; null: start a new sweep"
    )
    num_parallel: int = key(
        "points that train side by side, each in a process of its own", minimum=1, maximum=1024
    )
    sampler: str = key(
        "how points are chosen: grid is every combination, the others are Optuna's",
        choices=("grid", "tpe", "random", "cmaes"),
    )
    num_trials: int | None = key(
        "number of points that a sampler chooses; null for a grid", minimum=1
    )
    sampler_seed: int = key("seed of the sampler", minimum=0, maximum=MAX_SEED)
    pruner: str = key(
        "how a sampler's points that fall behind are ended early, after an epoch",
        choices=("none", "median", "hyperband", "asha"),
    )
    prune_after_epochs: int = key("epochs that a pruner lets every point train", minimum=1)
    storage: str | None = key(
        "database URL that Optuna keeps the study in; null: study.db in the sweep's folder"
    )


@dataclass
class EvaluationConfig:
    """How the trained model is evaluated on the test images."""

    model_dir: str | None = key("folder of the model, relative to the project; null: models/train")
    batch_size: int = key("images per step", minimum=1)
    top_k: int = key("count a label among the k most probable classes as right", minimum=1)
    num_bins: int = key("equal-width bins of the calibration error", minimum=2)
    num_mistakes: int = key("images in the grid of the worst mistakes", minimum=1, maximum=400)


@dataclass
class PreviewConfig:
    """Which batch `spoonful preview` draws, and `spoonful order` lists."""

    split: str = key("training's batches, or validation's", choices=("train", "val"))
    epoch: int | None = key(
        "epoch, from 1, that preview.step is counted in; null: steps of the whole training",
        minimum=1,
    )
    step: int = key("step, from 0", minimum=0)
    num_images: int = key("images of the batch that are drawn, at most", minimum=1, maximum=400)


@dataclass
class CompareConfig:
    """Which sweep is compared, and by what."""

    sweep: str | None = key(
        "id of the sweep's run in MLflow, its beginning, or the sweep's name; null: the newest"
    )
    metric: str | None = key(
        "metric that ranks and tests the points: val_loss or another validation metric; "
        "null: the score of their task"
    )
    mode: str = key(
        "whether a smaller (min) or larger (max) metric is better; auto: as the task says",
        choices=("auto", "min", "max"),
    )
    level: float = key(
        "probability of calling a difference real that is only noise of the seeds",
        above=0,
        maximum=0.5,
    )
    publish: str | None = key(
        "folder, relative to the project, for tables and charts; its README.md gets the tables "
        "between its markers"
    )


@dataclass
class TrackingConfig:
    """Where and how runs are recorded in MLflow."""

    uri: str | None = key(
        "MLflow server or store; unset: MLFLOW_TRACKING_URI, else null: the project's mlflow.db"
    )
    experiment_name: str = key(
        "MLflow experiment; unset: MLFLOW_EXPERIMENT_NAME, else the data set's name"
    )
    run_name: str | None = key("name of the run; null: made of model, optimizer and generator")
    tags: dict[str, str] = key("your own tags of the run")
    system_metrics_interval_s: float = key("seconds between two system metrics", above=0)
    timeout_s: int = key("longest wait for a tracking server, in s", minimum=1)
    ui_port: int = key("port of `spoonful ui`", minimum=1, maximum=65535)


@dataclass
class CacheConfig:
    """Where what was read from addresses is kept on this machine."""

    dir: str | None = key(
        "folder for downloaded files, shared by all processes that name it; null: data/.downloads",
        is_path=True,
    )
    max_gb: float = key("largest size of all files in it, in GiB", above=0)


@dataclass
class Config:
    """The whole composed configuration, checked."""

    dataset: Component = key(
        "which images, and how they are split",
        base="spoonful.datasets.dataset.Dataset",
        needs=("fetch", "open_raw"),
    )
    pack: Component = key("how packed images are stored", needs=("encoding_settings",))
    source: Component = key(
        "what batches are read from",
        offered=("split",),
        needs=("open",),
        adapter="spoonful.workflow.foreign_source.ForeignSource",
    )
    generator: GeneratorConfig = key("how batches are made")
    model: Component = key(
        "the network up to its last layer",
        num_given=1,
        needs=("__call__",),
        adapter="spoonful.models.foreign_model.ForeignModel",
    )
    optimizer: Component = key(
        "the optimizer and its learning rate",
        base="spoonful.optimizers.optimizer.Optimizer",
        offered=("learning_rate",),
        needs=("__call__",),
        adapter="spoonful.optimizers.foreign_optimizer.ForeignOptimizer",
    )
    task: Component = key(
        "what is learned: last layer, loss, metrics, evaluation",
        base="spoonful.tasks.task.Task",
        needs=("last_layer", "judge"),
    )
    trainer: TrainerConfig = key("how long and in which mode to train")
    callbacks: dict[str, Component] = key("Keras callbacks, each under a name that you choose")
    sweep: SweepConfig = key("how the points of a sweep are chosen and trained")
    evaluation: EvaluationConfig = key("how the trained model is evaluated")
    preview: PreviewConfig = key("which batch is shown")
    compare: CompareConfig = key("which sweep is compared, and by what")
    tracking: TrackingConfig = key("where and how runs are recorded")
    cache: CacheConfig = key("where remote data is kept on this machine")
    seed: int = key(
        "seed of the weights, dropout, augmentation and order", minimum=0, maximum=MAX_SEED
    )


# Groups of conf/ whose files set keys of the others.
OVERLAYS = ("experiment", "debug")
# The groups of conf/ that every config has.
GROUPS = tuple(field.name for field in dataclasses.fields(Config) if field.name != "seed")
