"""`spoonful inspect`: look at every image of data/raw, or of any folder, and report."""

from collections.abc import Mapping
from pathlib import Path

from spoonful.config.own_data import dataset_title
from spoonful.config.schema import Config
from spoonful.datasets import RawDataset
from spoonful.datasets.folder import AnyFolder
from spoonful.errors import SpoonfulError
from spoonful.files.unfinished import remove_leftovers_in, unfinished_folder
from spoonful.project import inspect_dir, inspect_folder_dir, raw_dir, shown_path


def run(config: Config, folder: str | None = None) -> None:
    """Inspect data/raw into data/inspect; or a folder, of which nothing else is fetched or kept.

    Args:
        config: what data set is inspected; with a folder, it names that.
        folder: as on the command line; None: what `fetch` left in data/raw is inspected.

    Raises:
        SpoonfulError: no such folder, no images in it, or images that cannot be read.
    """
    if folder is None:
        _inspect(config, config.dataset.open_raw(raw_dir()), inspect_dir(), {})
        return
    if not folder:
        raise SpoonfulError(
            "inspect '': an empty name, expected a folder of images; give its path, or . for the "
            "current folder"
        )
    from spoonful.inspection.report_folder import NOTE_NAME, note_of, report_folder

    dataset = AnyFolder(**vars(config.dataset))
    inspected = Path(str(dataset.path)).expanduser().resolve()
    target = report_folder(inspected)
    target.parent.mkdir(exist_ok=True)
    remove_leftovers_in(target.parent, inspect_folder_dir("").name)
    # One name for all folders: what a killed inspection left, the next one of any folder removes.
    with unfinished_folder(target.with_name("inspecting")) as listed:
        dataset.fetch(listed / "raw")
        raw = dataset.open_raw(listed / "raw")
        _inspect(config, raw, target, {NOTE_NAME: note_of(inspected)})


def _inspect(config: Config, raw: RawDataset, target: Path, notes: Mapping[str, str]) -> None:
    from spoonful.inspection import inspect
    from spoonful.inspection.gate import check_faults
    from spoonful.inspection.report import REPORT_NAME
    from spoonful.inspection.summary import lines_of
    from spoonful.inspection.table import TABLE_NAME, faults_of

    found = inspect(raw, target, config.dataset, dataset_title(config), notes)
    for line in lines_of(found, is_here=True):
        print(line)
    print(f"report: {shown_path(target / REPORT_NAME)}")
    check_faults(raw, faults_of(target / TABLE_NAME), config.dataset, target)
