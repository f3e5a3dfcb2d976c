"""What `train` records about a run: its inputs, and the results for a reader."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from omegaconf import OmegaConf

from spoonful.config.fields import AUTO
from spoonful.config.own_data import dataset_title
from spoonful.config.schema import Config
from spoonful.config.settings import flattened, name_of, settings_of
from spoonful.project import inspect_dir, project_root
from spoonful.record.files import (
    CONFIG_NAME,
    ENVIRONMENT_NAME,
    INSPECTION_DIR,
    LEARNING_CURVES_NAME,
    LEDGER_NAME,
    OVERRIDES_NAME,
    TRAINING_BATCH_NAME,
)
from spoonful.record.ledger import TRAIN, VAL, Row, overall_digest, to_csv
from spoonful.record.metrics import BEST_EPOCH, BEST_METRICS, LOSS, NUM_PARAMETERS, VAL_METRICS
from spoonful.record.params import ASKED, REASON
from spoonful.record.tags import (
    CODE_TAGS,
    DATA_DIGEST_TAG,
    DATASET_TAG,
    DIGEST_TAGS,
    DVC_TAGS,
    EXPERIMENT_TAG,
    FINGERPRINT_TAGS,
    JIT_COMPILE_TAG,
    MODEL_TAG,
    OPTIMIZER_TAG,
    OVERRIDES_TAG,
    REPRODUCES_TAG,
    SCORE_MODE_TAG,
    SCORE_TAG,
    SPLIT_DIGEST_TAG,
    TASK_TAG,
)
from spoonful.sources import Source
from spoonful.workflow.foreign_code import foreign_code
from spoonful.workflow.image_size import IMAGE_SIZE, sizes_in
from spoonful.workflow.job import Job
from spoonful.workflow.shuffle_choice import SHUFFLE, ShuffleChoice
from spoonful.workflow.split_files import read_summary

if TYPE_CHECKING:
    from spoonful.fitting.train import Training
    from spoonful.tracking.recording import TrackedRun

_NUM_EXAMPLES = 2
_NUM_GRID_IMAGES = 25
_INSPECTION_SUFFIXES = (".csv", ".html", ".json")  # not the table, a row for each image
_NO_PARAMS = ("sweep.", "compare.", "evaluation.", "preview.", "cache.")


def run_tags(config: Config, job: Job) -> dict[str, str]:
    """Return the tags by which a run is found, grouped and compared."""
    from spoonful.tracking.environment import package_versions
    from spoonful.tracking.parent import child_tags

    point = job.point
    return {
        **sweep_tags(job.experiment, job.overrides),
        **package_versions(),
        DATASET_TAG: dataset_title(config),
        MODEL_TAG: name_of(config.model),
        OPTIMIZER_TAG: name_of(config.optimizer),
        **task_tags(config),
        **({} if point is None else child_tags(point.parent_id, point.label, point.number)),
        **{f"{CODE_TAGS}{name}": digest for name, digest in foreign_code(config).items()},
        **({REPRODUCES_TAG: job.reproduces} if job.reproduces is not None else {}),
        **config.tracking.tags,
    }


def task_tags(config: Config) -> dict[str, str]:
    """Return the tags that tell what is learned, and by which metric runs are ranked."""
    return {
        TASK_TAG: name_of(config.task),
        SCORE_TAG: f"{VAL_METRICS}{config.task.score}",
        SCORE_MODE_TAG: config.task.mode(config.task.score),
    }


def sweep_tags(experiment: str | None, overrides: Sequence[str]) -> dict[str, str]:
    """Return the tags by which a sweep's run is found, like each of its points."""
    from spoonful.tracking.environment import code_version, hardware, lock_digest

    return {
        **code_version(),
        **lock_digest(),
        **hardware(),
        OVERRIDES_TAG: shlex.join(overrides),
        EXPERIMENT_TAG: experiment or "none",
    }


def params_of_choices(
    asked: Config, config: Config, choice: ShuffleChoice | None
) -> dict[str, str]:
    """Return what was asked for where a key said auto, and why something was chosen.

    Args:
        asked: the config as composed.
        config: the same, with what was chosen.
        choice: what was chosen for generator.shuffle=auto, if it was asked for.
    """
    reasons = {} if choice is None else {SHUFFLE: choice.reason}
    if asked.dataset.image_size != config.dataset.image_size:
        sizes = sizes_in(read_summary())
        reasons[IMAGE_SIZE] = "not known" if sizes is None else sizes.reason
    params = {f"{key}{REASON}": reason for key, reason in reasons.items()}
    return {**{f"{key}{ASKED}": AUTO for key in reasons}, **params}


def log_inputs(
    tracked: "TrackedRun",
    config: Config,
    job: Job,
    sources: tuple[Source, Source],
    choices: Mapping[str, str],
) -> None:
    """Record all that determines the run, before it begins; a resumed one already has some.

    Args:
        tracked: the run.
        config: the whole config.
        job: what was typed.
        sources: the training and validation images.
        choices: result of `params_of_choices`.
    """
    from spoonful.tracking.environment import dvc_hash, full_environment

    # Unrelated params would clutter the UI's compare view.
    params = {k: v for k, v in flattened(config).items() if not k.startswith(_NO_PARAMS)}
    tracked.log_params({**params, **choices})
    tracked.log_checked(OmegaConf.to_yaml(settings_of(config)), CONFIG_NAME)
    tracked.log_checked("\n".join(job.overrides), OVERRIDES_NAME)
    environment = json.dumps(full_environment(), indent=2, default=str)
    tracked.log_checked(environment, ENVIRONMENT_NAME)
    folder = config.source.data_dir
    data_hash = "none" if folder is None else dvc_hash(folder)
    if folder is not None:
        summary = read_summary()
        digests = {DATA_DIGEST_TAG: summary["data_digest"], SPLIT_DIGEST_TAG: summary["digest"]}
        tracked.set_tags({f"{DVC_TAGS}{folder.name}": data_hash, **digests})
    splits = ("train", "training"), ("val", "validation")
    for source, (split, context) in zip(sources, splits, strict=True):
        tracked.log_dataset(
            f"{dataset_title(config)}/{split}",
            project_root() if folder is None else folder / split,
            source.fingerprint,
            data_hash,
            context,
        )
        tracked.set_tags({f"{FINGERPRINT_TAGS}{split}": source.fingerprint})


def log_inspection(tracked: "TrackedRun", config: Config) -> None:
    """Keep with the run what `inspect` found in the images that the split was made of."""
    summary = inspect_dir() / "summary.json"
    if config.source.data_dir is None or not summary.is_file():
        return
    try:
        noted = json.loads(summary.read_text(encoding="utf-8"))["data_digest"]
    except (ValueError, KeyError, TypeError):
        return  # damaged: it is of no use to a reader, and to the training it means nothing
    if noted != read_summary()["data_digest"]:
        return
    for path in sorted(inspect_dir().iterdir()):
        if path.suffix in _INSPECTION_SUFFIXES:
            text = path.read_text(encoding="utf-8", errors="replace")
            tracked.log_text(text, f"{INSPECTION_DIR}/{path.name}")


def log_ledger(tracked: "TrackedRun", rows: list[Row]) -> None:
    """Record which batches have been read so far."""
    digests = {f"{DIGEST_TAGS}{name}": overall_digest(rows, name) for name in (TRAIN, VAL)}
    tracked.log_checked(to_csv(rows), LEDGER_NAME, digests)


def log_results(
    tracked: "TrackedRun", config: Config, training: "Training", source: Source
) -> None:
    """Record the model and the results of the training for a reader."""
    from spoonful.figures import learning_curves

    best = training.history[training.best_epoch - 1]
    tracked.log_metrics(
        {f"{BEST_METRICS}{n}": v for n, v in best.items() if n.startswith(VAL_METRICS)}
    )
    counts = {BEST_EPOCH: training.best_epoch, NUM_PARAMETERS: training.model.count_params()}
    tracked.log_metrics(counts)
    tracked.set_tags({JIT_COMPILE_TAG: str(training.jit_compile).lower()})
    curves = learning_curves(training.history, training.best_epoch, (LOSS, config.task.score))
    tracked.log_figure(curves, LEARNING_CURVES_NAME)
    _log_batch_grid(tracked, config, source)
    example: NDArray[Any] = source.read(range(min(_NUM_EXAMPLES, len(source))))
    if config.generator.dtype == "float32":
        example = example / example.dtype.type(255)
    tracked.log_model(training.model, example, source.class_names)


def _log_batch_grid(tracked: "TrackedRun", config: Config, source: Source) -> None:
    """Record the first batch as the model's first layers see it: cropped, scaled and augmented.

    The augmentation layers are created again: the model's own must not advance by a batch.
    """
    import numpy as np

    from spoonful.figures import image_grid
    from spoonful.fitting.train import training_generator
    from spoonful.models.build import augmentation_layers

    generator = training_generator(config, source)
    indices = generator.indices(0)[:_NUM_GRID_IMAGES]
    images: NDArray[Any] = generator.batch(0)[0][:_NUM_GRID_IMAGES]
    if config.generator.dtype == "uint8":
        images = images / np.float32(255)
    for layer in augmentation_layers(config.trainer.augmentation):
        images = np.asarray(layer(images, training=True), dtype=np.float32)
    captions = [config.task.caption(source, int(index)) for index in indices]
    grid = image_grid(images, captions, "first training batch, as the model sees it")
    tracked.log_figure(grid, TRAINING_BATCH_NAME)
