"""`spoonful train`: train on the split data, save the model in models/train, record the run."""

import re
from dataclasses import replace

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.project import sweeps_dir, train_dir
from spoonful.quiet import import_tensorflow
from spoonful.workflow.interrupted import remove_run_folder
from spoonful.workflow.job import Job, SweepPoint, current_job
from spoonful.workflow.train_record import sweep_tags, task_tags
from spoonful.workflow.trained import Trained
from spoonful.workflow.training import train_and_record
from spoonful.workflow.unsent import end_if_unsent

_FOLDER_NAME = re.compile(r"\w[\w.=-]*")


def run(config: Config) -> None:
    """Train as configured and record the run in MLflow."""
    job = current_job()
    if config.sweep.point is None:
        trained = train_and_record(config, job, train_dir())
    else:
        trained = _train_point(config, job, config.sweep.point)
    remove_run_folder(trained.run_id)
    end_if_unsent(trained.unsent)


def _train_point(config: Config, job: Job, point: str) -> Trained:
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

    tags = {**sweep_tags(job.experiment, job.overrides), **task_tags(config)}
    parent_id = named_parent(config.tracking, name, tags)
    with one_point(config.tracking, parent_id):
        of_sweep = replace(job, point=SweepPoint(parent_id, point))
        return train_and_record(config, of_sweep, sweeps_dir() / name / point)
