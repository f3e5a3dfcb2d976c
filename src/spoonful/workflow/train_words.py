"""What `train` prints about a training besides its epochs."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from spoonful import progress
from spoonful.config.fields import AUTO
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.fitting.checkpoints.checkpoint import Checkpoint
from spoonful.output import say, say_last
from spoonful.project import shown_path
from spoonful.refusals import AGAIN, refusal_in
from spoonful.sources import Source
from spoonful.workflow.image_size import size_lines, sizes_in
from spoonful.workflow.interrupted import RunFolder
from spoonful.workflow.job import Job
from spoonful.workflow.shuffle_choice import ShuffleChoice
from spoonful.workflow.split_files import read_summary
from spoonful.workflow.trained import Trained

if TYPE_CHECKING:
    from spoonful.tracking.recording import TrackedRun


def warn(text: str) -> None:
    """Warn about something that does not stop training."""
    say(f"warning: {text}")


def warn_of_changes(tracked: "TrackedRun", tags: Mapping[str, str]) -> None:
    """Print changes since the run began that may affect its bits."""
    if tracked.recorded is None:
        return
    from spoonful.tracking.run import changed_tags

    for name, (then, now) in changed_tags(tracked.recorded.data.tags, tags).items():
        warn(f"this run began with {name} {then}, now it is {now}: its bits may differ")


def say_what_begins(
    config: Config,
    name: str,
    source: Source,
    folder: RunFolder,
    start: Checkpoint | None,
) -> None:
    """Print what is trained, and where a run is resumed."""
    if not folder.is_resumed:
        progress.result(f"training {name} on {len(source):,} images{_limits(config, len(source))}")
        return
    if start is not None and start.state["is_finished"]:
        print(
            f"{name}, run {folder.run_id} has finished training: its model is put in place",
            flush=True,
        )
        return
    step = 0 if start is None else start.step
    epoch = 1 if start is None else start.state["epoch"] + 1
    where = f"epoch {min(epoch, config.trainer.epochs)}/{config.trainer.epochs}"
    progress.result(f"resuming {name}, run {folder.run_id}, after step {step:,} ({where})")


def say_what_is_chosen(
    asked: Config, choice: ShuffleChoice | None, *, is_begun: bool = False
) -> None:
    """Print what stands for the keys that say auto, and whether images are enlarged.

    Args:
        asked: the config as composed.
        choice: what was chosen for generator.shuffle=auto, if it is asked for.
        is_begun: it was chosen when the run that is resumed began.
    """
    sizes = None if asked.source.data_dir is None else sizes_in(read_summary())
    for line in size_lines(asked, sizes):
        print(line, flush=True)
    if choice is not None and asked.generator.shuffle == AUTO:
        print(choice.line + (" (when the run began)" if is_begun else ""), flush=True)


def _limits(config: Config, num_images: int) -> str:
    """Say that a training is only a quick look; else nothing."""
    from spoonful.generator.steps import Steps

    settings, max_steps = config.generator, config.trainer.max_steps_per_epoch
    whole = Steps(num_images, settings.batch_size, settings.drop_remainder, 0, 1).per_epoch
    limits = {
        "dataset.max_images_per_class": config.dataset.max_images_per_class,
        "trainer.max_steps_per_epoch": (
            max_steps if max_steps is not None and max_steps < whole else None
        ),
    }
    given = ", ".join(f"{key}={value}" for key, value in limits.items() if value is not None)
    return f" (a quick look: {given})" if given else ""


def say_what_came(trained: Trained, name: str, score: str, run: str, out_dir: Path) -> None:
    """Print how a training ended, and where its model is."""
    if trained.pruned_after is not None:
        progress.result(f"pruned {name} after epoch {trained.pruned_after}, run {run}")
        return
    progress.result(
        f"trained {name}: {score} {trained.metrics[score]:.4f} "
        f"(epoch {trained.best_epoch}), run {run}, model in {shown_path(out_dir)}"
    )


@contextmanager
def told_how_to_resume(job: Job, folder: RunFolder) -> Iterator[None]:
    """Print how to resume a run that the user ended, that ran out of space or met bad data.

    Raises:
        SpoonfulError: an error of the system or of the data, with the command in it.
    """
    command = job.command_to_go_on(folder.run_id)
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        steps = folder.checkpoints.steps()
        after = f"spoonful: ended after step {steps[-1] if steps else 0:,}"
        how = "" if command is None else f"; resume it with\n  {command}"
        say_last(after + how)
        raise
    except Exception as error:
        if (told := _told_of_bad_data(error, command, folder)) is not None:
            raise SpoonfulError(told) from error
        words = refusal_in(error)
        steps = folder.checkpoints.steps()
        if words is None or command is None or not steps:
            raise
        what = str(error) if isinstance(error, SpoonfulError) else words
        resume = f"resume after step {steps[-1]:,} with `{command}`"
        told = what.replace(AGAIN, resume) if AGAIN in what else f"{what}; then {resume}"
        raise SpoonfulError(told) from error


def _how_to_mend(num_steps: int, command: str | None) -> str:
    """Return what lets a run continue that has ended at an image which cannot be read.

    Args:
        num_steps: steps that were done and are kept.
        command: resumes the run; None: the run is a point of a sweep.
    """
    remake = "run `spoonful fetch` and `spoonful split` (and `spoonful pack` for source=packed)"
    if command is None:
        return (
            f"this point has ended with {num_steps:,} steps done: with the same file from a "
            "backup, the same command continues the sweep; a sweep compares settings on the same "
            f"data, so with another image, or without it, {remake}, and the same command begins a "
            "new sweep"
        )
    if not num_steps:
        return (
            "the run has ended before its first step, so there is nothing to resume: bring back "
            f"the file, replace or remove it, {remake}, and train again"
        )
    return (
        f"the run has ended with {num_steps:,} steps done, which are kept: with the same file from "
        f"a backup, continue with `{command}`; with another image under its name, {remake} first, "
        "and add trainer.accept_changed_data=true; without the image only a new run can begin, "
        "with trainer.resume=null"
    )


def _told_of_bad_data(error: Exception, command: str | None, folder: RunFolder) -> str | None:
    """Return the words for data that cannot be read or trusted; None: it is something else."""
    from spoonful.generator.read_errors import ReadError
    from spoonful.sources.packed.check import ShardChangedError
    from spoonful.workflow.folder_split import REMEDY

    step = max(folder.checkpoints.steps(), default=0)
    how = "the same command again" if command is None else f"`{command}`"
    if isinstance(error, ReadError):
        return f"{str(error).replace(REMEDY, '')}; {_how_to_mend(step, command)}"
    if isinstance(error, ShardChangedError):
        where = f"with the {step:,} steps before it that are sound" if step else "from its start"
        return (
            f"{error}; what was read of it may also be wrong: the run continues {where}, by {how}"
        )
    return None
