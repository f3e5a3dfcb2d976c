"""`spoonful train`: train on the split data, leave the model in models/train, record the run."""

import csv
import io
import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from spoonful.checkpoints.checkpoint import Checkpoint
from spoonful.config.schema import Config
from spoonful.config.settings import learning_settings, run_name
from spoonful.errors import SpoonfulError
from spoonful.files import replaced_folder, write_json, write_text
from spoonful.ledger import to_csv
from spoonful.project import shown_path, sweeps_dir, train_dir
from spoonful.quiet import import_tensorflow
from spoonful.sources.content_hash import content_hash
from spoonful.stages.data import SplitSource, open_train_and_val, packed_settings
from spoonful.stages.interrupted import RunFolder, interrupted_run, new_run_folder
from spoonful.stages.job import Job, SweepPoint, current_job
from spoonful.stages.train_record import (
    LEDGER_NAME,
    log_inputs,
    log_ledger,
    log_results,
    run_tags,
    sweep_tags,
)
from spoonful.stages.trained_model import CARD_NAME, CONFIG_NAME, MODEL_NAME, train_key
from spoonful.tracking.store import prepare_store

if TYPE_CHECKING:
    from spoonful.fitting.train import Training
    from spoonful.tracking.recording import TrackedRun

HISTORY_NAME = "history.csv"
_FOLDER_NAME = re.compile(r"\w[\w.=-]*")


@dataclass(frozen=True)
class Trained:
    """A training that has finished.

    Attributes:
        run_id: its run in MLflow.
        metrics: of the epoch whose weights were kept.
    """

    run_id: str
    metrics: dict[str, float]


def run(config: Config) -> None:
    """Train as configured and record the run in MLflow."""
    job = current_job()
    if config.sweep.point is None:
        train_and_record(config, job, train_dir())
    else:
        _train_point(config, job, config.sweep.point)


def _train_point(config: Config, job: Job, point: str) -> None:
    """Train a point of a sweep that is known by its name."""
    name = config.sweep.run_name
    if name is None:
        raise SpoonfulError(f"sweep.point={point}: give sweep.run_name, too: its sweep's name")
    for key, value in (("sweep.run_name", name), ("sweep.point", point)):
        if not _FOLDER_NAME.fullmatch(value):
            raise SpoonfulError(
                f"{key}={value}: expected the name of a folder, of letters, figures, '.', '_', "
                "'-' and '='"
            )
    import_tensorflow()
    from spoonful.tracking.parent import named_parent, one_point

    parent_id = named_parent(config.tracking, name, sweep_tags(job.experiment, job.overrides))
    with one_point(config.tracking, parent_id):
        of_sweep = replace(job, point=SweepPoint(parent_id, point))
        train_and_record(config, of_sweep, sweeps_dir() / name / point)


def train_and_record(config: Config, job: Job, out_dir: Path) -> Trained:
    """Train, leave the model in a folder, and record the run.

    Args:
        config: the whole config.
        job: what the run is recorded to have been started with.
        out_dir: where the model is left.
    """
    train_source, val_source = open_train_and_val(config)
    _check_same_classes(train_source, val_source)
    prepare_store(config.tracking)  # a server that is not there shows before the slow imports
    import_tensorflow()
    from spoonful.tracking.run import run_status, tracked_run

    name = job.name or run_name(config)
    tags = run_tags(config, job)
    command = f"`{shlex.join(['spoonful', 'train', *job.overrides])}`"
    identity = _identity(config, job, train_source, val_source)
    with interrupted_run(
        config.trainer.resume, identity, lambda run_id: run_status(config.tracking, run_id), _warn
    ) as resumed:
        run_id = None if resumed is None else resumed.run_id
        with (
            tracked_run(config.tracking, name, tags, command, run_id) as tracked,
            nullcontext(resumed) if resumed else new_run_folder(tracked.run_id, identity) as folder,
        ):
            _warn_of_changes(tracked, tags)
            log_inputs(tracked, config, job, train_source, val_source)
            training = _fit(config, job, train_source, val_source, tracked, folder)
            train_key = _save(out_dir, config, training, train_source, val_source)
            tracked.set_tags({"train_key": train_key})
            log_ledger(tracked, training.ledger)
            log_results(tracked, config, training, train_source)
        folder.remove()
    last = training.history[training.best_epoch - 1]
    print(
        f"trained {name}: val_accuracy {last['val_accuracy']:.4f} (epoch {training.best_epoch}), "
        f"run {tracked.run_id}, model in {shown_path(out_dir)}",
        flush=True,
    )
    return Trained(tracked.run_id, last)


def _check_same_classes(train_source: SplitSource, val_source: SplitSource) -> None:
    if train_source.class_names != val_source.class_names:
        different = sorted(set(train_source.class_names) ^ set(val_source.class_names))
        raise SpoonfulError(
            f"the train and val splits have different classes ({', '.join(different)}): "
            "run `spoonful split` again"
        )


def _identity(
    config: Config, job: Job, train_source: SplitSource, val_source: SplitSource
) -> dict[str, Any]:
    """Return what decides the bits of a run and what it is for, as JSON gives it back."""
    identity = {
        "settings": learning_settings(config),
        "reproduces": job.reproduces,
        "sweep": None if job.point is None else job.point.parent_id,
        "fingerprint": {"train": train_source.fingerprint, "val": val_source.fingerprint},
    }
    return dict(json.loads(json.dumps(identity)))


def _warn(text: str) -> None:
    print(f"spoonful: warning: {text}", file=sys.stderr, flush=True)


def _warn_of_changes(tracked: "TrackedRun", tags: dict[str, str]) -> None:
    """Say what has changed since the run began that its bits may depend on."""
    if tracked.recorded is None:
        return
    from spoonful.tracking.run import changed_tags

    for name, (then, now) in changed_tags(tracked.recorded.data.tags, tags).items():
        _warn(f"this run began with {name} {then}, now it is {now}: its bits may differ")


def _fit(
    config: Config,
    job: Job,
    train_source: SplitSource,
    val_source: SplitSource,
    tracked: "TrackedRun",
    folder: RunFolder,
) -> "Training":
    from spoonful.fitting.fit import Resuming
    from spoonful.fitting.interruption import interruption
    from spoonful.fitting.modes import emulates_bfloat16
    from spoonful.fitting.report import EpochReport
    from spoonful.fitting.train import train

    def on_epoch(report: EpochReport) -> None:
        tracked.log_metrics(report.tracked_metrics(), step=report.epoch)

    if config.trainer.precision == "mixed_bfloat16" and emulates_bfloat16():
        _warn(
            "trainer.precision=mixed_bfloat16: this processor has no bfloat16 (amx_bf16 or "
            "avx512_bf16), which makes training many times slower than trainer.precision=float32"
        )
    start = folder.checkpoints.newest(_warn) if folder.is_resumed else None
    _say_what_begins(config, job.name or run_name(config), train_source, folder, start)
    facts = {"run_id": tracked.run_id, "identity": folder.identity}
    with _told_how_to_resume(job, folder), interruption(tracked.mark_killed) as stop:
        resuming = Resuming(
            folder.checkpoints, start, stop, lambda rows: log_ledger(tracked, rows), facts
        )
        return train(config, train_source, val_source, on_epoch, resuming)


def _say_what_begins(
    config: Config,
    name: str,
    source: SplitSource,
    folder: RunFolder,
    start: Checkpoint | None,
) -> None:
    if not folder.is_resumed:
        print(f"training {name} on {len(source):,} images", flush=True)
        return
    step = 0 if start is None else start.step
    epoch = 1 if start is None else start.state["epoch"] + 1
    where = f"epoch {min(epoch, config.trainer.epochs)}/{config.trainer.epochs}"
    print(f"resuming {name}, run {folder.run_id}, after step {step:,} ({where})", flush=True)


@contextmanager
def _told_how_to_resume(job: Job, folder: RunFolder) -> Iterator[None]:
    """Say how to go on with a run that the user ended."""
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        steps, command = folder.checkpoints.steps(), job.command_to_go_on(folder.run_id)
        after = f"spoonful: ended after step {steps[-1] if steps else 0:,}"
        how = "" if command is None else f"; go on with\n  {command}"
        print(after + how, file=sys.stderr, flush=True)
        raise


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
        write_text(folder / LEDGER_NAME, to_csv(training.ledger))
        card: dict[str, Any] = {
            "class_names": list(train_source.class_names),
            "input": {"source": config.generator.name, **packed_settings(config)},
            "best_epoch": training.best_epoch,
            "fingerprints": {"train": train_source.fingerprint, "val": val_source.fingerprint},
            "sha256": content_hash(folder / MODEL_NAME),
        }
        key = train_key(learning_settings(config), card)
        write_json(folder / CARD_NAME, {**card, "train_key": key})
    return key


def _history_csv(history: list[dict[str, float]]) -> str:
    text = io.StringIO()
    names = list(history[0])
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["epoch", *names])
    writer.writerows([epoch, *(h[n] for n in names)] for epoch, h in enumerate(history, start=1))
    return text.getvalue()
