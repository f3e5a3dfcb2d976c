"""What MLflow and its stores refuse, in one line without a login."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.project import DATABASE_NAME, store_root
from spoonful.refusals import refusal_of_database
from spoonful.secrets import redacted
from spoonful.tracking.store import UnreachableError, named_store

STORE_ERRORS = (MlflowException, SQLAlchemyError, CommandError)
_OTHER_SCHEMA = "Detected out-of-date database schema"
_TOO_MANY, _TIMEOUT = 429, 408


@contextmanager
def refusals(config: TrackingConfig) -> Iterator[None]:
    """Turn what the store refuses into one line."""
    try:
        yield
    except STORE_ERRORS as error:
        where = named_store(config) if config.uri else store_root() / DATABASE_NAME
        raise SpoonfulError(f"MLflow at {where}: {reason_of(error)}") from error


def reason_of(error: BaseException) -> str:
    """Say in one line why a store did not do what it was asked."""
    if isinstance(error, UnreachableError):
        return error.reason
    if (refused := refusal_of_database(error)) is not None:
        return refused
    lines = str(error).splitlines()
    reason = redacted(lines[0]) if lines else type(error).__name__
    if reason.startswith(_OTHER_SCHEMA):
        return (
            f"{reason.partition('.')[0]}: the store was made by another version of MLflow; use "
            "that one, or `mlflow db upgrade` on a copy where it was an older one"
        )
    return reason


def is_final(error: BaseException) -> bool:
    """Say whether to ask again is of no use: the server refuses it, or what is sent is damaged."""
    if isinstance(error, SpoonfulError):
        return not isinstance(error, UnreachableError)
    if not isinstance(error, MlflowException):
        return False
    code = error.get_http_status_code()
    return 400 <= code < 500 and code not in (_TOO_MANY, _TIMEOUT)
