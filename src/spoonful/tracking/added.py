"""Add to a finished run without changing its status; later if its server is down."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from spoonful.config.schema import TrackingConfig
from spoonful.record.tags import TRAIN_KEY_TAG
from spoonful.tracking.finding import find_run, finished_run
from spoonful.tracking.journal import Entry, Journal, new_journal
from spoonful.tracking.open_runs import added_run
from spoonful.tracking.outlets import outlet_of
from spoonful.tracking.recording import TrackedRun
from spoonful.tracking.refusals import refusals
from spoonful.tracking.store import UnreachableError, named_address


class _Later:
    """Keep everything in a journal for `spoonful sync`: the server was down from the start."""

    def __init__(self, journal: Journal, reason: str) -> None:
        self._journal = journal
        self._reason = reason

    def place_for(self, name: str) -> Path:
        """Return where a file or a folder for a later entry may be written."""
        return self._journal.place_for(name)

    def put(self, entry: Entry) -> None:
        """Keep an entry."""
        self._journal.append(entry)

    def finish(self, limit_s: float | None = None) -> str | None:
        """Leave the journal to be sent later; return why it was not sent."""
        self._journal.close()
        return self._reason


@contextmanager
def added_to(config: TrackingConfig, run_id: str) -> Iterator[TrackedRun]:
    """Add to a run whose id is known.

    Raises:
        SpoonfulError: the store cannot be used; a server may be down.
    """
    try:
        outlet = outlet_of(config, run_id)
    except UnreachableError as error:
        outlet = _later(config, {"run_id": run_id}, error)
    with _recording(config, TrackedRun(run_id, outlet)) as tracked:
        yield tracked


@contextmanager
def added_to_maker(config: TrackingConfig, train_key: str) -> Iterator[TrackedRun | None]:
    """Add to the run that made a model; None: the store has no such run.

    If the server is down, the run's id is unknown, and is empty.

    Raises:
        SpoonfulError: the store cannot be used; a server may be down.
    """
    try:
        found = _maker(config, train_key)
    except UnreachableError as error:
        found = TrackedRun("", _later(config, {TRAIN_KEY_TAG: train_key}, error))
    if found is None:
        yield None
        return
    with _recording(config, found) as tracked:
        yield tracked


def _maker(config: TrackingConfig, train_key: str) -> TrackedRun | None:
    run_id = find_run(config, train_key)
    if run_id is None:
        return None
    with finished_run(config) as client:
        known = client.get_run(run_id).data.metrics
    return TrackedRun(run_id, outlet_of(config, run_id), known=known)


@contextmanager
def _recording(config: TrackingConfig, tracked: TrackedRun) -> Iterator[TrackedRun]:
    with ExitStack() as ended:
        ended.callback(_finish, tracked)
        with refusals(config):
            if tracked.run_id:
                ended.callback(added_run(config, tracked.run_id).close)
            yield tracked


def _finish(tracked: TrackedRun) -> None:
    tracked.unsent = tracked.outlet.finish()


def _later(config: TrackingConfig, about: dict[str, str], error: UnreachableError) -> _Later:
    name = next(iter(about.values()))[:32]
    facts = {"kind": "about", "store": named_address(config), **about}
    return _Later(new_journal(name, facts), error.reason)
