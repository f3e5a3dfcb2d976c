"""Where the project's files lie."""

from functools import cache
from pathlib import Path

ARTIFACTS_DIR_NAME = "mlruns"
DATABASE_NAME = "mlflow.db"
LOCK_NAME = "requirements.lock"

_CHECKOUT = Path(__file__).resolve().parents[2]


@cache
def project_root() -> Path:
    """Return the nearest folder from here upwards that holds dvc.yaml and conf/config.yaml.

    Outside any such folder it is the checkout that this package was installed from.
    """
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if (folder / "dvc.yaml").is_file() and (folder / "conf" / "config.yaml").is_file():
            return folder
    return _CHECKOUT


def shown_path(path: Path) -> str:
    """Write a path as a person in the project's folder would: relative where it lies inside."""
    root = project_root()
    return str(path.relative_to(root) if path.is_relative_to(root) else path)


def conf_dir() -> Path:
    """Return the folder of Hydra's configs."""
    return project_root() / "conf"


def raw_dir() -> Path:
    """Return where `fetch` leaves the raw data."""
    return project_root() / "data" / "raw"


def split_dir() -> Path:
    """Return where `split` leaves train/, val/ and test/."""
    return project_root() / "data" / "split"


def split_summary_path() -> Path:
    """Return the file that says what `data/split` was made from."""
    return project_root() / "data" / "split.json"


def split_table_path() -> Path:
    """Return the table of classes x splits."""
    return project_root() / "data" / "split.csv"


def packed_dir() -> Path:
    """Return where `pack` leaves train/, val/ and test/."""
    return project_root() / "data" / "packed"


def train_dir() -> Path:
    """Return where a single training run leaves its model."""
    return project_root() / "models" / "train"


def checkpoints_dir() -> Path:
    """Return where runs that have not finished keep their checkpoints, a folder a run."""
    return project_root() / "models" / "checkpoints"


def sweeps_dir() -> Path:
    """Return where sweeps leave their models, a folder a sweep and in it one a point."""
    return project_root() / "models" / "sweeps"


def reproduce_dir(run_id: str) -> Path:
    """Return where `reproduce` leaves the model of a run that was trained again."""
    return project_root() / "models" / "reproduce" / run_id


def compare_dir() -> Path:
    """Return where `compare` leaves its tables and report."""
    return project_root() / "models" / "compare"


def evaluate_dir() -> Path:
    """Return where `evaluate` leaves its report."""
    return project_root() / "models" / "evaluate"
