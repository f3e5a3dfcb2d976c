"""`spoonful train`: train on the split data, leave the model in models/train, record the run."""

import csv
import dataclasses
import hashlib
import io
import json
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from numpy.typing import NDArray
from omegaconf import OmegaConf

from spoonful.config.schema import Config
from spoonful.config.settings import flattened, learning_settings, run_name
from spoonful.errors import SpoonfulError
from spoonful.files import replaced_folder, write_json, write_text
from spoonful.project import packed_dir, shown_path, split_dir, train_dir
from spoonful.quiet import import_tensorflow
from spoonful.sources.content_hash import content_hash
from spoonful.stages.data import SplitSource, open_train_and_val, packed_settings
from spoonful.stages.job import Job, current_job
from spoonful.tracking.store import prepare_store

if TYPE_CHECKING:
    from spoonful.fitting.train import Training
    from spoonful.tracking.run import TrackedRun

MODEL_NAME = "model.keras"
CARD_NAME = "model.json"
CONFIG_NAME = "config.yaml"
HISTORY_NAME = "history.csv"
_NUM_EXAMPLES = 2
_NUM_GRID_IMAGES = 25


def run(config: Config) -> None:
    """Train as configured and record the run in MLflow."""
    train_source, val_source = open_train_and_val(config)
    _check_same_classes(train_source, val_source)
    prepare_store(config.tracking)  # a server that is not there shows before the slow imports
    import_tensorflow()
    from spoonful.tracking.run import tracked_run

    job = current_job()
    out_dir = train_dir() if job.sweep_dir is None else job.sweep_dir
    command = shlex.join(["spoonful", "train", *job.overrides])
    name = run_name(config)
    print(f"training {name} on {len(train_source):,} images", flush=True)
    with tracked_run(config.tracking, name, _tags(config, job), f"`{command}`") as tracked:
        _log_inputs(tracked, config, job, train_source, val_source)
        training = _fit(config, train_source, val_source, tracked)
        train_key = _save(out_dir, config, training, train_source, val_source)
        tracked.set_tags({"train_key": train_key})
        _log_results(tracked, config, training, train_source)
    last = training.history[training.best_epoch - 1]
    print(
        f"trained {name}: val_accuracy {last['val_accuracy']:.4f} (epoch {training.best_epoch}), "
        f"run {tracked.run_id}, model in {shown_path(out_dir)}",
        flush=True,
    )


def _check_same_classes(train_source: SplitSource, val_source: SplitSource) -> None:
    if train_source.class_names != val_source.class_names:
        different = sorted(set(train_source.class_names) ^ set(val_source.class_names))
        raise SpoonfulError(
            f"the train and val splits have different classes ({', '.join(different)}): "
            "run `spoonful split` again"
        )


def _tags(config: Config, job: Job) -> dict[str, str]:
    from spoonful.tracking.environment import code_version, hardware, package_versions

    return {
        **code_version(),
        **package_versions(),
        **hardware(),
        "overrides": shlex.join(job.overrides),
        "experiment": job.experiment or "none",
        "dataset": config.dataset.name,
        "model": config.model.name,
        "optimizer": config.optimizer.name,
        **({"sweep": job.sweep_dir.parent.name} if job.sweep_dir is not None else {}),
        **config.tracking.tags,
    }


def _log_inputs(
    tracked: "TrackedRun",
    config: Config,
    job: Job,
    train_source: SplitSource,
    val_source: SplitSource,
) -> None:
    """Record all that decides the run, before it begins."""
    from spoonful.tracking.environment import dvc_hash, full_environment

    tracked.log_params(flattened(config))
    tracked.log_text(OmegaConf.to_yaml(dataclasses.asdict(config)), CONFIG_NAME)
    tracked.log_text("\n".join(job.overrides), "overrides.txt")
    tracked.log_dict(full_environment(), "environment.json")
    folder = packed_dir() if config.generator.name == "packed" else split_dir()
    data_hash = dvc_hash(folder)
    tracked.set_tags({f"dvc.data_{folder.name}": data_hash})
    sources = {"train": (train_source, "training"), "val": (val_source, "validation")}
    for split, (source, context) in sources.items():
        tracked.log_dataset(
            f"{config.dataset.name}/{split}",
            folder / split,
            source.fingerprint,
            data_hash,
            context,
        )
        tracked.set_tags({f"fingerprint.{split}": source.fingerprint})


def _fit(
    config: Config, train_source: SplitSource, val_source: SplitSource, tracked: "TrackedRun"
) -> "Training":
    from spoonful.fitting.report import EpochReport
    from spoonful.fitting.train import train

    def on_epoch(report: EpochReport) -> None:
        tracked.log_metrics({**report.metrics, **report.performance()}, step=report.epoch)

    return train(config, train_source, val_source, on_epoch)


def _save(
    out_dir: Path,
    config: Config,
    training: "Training",
    train_source: SplitSource,
    val_source: SplitSource,
) -> str:
    """Leave the model and what it was made from; the same bytes for the same run.

    Returns:
        The key by which `evaluate` finds the run: a digest of the files left.
    """
    from spoonful.fitting.model_file import save_model

    with replaced_folder(out_dir) as folder:
        save_model(training.model, folder / MODEL_NAME)
        write_text(folder / CONFIG_NAME, OmegaConf.to_yaml(learning_settings(config)))
        write_text(folder / HISTORY_NAME, _history_csv(training.history))
        card: dict[str, Any] = {
            "class_names": list(train_source.class_names),
            "input": {"source": config.generator.name, **packed_settings(config)},
            "best_epoch": training.best_epoch,
            "fingerprints": {"train": train_source.fingerprint, "val": val_source.fingerprint},
            "sha256": content_hash(folder / MODEL_NAME),
        }
        settings = json.dumps(learning_settings(config), sort_keys=True)
        key = hashlib.sha256((settings + json.dumps(card, sort_keys=True)).encode()).hexdigest()
        write_json(folder / CARD_NAME, {**card, "train_key": key})
    return key


def _log_results(
    tracked: "TrackedRun", config: Config, training: "Training", source: SplitSource
) -> None:
    """Record the model and what a person wants to see of the training."""
    from spoonful.figures import learning_curves

    best = training.history[training.best_epoch - 1]
    tracked.log_metrics({f"best_{n}": v for n, v in best.items() if n.startswith("val_")})
    tracked.log_metrics({"best_epoch": training.best_epoch})
    tracked.set_tags({"jit_compile": str(training.jit_compile).lower()})
    curves = learning_curves(training.history, training.best_epoch)
    tracked.log_figure(curves, "figures/learning_curves.png")
    _log_batch_grid(tracked, config, source)
    example: NDArray[Any] = source.read(range(min(_NUM_EXAMPLES, len(source))))
    if config.generator.dtype == "float32":
        example = example / example.dtype.type(255)
    tracked.log_model(training.model, example, source.class_names)


def _log_batch_grid(tracked: "TrackedRun", config: Config, source: SplitSource) -> None:
    """Record the first batch as the model's first layers see it: scaled and augmented.

    The augmentation layers are made anew: the model's own must not move on by a batch.
    """
    import numpy as np

    from spoonful.figures import image_grid
    from spoonful.fitting.train import training_generator
    from spoonful.models.build import augmentation_layers

    indices = training_generator(config, source).indices(0)[:_NUM_GRID_IMAGES]
    images = source.read(indices) / np.float32(255)
    for layer in augmentation_layers(config.trainer.augmentation):
        images = np.asarray(layer(images, training=True), dtype=np.float32)
    captions = [source.class_names[source.labels[index]] for index in indices]
    grid = image_grid(images, captions, "first training batch, as the model sees it")
    tracked.log_figure(grid, "figures/training_batch.png")


def _history_csv(history: list[dict[str, float]]) -> str:
    text = io.StringIO()
    names = list(history[0])
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *names])
    writer.writerows([epoch, *(h[n] for n in names)] for epoch, h in enumerate(history, start=1))
    return text.getvalue()
