"""Train on the split data, save the model in a folder, record the run."""

import json
import shlex
from contextlib import nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from omegaconf import OmegaConf

from spoonful import progress
from spoonful.config.components import check_slow_targets
from spoonful.config.own_data import with_noted_path
from spoonful.config.schema import Config
from spoonful.config.settings import learning_settings, run_name
from spoonful.errors import SpoonfulError
from spoonful.files.content_hash import content_hash
from spoonful.files.tables import write_csv
from spoonful.files.whole import replaced_folder, write_json, write_text
from spoonful.quiet import import_tensorflow
from spoonful.record.files import CARD_NAME, CONFIG_NAME, HISTORY_NAME, LEDGER_NAME, MODEL_NAME
from spoonful.record.ledger import to_csv
from spoonful.record.metrics import VAL_METRICS
from spoonful.record.tags import PRUNED_TAG, TRAIN_KEY_TAG, UNREADABLE_TAG
from spoonful.sources import Source
from spoonful.sources.layout import layout_of
from spoonful.tracking.store import UnreachableError, prepare_store, where_recorded
from spoonful.workflow.changed_data import DataChange, change_tags
from spoonful.workflow.data import check_balance, open_train_and_val
from spoonful.workflow.folder_split import FileWatch
from spoonful.workflow.foreign_code import foreign_code
from spoonful.workflow.image_size import with_image_size
from spoonful.workflow.interrupted import RunFolder, Wanted, interrupted_run, new_run_folder
from spoonful.workflow.job import Job
from spoonful.workflow.shuffle_choice import agreed_choice, shuffle_choice, with_shuffle
from spoonful.workflow.train_record import (
    log_inputs,
    log_inspection,
    log_ledger,
    log_results,
    params_of_choices,
    run_tags,
)
from spoonful.workflow.train_words import (
    say_what_begins,
    say_what_came,
    say_what_is_chosen,
    told_how_to_resume,
    warn,
    warn_of_changes,
)
from spoonful.workflow.trained import IsHopeless, PrunedError, Trained
from spoonful.workflow.trained_model import train_key
from spoonful.workflow.unsent import settle_store

if TYPE_CHECKING:
    from spoonful.fitting.train import Training
    from spoonful.tracking.recording import TrackedRun


def train_and_record(
    config: Config, job: Job, out_dir: Path, is_hopeless: IsHopeless | None = None
) -> Trained:
    """Train, save the model in a folder, and record the run.

    The files for resuming the training stay until the caller has saved the results and removes
    them: a process killed in between trains nothing twice.

    Args:
        config: the whole config.
        job: recorded as the job that started the run.
        out_dir: where the model is saved.
        is_hopeless: called after each epoch; None: every epoch is trained.
    """
    asked = with_noted_path(config)
    config = with_image_size(asked)
    sources = open_train_and_val(config)
    _check_labels(config, *sources)
    is_there = _open_store(config, job)
    _import(config)
    from spoonful.tracking.finding import run_status
    from spoonful.tracking.run import tracked_run

    tags = run_tags(config, job)
    command = f"`{shlex.join(['spoonful', 'train', *job.overrides])}`"
    resume = config.trainer.resume if is_there else None
    status_of = partial(run_status, config.tracking)
    may_begin_later = job.sweep_dir is not None  # the server was up when the sweep began
    wanted = _wanted(config, job, sources)
    with interrupted_run(resume, wanted, status_of, warn) as resumed:
        run_id = None if resumed is None else resumed.run_id
        begun = None if resumed is None else resumed.choice
        choice = begun or wanted.choice
        config = with_shuffle(config, choice)
        name = job.name or run_name(config)
        if job.sweep_dir is None:  # else the sweep has said it
            say_what_is_chosen(asked, choice, is_begun=begun is not None)
        with (
            progress.doing("training"),
            tracked_run(config.tracking, name, tags, command, run_id, may_begin_later) as tracked,
            nullcontext(resumed) if resumed else new_run_folder(tracked.run_id, wanted) as folder,
            told_how_to_resume(job, folder),
        ):
            warn_of_changes(tracked, tags)
            log_inputs(tracked, config, job, sources, params_of_choices(asked, config, choice))
            log_inspection(tracked, config)
            trained = _trained(config, job, out_dir, sources, tracked, folder, is_hopeless)
    run = tracked.run_id if tracked.has_id else "not known while the tracking server is away"
    say_what_came(trained, name, f"{VAL_METRICS}{config.task.score}", run, out_dir)
    return replace(trained, unsent=tracked.unsent)


def _import(config: Config) -> None:
    """Do the slow imports, check and make known what the config names in them, and warn."""
    import_tensorflow()
    from spoonful.fitting.custom_objects import make_known
    from spoonful.tracking.environment import code_from_elsewhere

    check_slow_targets([config])
    make_known(foreign_code(config))
    if (elsewhere := code_from_elsewhere()) is not None:
        warn(elsewhere)


def _open_store(config: Config, job: Job) -> bool:
    """Print where the run is recorded; return whether it can be now, or else later."""
    if job.sweep_dir is None:
        print(f"recording in {where_recorded(config.tracking, job.overrides)}", flush=True)
    try:
        prepare_store(config.tracking, is_to_be_written=True)
    except UnreachableError:
        if job.sweep_dir is None:  # else it was up when the sweep began
            raise
        return False
    settle_store(config.tracking)
    return True


def _trained(
    config: Config,
    job: Job,
    out_dir: Path,
    sources: tuple[Source, Source],
    tracked: "TrackedRun",
    folder: RunFolder,
    is_hopeless: IsHopeless | None,
) -> Trained:
    """Fit, save the model, and record both; if pruned, only the run is kept."""
    try:
        training = _fit(config, job, sources, tracked, folder, is_hopeless)
    except PrunedError as pruned:
        tracked.set_tags({PRUNED_TAG: str(pruned.epoch)})
        return Trained(tracked.run_id, pruned.metrics, pruned.epoch, pruned_after=pruned.epoch)
    with progress.doing("recording the model"):
        key = _save(out_dir, config, training, sources)
        tracked.set_tags({TRAIN_KEY_TAG: key})
        log_ledger(tracked, training.ledger)
        log_results(tracked, config, training, sources[0])
    best = training.best_epoch
    return Trained(tracked.run_id, training.history[best - 1], best)


def _check_labels(config: Config, train_source: Source, val_source: Source) -> None:
    if train_source.class_names != val_source.class_names:
        different = sorted(set(train_source.class_names) ^ set(val_source.class_names))
        raise SpoonfulError(
            f"the train and val splits have different classes ({', '.join(different)}): "
            "run `spoonful split` again"
        )
    if (doubled := check_balance(config, train_source)) is not None:
        warn(doubled)


def _wanted(config: Config, job: Job, sources: tuple[Source, Source]) -> Wanted:
    """Return the training that is asked for, with an order for generator.shuffle=auto."""
    choice = job.choice or shuffle_choice(config, sources)
    if choice is not None and job.choice is None and job.point is not None:
        choice = agreed_choice(config.tracking, job.point.parent_id, choice)
    layout = {name: layout_of(s) for name, s in zip(("train", "val"), sources, strict=True)}
    identity = _identity(with_shuffle(config, choice), job, sources)
    return Wanted(identity, layout, config.trainer.accept_changed_data, choice)


def _identity(config: Config, job: Job, sources: tuple[Source, Source]) -> dict[str, Any]:
    """Return what determines the bits of a run and its purpose, as read back from JSON."""
    identity = {
        "settings": learning_settings(config),
        "reproduces": job.reproduces,
        "sweep": None if job.point is None else job.point.parent_id,
        "fingerprint": _fingerprints(sources),
        **({"code": code} if (code := foreign_code(config)) else {}),
    }
    return dict(json.loads(json.dumps(identity)))


def _fingerprints(sources: tuple[Source, Source]) -> dict[str, str]:
    return {"train": sources[0].fingerprint, "val": sources[1].fingerprint}


def _fit(
    config: Config,
    job: Job,
    sources: tuple[Source, Source],
    tracked: "TrackedRun",
    folder: RunFolder,
    is_hopeless: IsHopeless | None,
) -> "Training":
    from spoonful.fitting.epoch_result import EpochResult
    from spoonful.fitting.fit import Resuming
    from spoonful.fitting.interruption import interruption
    from spoonful.fitting.train import train
    from spoonful.generator.read_errors import ReadError

    def on_epoch(result: EpochResult) -> None:
        files.check_epoch()
        tracked.log_metrics(result.tracked_metrics(), step=result.epoch)
        if is_hopeless is not None and is_hopeless(result.epoch, result.metrics):
            raise PrunedError(result.epoch, result.metrics)

    _warn_of_slow_precision(config)
    start = folder.checkpoints.newest(warn) if folder.is_resumed else None
    files = FileWatch(config, sources, folder.checkpoints, -1 if start is None else start.step)
    folder = _with_change(folder, 0 if start is None else start.step)
    folder.write()
    tracked.set_tags(change_tags(folder.changes))
    say_what_begins(config, job.name or run_name(config), sources[0], folder, start)
    facts = {"run_id": tracked.run_id, "identity": folder.identity}
    with interruption(tracked.mark_killed) as stop:
        resuming = Resuming(
            folder.checkpoints,
            start,
            stop,
            lambda rows: log_ledger(tracked, rows),
            facts,
            warn,
            [change.left["train"] for change in folder.changes],
        )
        try:
            training = train(config, *sources, on_epoch, resuming)
            files.check()
            return training
        except ReadError:
            step = max(folder.checkpoints.steps(), default=0)
            tracked.set_tags({UNREADABLE_TAG: str(step)})
            folder.write(is_unreadable=step > 0)  # with no step done, a new run loses nothing
            raise


def _warn_of_slow_precision(config: Config) -> None:
    from spoonful.fitting.modes import emulates_bfloat16

    if config.trainer.precision == "mixed_bfloat16" and emulates_bfloat16():
        warn(
            "trainer.precision=mixed_bfloat16: this processor has no bfloat16 (amx_bf16 or "
            "avx512_bf16), which makes training many times slower than trainer.precision=float32"
        )


def _with_change(folder: RunFolder, step: int) -> RunFolder:
    """Return the folder of a run that continues at a step, with the change of its data, if any."""
    if folder.left is None:
        return folder
    change = DataChange(step, folder.left, folder.identity["fingerprint"])
    return replace(folder, changes=[*folder.changes, change], left=None)


def _save(
    out_dir: Path, config: Config, training: "Training", sources: tuple[Source, Source]
) -> str:
    """Save the model and its inputs, the same bytes for the same run; return its key."""
    from spoonful.fitting.model_file import save_model

    with replaced_folder(out_dir) as folder:
        save_model(training.model, folder / MODEL_NAME)
        write_text(folder / CONFIG_NAME, OmegaConf.to_yaml(learning_settings(config)))
        names = list(training.history[0])
        epochs = enumerate(training.history, start=1)
        rows = ([epoch, *(metrics[name] for name in names)] for epoch, metrics in epochs)
        write_csv(folder / HISTORY_NAME, ["epoch", *names], rows)
        write_text(folder / LEDGER_NAME, to_csv(training.ledger))
        card: dict[str, Any] = {
            "class_names": list(sources[0].class_names),
            "source": learning_settings(config)["source"],
            "input": config.source.settings(config),
            "code": foreign_code(config),
            "best_epoch": training.best_epoch,
            "fingerprints": _fingerprints(sources),
            "sha256": content_hash(folder / MODEL_NAME),
        }
        key = train_key(learning_settings(config), card)
        write_json(folder / CARD_NAME, {**card, TRAIN_KEY_TAG: key})
    return key
