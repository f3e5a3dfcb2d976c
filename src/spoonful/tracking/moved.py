"""Adapt the project's own store after a move: MLflow records absolute paths of artifacts.

Paths relative to the project's folder would work neither in notebooks nor in `mlflow ui` started
elsewhere: MLflow resolves them from the current folder of a process.
"""

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from spoonful.errors import SpoonfulError
from spoonful.refusals import refusal_of_database

_TIMEOUT_S = 20
_LOCATION = re.compile(r"(?P<root>(?:file://)?/.*)/[^/]+")
# Each table and column that holds a path of artifacts.
_COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)


def follow_project(database: Path, artifacts: Path) -> None:
    """Let records made at an earlier place of the project point into its present folder.

    A moved project keeps its artifacts, and a copy does not access those of the original.

    Args:
        database: the SQLite file of the project.
        artifacts: the folder of its artifacts.

    Raises:
        SpoonfulError: the project was moved, and the file cannot be written.
    """
    try:
        with closing(sqlite3.connect(database, timeout=_TIMEOUT_S)) as store:
            earlier = _earlier_roots(store, artifacts)
            with store:  # all of it or nothing
                for root, present in earlier.items():
                    for table, column in _COLUMNS:
                        _replace(store, table, column, root, present)
    except sqlite3.Error as error:
        reason = refusal_of_database(error) or f"{error}; give write access"
        raise SpoonfulError(
            f"{database}: the project was moved, and the new place of its artifacts cannot be "
            f"recorded: {reason}"
        ) from error


def _earlier_roots(store: sqlite3.Connection, artifacts: Path) -> dict[str, str]:
    """Return the folders of artifacts other than the present one, with their replacements."""
    rows = store.execute("SELECT DISTINCT artifact_location FROM experiments").fetchall()
    found = {}
    for (location,) in rows:
        match = _LOCATION.fullmatch(location or "")
        if match is None or not match["root"].endswith(f"/{artifacts.name}"):
            continue  # a bucket, or a folder that the user chose
        root = match["root"]
        present = artifacts.as_uri() if root.startswith("file://") else str(artifacts)
        if root != present:
            found[root] = present
    return found


def _replace(store: sqlite3.Connection, table: str, column: str, root: str, present: str) -> None:
    begin = f"{root}/"
    store.execute(
        f"UPDATE {table} SET {column} = ? || substr({column}, ?) WHERE substr({column}, 1, ?) = ?",
        (f"{present}/", len(begin) + 1, len(begin), begin),
    )
