"""Handle or report entries not sent to a server, and leftovers of killed processes."""

import sys
from pathlib import Path

from spoonful.config.schema import TrackingConfig
from spoonful.output import say
from spoonful.project import journal_dir, open_runs_dir, shown_path
from spoonful.tracking.store import UnreachableError

UNSENT = 3


def settle_store(config: TrackingConfig) -> None:
    """Send what was kept for the server, and mark runs with dead processes KILLED.

    If the server is down, the command itself handles it.

    Raises:
        SpoonfulError: the store refuses it.
    """
    if not _is_anything_in(journal_dir()) and not _is_anything_in(open_runs_dir()):
        return  # seconds: MLflow would be imported
    from spoonful.tracking.sync import settle

    try:
        settle(config, say)
    except UnreachableError:
        return


def end_if_unsent(reason: str | None, code: int = UNSENT) -> None:
    """Print that not everything is at the server, and exit; do nothing if `reason` is None."""
    if reason is None:
        return
    say(
        f"not all of it is recorded yet ({reason}): the rest is kept in "
        f"{shown_path(journal_dir())}; `spoonful sync` sends it"
    )
    sys.exit(code)


def kept_for_the_server() -> str | None:
    """Return a note if something waits for a server; None: nothing does."""
    return "the server was away" if _is_anything_in(journal_dir()) else None


def _is_anything_in(folder: Path) -> bool:
    return folder.is_dir() and any(folder.iterdir())
