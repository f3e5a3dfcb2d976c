"""Where runs are recorded: a server, or the project's own SQLite file, created completely.

The one place that opens the store: a process checks a file once and has one client for an address.
"""

import os
import urllib.error
import urllib.request
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.files.lock import locked
from spoonful.files.whole import replaced_file
from spoonful.project import ARTIFACTS_DIR_NAME, DATABASE_NAME, shown_path, store_root
from spoonful.secrets import redacted, without_login
from spoonful.tracking.database import check_database, check_writable
from spoonful.tracking.mlflow_private import create_tables, hush
from spoonful.tracking.moved import follow_project

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

URI_VARIABLE = "MLFLOW_TRACKING_URI"
_KEY = "tracking.uri"
_CREATING_S = 120.0  # it takes about 2 s
# MLflow also reads a login from these; error messages do not repeat it from there.
_LOGIN_NAMES = ("MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD")


class UnreachableError(SpoonfulError):
    """The tracking server does not answer.

    Attributes:
        reason: the reason, without the remedy.
    """

    def __init__(self, where: str, reason: str) -> None:
        self.reason = f"no MLflow server answers at {where}: {reason}"
        super().__init__(
            f"{where}: no MLflow server answers there ({reason}); start one, or use {_KEY}=null "
            "for the project's own store"
        )


def tracking_uri(config: TrackingConfig) -> str:
    """Return the URI of the store, for MLflow; by default an SQLite file in the project's folder.

    The login in a server's address is put into the environment variables that MLflow reads.
    """
    uri = config.uri or sqlite_uri(store_root() / DATABASE_NAME)
    if not is_server(config):
        return uri
    address, user, password = without_login(uri)
    if user is None or password is None:
        return uri
    os.environ.update(zip(_LOGIN_NAMES, (user, password), strict=True))
    return address


def is_server(config: TrackingConfig) -> bool:
    """Return whether runs are recorded by a server, which may go down."""
    return (config.uri or "").startswith(("http://", "https://"))


def named_store(config: TrackingConfig) -> str:
    """Name the store and where it was chosen, as `key=address` without a login."""
    origin = URI_VARIABLE if _is_from_environment(config) else _KEY
    return f"{origin}={named_address(config)}"


def named_address(config: TrackingConfig) -> str:
    """Return the address of the store without a login."""
    return redacted(config.uri) if config.uri else "null"


def where_recorded(config: TrackingConfig, overrides: Iterable[str]) -> str:
    """Return where runs go and what set it: command line, conf/, environment or the default."""
    where = redacted(config.uri) if config.uri else shown_path(store_root() / DATABASE_NAME)
    if any(text.lstrip("+").startswith(f"{_KEY}=") for text in overrides):
        return f"{where} ({_KEY} on the command line)"
    if _is_from_environment(config):
        return f"{where} ({URI_VARIABLE})"
    return f"{where} ({_KEY} in conf/)" if config.uri else f"{where} (the default)"


def sqlite_uri(path: Path) -> str:
    """Return the address of an SQLite file, for any characters in its path."""
    from sqlalchemy import URL

    return URL.create("sqlite", database=str(path)).render_as_string(hide_password=False)


def artifact_location(config: TrackingConfig, experiment_name: str) -> str | None:
    """Return where a new experiment keeps its artifacts; None: the server decides."""
    if config.uri and not config.uri.startswith("sqlite"):
        return None
    return (store_root() / ARTIFACTS_DIR_NAME / experiment_name.replace("/", "_")).as_uri()


def open_store(config: TrackingConfig, is_to_be_written: bool = False) -> "MlflowClient":
    """Do what `prepare_store` does, and return the client of the store."""
    prepare_store(config, is_to_be_written)
    return unasked_store(config)


def unasked_store(config: TrackingConfig) -> "MlflowClient":
    """Return the client of the store without asking whether the store is there."""
    return _client(tracking_uri(config))


@cache
def _client(uri: str) -> "MlflowClient":
    from mlflow.tracking import MlflowClient

    return MlflowClient(uri)


def prepare_store(config: TrackingConfig, is_to_be_written: bool = False) -> str:
    """Make sure that the store exists, and return its URI.

    A server is asked each time, because it may go down. A file is checked once.

    Args:
        config: names the store.
        is_to_be_written: whether runs are to be recorded.

    Raises:
        UnreachableError: the server does not answer within `tracking.timeout_s`.
        SpoonfulError: the URI is of a kind unknown to MLflow, or the file cannot be used.
    """
    quiet_mlflow()
    uri = tracking_uri(config)
    if not config.uri:
        _prepare_file(store_root() / DATABASE_NAME, is_to_be_written, is_own=True)
    elif is_server(config):
        os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(config.timeout_s)
        # Each try waits twice as long as the previous one: the usual 7 add up to minutes.
        os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")
        check_server(config, config.timeout_s)
    elif not uri.startswith(("sqlite:///", "postgresql", "mysql", "mssql", "databricks")):
        raise SpoonfulError(
            f"{named_store(config)}: expected http://HOST:PORT of a server, sqlite:///FILE, or "
            "null for the project's own store"
        )
    elif uri.startswith("sqlite:///"):
        from sqlalchemy import make_url

        _prepare_file(Path(make_url(uri).database or ""), is_to_be_written, is_own=False)
    return uri


def quiet_mlflow() -> None:
    """Hide MLflow's notes and progress bars; warnings are shown."""
    hush()
    # It shows a progress bar for each file, and two lines for each run that ends.
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ["MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR"] = "false"


def check_server(config: TrackingConfig, timeout_s: float) -> None:
    """Check that the server answers.

    Raises:
        UnreachableError: it does not within `timeout_s`.
    """
    try:
        with urllib.request.urlopen(
            f"{tracking_uri(config).rstrip('/')}/health", timeout=timeout_s
        ):
            pass
    except urllib.error.HTTPError as error:
        if error.code < 500:  # it answers; the first call shows whether access is allowed
            return
        raise _unreachable(config, f"it answers {error.code} {error.reason}") from error
    except (OSError, ValueError) as error:
        raise _unreachable(config, redacted(str(error))) from error


def _unreachable(config: TrackingConfig, reason: str) -> UnreachableError:
    return UnreachableError(named_store(config), reason.removeprefix("<urlopen error ").rstrip(">"))


# The files that this process has checked.
_checked: set[tuple[Path, int, int, bool]] = set()


def _prepare_file(path: Path, is_to_be_written: bool, is_own: bool) -> None:
    if _now_at(path, is_to_be_written) in _checked:
        return
    artifacts = path.parent / ARTIFACTS_DIR_NAME
    if is_own:
        _create_database(path)
    if path.exists():
        check_database(path, is_to_be_written)
    elif is_to_be_written:
        check_writable(path.parent)
    if is_own and is_to_be_written:
        check_writable(artifacts)
    if is_own and _now_at(path, is_to_be_written=False) not in _checked:
        follow_project(path, artifacts)
    if (state := _now_at(path, is_to_be_written)) is not None:
        _checked.update({state, (*state[:3], False)})


def _now_at(path: Path, is_to_be_written: bool) -> tuple[Path, int, int, bool] | None:
    """Return which file is at a path now; None: there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return (path, found.st_dev, found.st_ino, is_to_be_written)


def _is_from_environment(config: TrackingConfig) -> bool:
    return bool(config.uri) and config.uri == os.environ.get(URI_VARIABLE)


def _create_database(path: Path) -> None:
    """Create the SQLite file once, beside its place and then renamed, by the first process.

    Processes that start together on a missing file run its migrations at once, and all but one
    crash; a process killed in between would leave half a schema.
    """
    lock = path.parent / f".{path.name}.lock"
    try:
        if path.exists():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        with locked(lock, f"the store of runs {path} is being created", _CREATING_S):
            if path.exists():
                return
            with replaced_file(path) as beside:
                create_tables(sqlite_uri(beside), path.parent / ARTIFACTS_DIR_NAME)
    except OSError as error:
        reason = error.strerror or error
        raise SpoonfulError(
            f"{path}: the store of runs cannot be made ({reason}): make room or give access"
        ) from error
