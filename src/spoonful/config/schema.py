"""Every config key: its type, meaning, unit and range. The values are in conf/."""

from dataclasses import dataclass
from typing import Any

from spoonful.config.fields import key
from spoonful.config.model_schema import CnnConfig, MlpConfig, ResnetConfig, VggConfig
from spoonful.config.optimizer_schema import AdamConfig, AdamwConfig, SgdConfig
from spoonful.config.pack_schema import JpegPackConfig, RawPackConfig
from spoonful.order import MAX_SEED, SHUFFLES
from spoonful.sources.images.resize import RESIZES

_SIZE = "height and width in px that every image is resized to"
_RESIZE = "an image of another shape is stretched, fitted into black, or cropped at its centre"
_BACKGROUND = "red, green and blue (0..255) behind what is transparent in an image"
_MAX_PIXELS = "pixels of the largest image file that is read; 89478485 take at most 1 GiB"
_CHANNELS = "1 for grey, 3 for RGB"
_VAL_FRACTION = "share of the images without a given split that goes to val"
_TEST_FRACTION = "share of the images without a given split that goes to test"
_SPLIT_SEED = "seed of the split"


@dataclass
class DigitsConfig:
    """1,797 handwritten digits, 8x8, that scikit-learn carries (needs no network)."""

    name: str = key("which data set", choices=("digits",))
    image_size: list[int] = key(_SIZE, minimum=1, length=2)
    resize: str = key(_RESIZE, choices=RESIZES)
    num_channels: int = key(_CHANNELS, choices=(1, 3))
    background: list[int] = key(_BACKGROUND, minimum=0, maximum=255, length=3)
    max_pixels: int = key(_MAX_PIXELS, minimum=1)
    val_fraction: float = key(_VAL_FRACTION, above=0, maximum=0.9)
    test_fraction: float = key(_TEST_FRACTION, above=0, maximum=0.9)
    split_seed: int = key(_SPLIT_SEED, minimum=0, maximum=MAX_SEED)


@dataclass
class MnistConfig:
    """MNIST: 60,000 + 10,000 handwritten digits, 28x28; its test split is given."""

    name: str = key("which data set", choices=("mnist",))
    image_size: list[int] = key(_SIZE, minimum=1, length=2)
    resize: str = key(_RESIZE, choices=RESIZES)
    num_channels: int = key(_CHANNELS, choices=(1, 3))
    background: list[int] = key(_BACKGROUND, minimum=0, maximum=255, length=3)
    max_pixels: int = key(_MAX_PIXELS, minimum=1)
    val_fraction: float = key(_VAL_FRACTION, above=0, maximum=0.9)
    split_seed: int = key(_SPLIT_SEED, minimum=0, maximum=MAX_SEED)
    mirror: str | None = key(
        "folder that holds the four MNIST files, or a folder mnist with them; "
        "null: SPOONFUL_MIRROR, else a download"
    )
    urls: list[str] = key("where to download from, tried in this order")
    timeout_s: float = key("longest silence of a download, in s", above=0)


@dataclass
class FolderConfig:
    """Images of your own: class folders, or train/val/test with class folders in them."""

    name: str = key("which data set", choices=("folder",))
    path: str | None = key("folder of class folders, or holding train, val (or validation), test")
    image_size: list[int] = key(_SIZE, minimum=1, length=2)
    resize: str = key(_RESIZE, choices=RESIZES)
    num_channels: int = key(_CHANNELS, choices=(1, 3))
    background: list[int] = key(_BACKGROUND, minimum=0, maximum=255, length=3)
    max_pixels: int = key(_MAX_PIXELS, minimum=1)
    val_fraction: float = key(_VAL_FRACTION, above=0, maximum=0.9)
    test_fraction: float = key(_TEST_FRACTION, above=0, maximum=0.9)
    split_seed: int = key(_SPLIT_SEED, minimum=0, maximum=MAX_SEED)
    link: str = key(
        "how a file gets into the split; auto: the first of these that the file system has",
        choices=("auto", "reflink", "symlink", "copy"),
    )


@dataclass
class GeneratorConfig:
    """Batches read straight from the image files of data/split."""

    name: str = key("what batches are read from", choices=("folder",))
    batch_size: int = key("images a step", minimum=1)
    shuffle: str = key(
        "order of an epoch", choices=SHUFFLES, aliases={"True": "full", "False": "none"}
    )
    block_size: int | None = key(
        "images a block of shuffle=block; null: as many as make 2 MiB of pixels", minimum=1
    )
    window_blocks: int = key("blocks that shuffle=block mixes at a time", minimum=1)
    buffer_size: int = key("images in the buffer of shuffle=buffer", minimum=1)
    seed: int = key("seed of the order", minimum=0, maximum=MAX_SEED)
    drop_remainder: bool = key("leave out the last, smaller training batch of an epoch")
    one_hot: bool = key("labels as one-hot vectors (true) or class numbers (false)")
    dtype: str = key("pixels as uint8 (0..255) or float32 (0..1)", choices=("uint8", "float32"))
    num_threads: int | None = key(
        "threads that read ahead; 0: none, read when needed; null: as many as the source gains by",
        minimum=0,
        maximum=256,
    )
    prefetch_batches: int | None = key(
        "batches read ahead; null: as many as ram_budget_mb holds", minimum=1
    )
    ram_budget_mb: float | None = key(
        "memory for the batches that are read, ready and in use, in MiB; null: at most 64", above=0
    )
    read_timeout_s: float = key("longest time that a read may take, in s", above=0)


@dataclass
class PackedGeneratorConfig(GeneratorConfig):
    """Batches read from the packed splits in data/packed."""

    name: str = key("what batches are read from", choices=("packed",))
    verify_shards: bool = key(
        "check the shards against their checksums once, while they are read; false: not"
    )


@dataclass
class EarlyStoppingConfig:
    """When to stop, and whose weights to keep."""

    metric: str = key(
        "what decides which epoch is best",
        choices=("val_loss", "val_accuracy", "loss", "accuracy"),
    )
    patience_epochs: int | None = key(
        "stop after so many epochs without a better one; null: train all epochs", minimum=1
    )
    min_delta: float = key("smallest change of the metric that counts as better", minimum=0)
    restore_best_weights: bool = key("end with the best epoch's weights, not the last's")


@dataclass
class TrainerConfig:
    """How long and in which mode to train."""

    epochs: int = key("passes over the training images", minimum=1)
    precision: str = key(
        "arithmetic of the layers", choices=("float32", "mixed_bfloat16", "mixed_float16")
    )
    jit_compile: bool | None = key(
        "compile with XLA (not if deterministic); null: on GPUs, off on CPU"
    )
    steps_per_execution: int = key(
        "steps a call into TensorFlow; many save small models time, but the bar, Ctrl-C and "
        "SIGTERM come that many steps later",
        minimum=1,
    )
    checkpoint_every_steps: int | None = key(
        "write a checkpoint after so many steps, besides those at epochs' ends; null: not by steps",
        minimum=1,
    )
    checkpoint_every_minutes: float | None = key(
        "write one after so many minutes inside an epoch; null: not by time", above=0
    )
    resume: str | None = key(
        "auto: resume the interrupted run of this config, if there is one; or the id of an "
        "interrupted run; null: start a new run"
    )
    deterministic: bool = key("use only operations that give the same bits every time")
    class_weights: str = key(
        "weight of a class in the loss: none, or balanced (inverse to its share)",
        choices=("none", "balanced"),
    )
    augmentation: list[Any] = key("Keras layers active in training, each with its _target_")
    early_stopping: EarlyStoppingConfig = key("when to stop, and whose weights to keep")


@dataclass
class SweepConfig:
    """How the points of a sweep are chosen and trained, and which sweep a training belongs to."""

    run_name: str | None = key("name of the sweep's run in MLflow; null: the experiment's")
    point: str | None = key(
        "makes one `spoonful train` a point of sweep.run_name: its folder's name; null: it is none"
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
    num_trials: int | None = key("how many points a sampler chooses; null: it is a grid", minimum=1)
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
    """How the trained model is judged on the test images."""

    model_dir: str | None = key("folder of the model, from the project's; null: models/train")
    batch_size: int = key("images a step", minimum=1)
    top_k: int = key("count a label among the k most probable classes as right", minimum=1)
    num_bins: int = key("equal-width bins of the calibration error", minimum=2)
    num_mistakes: int = key("images in the grid of the worst mistakes", minimum=1, maximum=400)


@dataclass
class CompareConfig:
    """Which sweep is compared, and by what."""

    sweep: str | None = key(
        "id of the sweep's run in MLflow, its beginning, or the sweep's name; null: the newest"
    )
    metric: str = key(
        "what the points are ranked and tested by", choices=("val_accuracy", "val_loss")
    )
    level: float = key(
        "probability of calling any difference real that is seed noise", above=0, maximum=0.5
    )
    publish: str | None = key(
        "folder, from the project's, that gets tables and charts, and whose README.md gets the "
        "tables between its markers; null: none"
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
    tags: dict[str, str] = key("tags of your own for the run")
    system_metrics_interval_s: float = key("seconds between two system metrics", above=0)
    timeout_s: int = key("longest wait for a tracking server, in s", minimum=1)
    ui_port: int = key("port of `spoonful ui`", minimum=1, maximum=65535)


# For each group the schema of each choice, by the value of its key `name` (None: one schema).
GROUPS: dict[str, dict[str | None, type]] = {
    "dataset": {"digits": DigitsConfig, "mnist": MnistConfig, "folder": FolderConfig},
    "pack": {"raw": RawPackConfig, "jpeg": JpegPackConfig},
    "generator": {"folder": GeneratorConfig, "packed": PackedGeneratorConfig},
    "model": {"cnn": CnnConfig, "mlp": MlpConfig, "resnet": ResnetConfig, "vgg": VggConfig},
    "optimizer": {"adam": AdamConfig, "adamw": AdamwConfig, "sgd": SgdConfig},
    "trainer": {None: TrainerConfig},
    "sweep": {None: SweepConfig},
    "evaluation": {None: EvaluationConfig},
    "compare": {None: CompareConfig},
    "tracking": {None: TrackingConfig},
}


@dataclass
class Config:
    """The whole composed configuration, checked."""

    dataset: DigitsConfig | MnistConfig | FolderConfig
    pack: RawPackConfig | JpegPackConfig
    generator: GeneratorConfig
    model: CnnConfig | MlpConfig | ResnetConfig | VggConfig
    optimizer: AdamConfig | AdamwConfig | SgdConfig
    trainer: TrainerConfig
    sweep: SweepConfig
    evaluation: EvaluationConfig
    compare: CompareConfig
    tracking: TrackingConfig
    seed: int = key(
        "seed of the weights, dropout, augmentation and order", minimum=0, maximum=MAX_SEED
    )
