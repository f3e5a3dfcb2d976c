"""`spoonful inspect`: look at every image of data/raw, or of any folder, and report."""

import re
from pathlib import Path

from spoonful.config.own_data import dataset_title
from spoonful.config.schema import Config
from spoonful.datasets import RawDataset
from spoonful.datasets.folder import AnyFolder
from spoonful.files.unfinished import unfinished_folder
from spoonful.project import inspect_dir, inspect_folder_dir, raw_dir, shown_path


def run(config: Config, folder: str | None = None) -> None:
    """Inspect data/raw into data/inspect; or a folder, of which nothing else is fetched or kept.

    Args:
        config: what data set is inspected; with a folder, it names that.
        folder: as on the command line; None: what `fetch` left in data/raw is inspected.
    """
    if folder is None:
        _inspect(config, config.dataset.open_raw(raw_dir()), inspect_dir())
        return
    name = re.sub(r"[^\w.-]", "_", dataset_title(config)).lstrip(".") or "folder"
    target = inspect_folder_dir(name)
    target.parent.mkdir(exist_ok=True)
    with unfinished_folder(target.with_name(f"list_of_{name}")) as listed:
        dataset = AnyFolder(**vars(config.dataset))
        dataset.fetch(listed / "raw")
        _inspect(config, dataset.open_raw(listed / "raw"), target)


def _inspect(config: Config, raw: RawDataset, target: Path) -> None:
    from spoonful.inspection import inspect
    from spoonful.inspection.gate import check_faults
    from spoonful.inspection.report import REPORT_NAME
    from spoonful.inspection.summary import lines_of
    from spoonful.inspection.table import TABLE_NAME, faults_of

    found = inspect(raw, target, config.dataset, dataset_title(config))
    for line in lines_of(found, is_here=True):
        print(line)
    print(f"report: {shown_path(target / REPORT_NAME)}")
    check_faults(raw, faults_of(target / TABLE_NAME), config.dataset, target)
