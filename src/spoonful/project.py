"""Where the project's files are."""

from functools import cache
from pathlib import Path

ARTIFACTS_DIR_NAME = "mlruns"
DATABASE_NAME = "mlflow.db"
LOCK_NAME = "requirements.lock"

# The running code.
PACKAGE = Path(__file__).resolve().parent
_CHECKOUT = PACKAGE.parents[1]
# `dvc exp run --temp` and `dvc queue start` run in a copy of the project below this folder of the
# project itself, and remove the copy after the stages.
_DVC_COPIES = (".dvc", "tmp", "exps")


@cache
def project_root() -> Path:
    """Return the nearest folder from here upwards with dvc.yaml and conf/config.yaml.

    Outside any such folder, it is the checkout that this package was installed from.
    """
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "conf" / "config.yaml").is_file():
            return folder
    return _CHECKOUT


def store_root() -> Path:
    """Return the folder for runs and checkpoints: the project, even from DVC's copies of it.

    A copy that DVC makes for an experiment is removed at its end, and all runs in it would be lost.
    """
    root = project_root()
    for folder in root.parents:
        if folder.parts[-len(_DVC_COPIES) :] == _DVC_COPIES:
            copy = _git_root(root)
            original = _git_root(folder.parents[len(_DVC_COPIES) - 1])
            if copy is not None and original is not None and copy.is_relative_to(folder):
                return original / root.relative_to(copy)
    return root


def _git_root(path: Path) -> Path | None:
    """Return the nearest folder from here upwards that is the top of a git checkout."""
    return next((p for p in (path, *path.parents) if (p / ".git").exists()), None)


def shown_path(path: Path) -> str:
    """Write a path relative to the project's folder if it is inside."""
    root = project_root()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def own_folders(root: Path) -> set[Path]:
    """Return which folders below a folder of the user's are the project's own, not their images.

    The whole project if it lies below; in the project itself, the folders that stages write.
    """
    project = project_root()
    if root == project:
        return {project / name for name in ("data", "models", "preview", ARTIFACTS_DIR_NAME)}
    return {project} if project.is_relative_to(root) else set()


def conf_dir() -> Path:
    """Return the folder of Hydra's configs."""
    return project_root() / "conf"


def raw_dir() -> Path:
    """Return where `fetch` writes the raw data."""
    return project_root() / "data" / "raw"


def inspect_dir() -> Path:
    """Return where `inspect` writes what it found in the raw data."""
    return project_root() / "data" / "inspect"


def inspect_folder_dir(name: str) -> Path:
    """Return where `inspect FOLDER` writes what it found in a folder of this name."""
    return project_root() / "data" / f"inspect_{name}"


def decoded_dir() -> Path:
    """Return where results of inspected files are kept, by their content."""
    return store_root() / "data" / ".decoded"


def downloads_dir() -> Path:
    """Return where what was read from addresses is kept, unless another folder is given."""
    return store_root() / "data" / ".downloads"


def split_dir() -> Path:
    """Return where `split` writes train/, val/ and test/."""
    return project_root() / "data" / "split"


def split_summary_path() -> Path:
    """Return the file that says what `data/split` was made from."""
    return project_root() / "data" / "split.json"


def split_origin_path() -> Path:
    """Return the note of where the images of `data/split` were on this machine."""
    return project_root() / "data" / "origin.json"


def split_table_path() -> Path:
    """Return the table of classes x splits."""
    return project_root() / "data" / "split.csv"


def leaks_path() -> Path:
    """Return the table of the images that belong together and are in different splits."""
    return project_root() / "data" / "leaks.csv"


def packed_dir() -> Path:
    """Return where `pack` writes train/, val/ and test/."""
    return project_root() / "data" / "packed"


def train_dir() -> Path:
    """Return where a single training run writes its model."""
    return project_root() / "models" / "train"


def preview_dir() -> Path:
    """Return where `preview` draws batches."""
    return project_root() / "preview"


def checkpoints_dir() -> Path:
    """Return where unfinished runs keep their checkpoints, one folder per run."""
    return store_root() / "models" / "checkpoints"


def journal_dir() -> Path:
    """Return where records not sent to a tracking server are kept, one folder per run."""
    return store_root() / "models" / "journal"


def open_runs_dir() -> Path:
    """Return where runs that have begun and not ended are noted, one file per run."""
    return store_root() / "models" / "open_runs"


def sweeps_dir() -> Path:
    """Return where sweeps write their models, one folder per sweep with one per point in it."""
    return project_root() / "models" / "sweeps"


def reproduce_dir(run_id: str) -> Path:
    """Return where `reproduce` writes the model of a run that was trained again."""
    return project_root() / "models" / "reproduce" / run_id


def compare_dir() -> Path:
    """Return where `compare` writes its tables and report."""
    return project_root() / "models" / "compare"


def evaluate_dir() -> Path:
    """Return where `evaluate` writes its report."""
    return project_root() / "models" / "evaluate"
