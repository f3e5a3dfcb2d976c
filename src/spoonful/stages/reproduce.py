"""`spoonful reproduce`: train a recorded run again, and report whether it is identical."""

import dataclasses
import sys

from spoonful.config.compose import compose_config
from spoonful.config.fields import AUTO
from spoonful.config.recorded import recorded_config
from spoonful.config.schema import Config, TrackingConfig
from spoonful.diff.inputs import hardware_of, other_hardware
from spoonful.diff.recorded_run import RecordedRun
from spoonful.errors import SpoonfulError
from spoonful.output import say
from spoonful.project import reproduce_dir
from spoonful.quiet import import_tensorflow
from spoonful.record.tags import COMMIT_TAG
from spoonful.secrets import to_type
from spoonful.stages.diff import DIFFERENT, differences_of
from spoonful.workflow.interrupted import remove_run_folder
from spoonful.workflow.job import Job, current_job
from spoonful.workflow.preconditions import not_as_recorded, overrides_of
from spoonful.workflow.training import train_and_record
from spoonful.workflow.unsent import end_if_unsent, settle_store

_AGAIN = " again"


def anyway(config: Config, run_id: str) -> None:
    """Train a run again with its recorded config, even if other inputs differ from the record."""
    run(config, run_id, is_forced=True)


def run(config: Config, run_id: str, is_forced: bool = False) -> None:
    """Train a run again if all its inputs match the record, or if that `is_forced`."""
    settle_store(config.tracking)
    from spoonful.tracking.recorded import read_run

    recorded_run = read_run(config.tracking, run_id)
    recorded = _config_of(recorded_run, config)
    found = not_as_recorded(recorded_run, recorded)
    if found and not is_forced:
        raise SpoonfulError(
            f"run {recorded_run.short_id} cannot be reproduced here, because this differs "
            f"from what was recorded: {'; '.join(found)}; add --anyway to train anyway"
        )
    for different in found:
        say(f"warning: not as recorded: {different}")
    _note_what_may_differ(recorded_run, recorded)
    again = train_and_record(
        _tracked_here(recorded, config.tracking, recorded_run),
        Job(
            overrides_of(recorded_run),
            recorded_run.tag("experiment"),
            sweep_dir=None,
            reproduces=recorded_run.run_id,
            typed=(*(["--anyway"] if is_forced else []), *current_job().overrides),
        ),
        reproduce_dir(recorded_run.run_id),
    )
    remove_run_folder(again.run_id)
    end_if_unsent(again.unsent)
    differences = differences_of(config, recorded_run, read_run(config.tracking, again.run_id))
    print(f"\n{differences.table()}\n{differences.reproduction_verdict}")
    if not differences.is_same_outcome:
        sys.exit(DIFFERENT)


def _config_of(run: RecordedRun, config: Config) -> Config:
    """Return the config that a finished run was trained with."""
    if not run.is_finished:
        command = ["spoonful", "train", *overrides_of(run), f"trainer.resume={run.run_id}"]
        raise SpoonfulError(
            f"run {run.run_id} is {run.status}: only a finished run can be reproduced; resume it "
            f"with {to_type(command)}, or choose another"
        )
    if run.config is None:
        raise SpoonfulError(
            f"run {run.run_id}: its config.yaml is not among its artifacts; bring the run's files "
            "back, or choose another"
        )
    try:
        present = compose_config(overrides_of(run))
    except SpoonfulError:  # named among the differences from the record
        present = config
    try:
        recorded = recorded_config(run.config, present)
    except SpoonfulError as error:
        raise SpoonfulError(
            f"run {run.run_id} has a config that this version does not know ({error}); check out "
            f"the commit that it was trained with: {run.tag(COMMIT_TAG) or 'none was recorded'}"
        ) from error
    trainer = dataclasses.replace(recorded.trainer, resume=AUTO)
    return dataclasses.replace(recorded, trainer=trainer)


def _tracked_here(recorded: Config, tracking: TrackingConfig, run: RecordedRun) -> Config:
    """Return the recorded config with the present tracking, beside the run it repeats."""
    return dataclasses.replace(
        recorded,
        tracking=dataclasses.replace(
            tracking,
            experiment_name=recorded.tracking.experiment_name,
            run_name=run.name.removesuffix(_AGAIN) + _AGAIN,
            tags={**recorded.tracking.tags, **tracking.tags},
        ),
    )


def _note_what_may_differ(run: RecordedRun, recorded: Config) -> None:
    """Print in advance what may change the last digits although all inputs match the record."""
    import_tensorflow()
    from spoonful.tracking.environment import hardware

    if other := other_hardware(hardware_of(run), hardware()):
        say(
            f"note: the run was trained on other hardware ({other}): where TensorFlow picks other "
            "kernels, the last digits differ"
        )
    if not recorded.trainer.deterministic:
        say("note: trainer.deterministic=false: TensorFlow may add up in another order each time")
