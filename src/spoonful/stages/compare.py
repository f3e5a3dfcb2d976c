"""`spoonful compare`: compare the runs of a sweep."""

from pathlib import Path

from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.files.tables import check_place
from spoonful.files.whole import replaced_folder
from spoonful.project import compare_dir, project_root, shown_path
from spoonful.record.files import REPORT_NAME
from spoonful.workflow.unsent import end_if_unsent, settle_store


def run(config: Config) -> None:
    """Compare the points of a sweep; write tables and report, and add them to the sweep's run."""
    settle_store(config.tracking)
    from spoonful.compare.points import group_by_point
    from spoonful.compare.publish import publish
    from spoonful.compare.report import findings, write_report
    from spoonful.compare.tables import points_text
    from spoonful.tracking.sweeps import log_comparison, read_sweep

    wanted = config.compare
    sweep = read_sweep(config.tracking, wanted.sweep, wanted.metric, wanted.mode)
    published = None if wanted.publish is None else _published(wanted.publish, sweep.name)
    study = group_by_point(sweep)
    if not study.points:
        reasons = sorted({missing.reason for missing in study.missing}) or ["it has no runs"]
        raise SpoonfulError(
            f"sweep {sweep.name} ({sweep.run_id}): no run of it has finished with a "
            f"{sweep.score.metric} ({', '.join(reasons)}); continue the sweep, or choose another "
            "with compare.sweep=ID"
        )
    found = findings(study, wanted.level)
    with replaced_folder(compare_dir()) as folder:
        write_report(folder, found)
    unsent = log_comparison(config.tracking, sweep.run_id, compare_dir())
    if published is not None:
        publish(published, compare_dir(), found)
    print(f"sweep {sweep.name}, run {sweep.run_id}\n")
    print(points_text(study), end="\n\n")
    for sentence in found.words():
        print(sentence)
    for missing in sorted(study.missing, key=lambda missing: missing.is_pruned):
        print(missing.words if missing.is_pruned else f"without a result: {missing.words}")
    if study.num_unknown:
        print(f"without a result: {study.num_unknown} more that never began")
    print(f"curves: {sweep.points_url}{'' if sweep.is_served else ' (after `spoonful ui`)'}")
    print(f"report: {shown_path(compare_dir() / REPORT_NAME)}")
    end_if_unsent(unsent)


def _published(folder: str, name: str) -> Path:
    """Return the folder to publish in: in the project, with a place for the sweep."""
    from spoonful.compare.publish import README_NAME

    path = (project_root() / folder).resolve()
    if not path.is_relative_to(project_root()):
        raise SpoonfulError(
            f"compare.publish={folder}: expected a folder in {project_root()}, such as "
            "experiments/batch_size_shuffle"
        )
    check_place(path / README_NAME, name)
    return path
