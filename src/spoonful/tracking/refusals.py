"""Describe refusals of MLflow and its stores in one line without a login."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic.util import CommandError
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient
from sqlalchemy.exc import SQLAlchemyError

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.project import DATABASE_NAME, store_root
from spoonful.refusals import refusal_of_database
from spoonful.secrets import redacted
from spoonful.tracking.store import UnreachableError, named_store, open_store

STORE_ERRORS = (MlflowException, SQLAlchemyError, CommandError)
_OTHER_SCHEMA = "Detected out-of-date database schema"
_TOO_MANY, _TIMEOUT = 429, 408


@contextmanager
def refusals(config: TrackingConfig) -> Iterator[None]:
    """Turn refusals of the store into one-line errors."""
    try:
        yield
    except STORE_ERRORS as error:
        where = named_store(config) if config.uri else store_root() / DATABASE_NAME
        raise SpoonfulError(f"MLflow at {where}: {reason_of(error)}") from error


@contextmanager
def opened_store(config: TrackingConfig, is_to_be_written: bool = False) -> Iterator[MlflowClient]:
    """Yield the client of the store, as `open_store`; its refusals become one-line errors.

    Raises:
        SpoonfulError: the store cannot be reached or refuses a request.
    """
    with refusals(config):
        yield open_store(config, is_to_be_written)


def reason_of(error: BaseException) -> str:
    """Return in one line why a store refused a request."""
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
    """Return whether a retry is useless: the server refuses it, or the data is damaged."""
    if isinstance(error, SpoonfulError):
        return not isinstance(error, UnreachableError)
    if not isinstance(error, MlflowException):
        return False
    code = error.get_http_status_code()
    return 400 <= code < 500 and code not in (_TOO_MANY, _TIMEOUT)
