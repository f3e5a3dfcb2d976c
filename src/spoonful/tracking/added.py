"""Add to a finished run without changing its status; later if its server is down."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from spoonful.config.schema import TrackingConfig
from spoonful.record.tags import TRAIN_KEY_TAG
from spoonful.tracking.finding import find_run
from spoonful.tracking.journal import new_journal
from spoonful.tracking.open_runs import open_run
from spoonful.tracking.outlets import Later, outlet_of
from spoonful.tracking.recording import TrackedRun
from spoonful.tracking.refusals import opened_store, refusals
from spoonful.tracking.store import UnreachableError, named_address


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
    with opened_store(config) as client:
        known = client.get_run(run_id).data.metrics
    return TrackedRun(run_id, outlet_of(config, run_id), known=known)


@contextmanager
def _recording(config: TrackingConfig, tracked: TrackedRun) -> Iterator[TrackedRun]:
    with ExitStack() as ended:
        ended.callback(_finish, tracked)
        with refusals(config):
            if tracked.run_id:
                ended.callback(open_run(config, run_id=tracked.run_id, is_added_to=True).close)
            yield tracked


def _finish(tracked: TrackedRun) -> None:
    tracked.unsent = tracked.outlet.finish()


def _later(config: TrackingConfig, about: dict[str, str], error: UnreachableError) -> Later:
    name = next(iter(about.values()))[:32]
    facts = {"kind": "about", "store": named_address(config), **about}
    return Later(new_journal(name, facts), error.reason)
