"""Send what a tracking server missed, and mark runs whose processes were killed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlflow.tracking import MlflowClient

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.project import shown_path
from spoonful.record.tags import TRAIN_KEY_TAG
from spoonful.tracking.beginning import begun_run
from spoonful.tracking.finding import run_that_made
from spoonful.tracking.journal import Journal, left_journals, opened
from spoonful.tracking.open_runs import has_left_runs, mark_dead_runs
from spoonful.tracking.refusals import STORE_ERRORS, is_final, opened_store, reason_of
from spoonful.tracking.sending import Delivery
from spoonful.tracking.store import UnreachableError, named_address, open_store


@dataclass
class Sent:
    """The result of sending.

    Attributes:
        sent: the journals that were sent, by their run or model.
        kept: those that were not, with the reason.
        damaged: those kept journals that cannot be sent in their state.
    """

    sent: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)


def send_journals(config: TrackingConfig) -> Sent:
    """Send every journal that no process writes, the oldest first.

    Raises:
        UnreachableError: the server does not answer.
    """
    found = Sent()
    client: MlflowClient | None = None
    for path in left_journals():
        try:
            with opened(path) as journal:
                if (why := _not_to_be_sent(config, path, journal)) is not None:
                    found.kept[shown_path(path)] = why
                elif journal is not None:
                    client = client or open_store(config, is_to_be_written=True)
                    found.sent.append(_sent(config, client, journal))
        except UnreachableError:
            raise
        except SpoonfulError as error:
            found.kept[shown_path(path)] = found.damaged[shown_path(path)] = str(error)
        except (*STORE_ERRORS, OSError) as error:
            found.kept[shown_path(path)] = reason_of(error)
            if not is_final(error):
                break
    return found


def _not_to_be_sent(config: TrackingConfig, path: Path, journal: Journal | None) -> str | None:
    """Return why a journal is not sent now; None: it is to be sent, or is gone."""
    if journal is None:
        return "another process still records it" if path.exists() else None
    store = journal.about.get("store")
    return None if store == named_address(config) else f"it is for {store}, give tracking.uri"


def settle(config: TrackingConfig, say: Callable[[str], None]) -> None:
    """Clean up after killed processes and servers that were down, as far as possible now.

    Args:
        config: the store.
        say: called with what was done.
    """
    if left_journals():
        try:
            done = send_journals(config)
        except UnreachableError:
            return
        for name in done.sent:
            say(f"sent to {named_address(config)} what it had missed: {name}")
        for reason in done.damaged.values():
            say(f"not sent: {reason}")
    if has_left_runs():
        with opened_store(config) as client:
            mark_dead_runs(config, client, say)


def _sent(config: TrackingConfig, client: MlflowClient, journal: Journal) -> str:
    """Send one journal and remove it; return its run or model."""
    run_id, name = _run_of(config, client, journal)
    delivery = Delivery(client, run_id, journal.path)
    num_sent = journal.num_sent
    for number, entry in enumerate(journal.entries()):
        if number < max(1, num_sent or 0):
            continue
        # The files of sent entries are gone.
        if num_sent is not None or "file" not in entry or (journal.path / entry["file"]).exists():
            delivery.send(entry, may_be_there=True)
        journal.note_sent(number + 1)
    journal.remove()
    return name


def _run_of(config: TrackingConfig, client: MlflowClient, journal: Journal) -> tuple[str, str]:
    about = journal.about
    if "run_id" in about:
        return about["run_id"], f"run {about['run_id']}"
    if "token" in about:
        run_id = begun_run(config, client, about)
        return run_id, f"run {run_id}"
    maker = run_that_made(client, about[TRAIN_KEY_TAG])
    if maker is None:
        raise SpoonfulError(
            f"{Path(journal.path).name}: the server has no finished run that made the model judged"
        )
    return maker, f"the evaluation of run {maker}"
