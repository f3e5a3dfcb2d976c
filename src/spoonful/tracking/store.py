"""Where runs are recorded: a server, or an SQLite file of our own that is made whole."""

import fcntl
import logging
import os
import urllib.error
import urllib.request
from pathlib import Path

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.files import replaced_file
from spoonful.project import ARTIFACTS_DIR_NAME, DATABASE_NAME, store_root


def tracking_uri(config: TrackingConfig) -> str:
    """Return the URI of the store; by default an SQLite file in the project's folder."""
    return config.uri or f"sqlite:///{store_root() / DATABASE_NAME}"


def artifact_location(config: TrackingConfig, experiment_name: str) -> str | None:
    """Return where a new experiment keeps its artifacts; None: where the server says."""
    if config.uri is not None and not config.uri.startswith("sqlite"):
        return None
    return (store_root() / ARTIFACTS_DIR_NAME / experiment_name.replace("/", "_")).as_uri()


def prepare_store(config: TrackingConfig) -> str:
    """Make sure that the store is there, and return its URI.

    Raises:
        SpoonfulError: the server does not answer within `tracking.timeout_s`, or the URI is of no
            kind that MLflow knows.
    """
    quiet_mlflow()
    uri = tracking_uri(config)
    if config.uri is None:
        _create_database(store_root() / DATABASE_NAME)
    elif uri.startswith(("http://", "https://")):
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(config.timeout_s)
        # Each try waits twice as long as the one before: the usual 7 add up to minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "4")
        _check_server(uri, config.timeout_s)
    elif not uri.startswith(("sqlite:///", "postgresql", "mysql", "mssql", "databricks")):
        raise SpoonfulError(
            f"tracking.uri={uri}: expected http://HOST:PORT of a server, sqlite:///FILE, or null "
            "for the project's own store"
        )
    return uri


def quiet_mlflow() -> None:
    """Keep MLflow's notes on migrations and system metrics back; warnings are shown."""
    for name in ("mlflow", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)
    # It warns where an environment has no pip, as those that uv makes.
    logging.getLogger("mlflow.utils.environment").setLevel(logging.ERROR)


def _create_database(path: Path) -> None:
    """Create the SQLite file once, beside and renamed, whichever process comes first.

    Processes that start together on a missing file run its migrations at once, and all but one
    crash; one that is killed in between would leave half a schema.
    """
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with (path.parent / f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if path.exists():
            return
        from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine

        quiet_mlflow()  # importing it has set its own levels
        with replaced_file(path) as beside:
            engine = create_sqlalchemy_engine(f"sqlite:///{beside}")
            _initialize_tables(engine)
            engine.dispose()


def _check_server(uri: str, timeout_s: float) -> None:
    try:
        with urllib.request.urlopen(f"{uri.rstrip('/')}/health", timeout=timeout_s):
            pass
    except urllib.error.HTTPError:
        return  # it answers; whether it lets us in shows at the first call
    except (OSError, ValueError) as error:
        raise SpoonfulError(
            f"tracking.uri={uri}: no MLflow server answers there ({error}); start one, or use "
            "tracking.uri=null for the project's own store"
        ) from error
