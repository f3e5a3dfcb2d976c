"""Send what a tracking server missed, and mark runs whose processes were killed."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from mlflow.tracking import MlflowClient

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.project import shown_path
from spoonful.tracking.journal import Journal, left_journals, opened
from spoonful.tracking.open_runs import has_left_runs, mark_dead_runs
from spoonful.tracking.refusals import STORE_ERRORS, is_final, reason_of, refusals
from spoonful.tracking.run import run_that_made
from spoonful.tracking.sending import Delivery
from spoonful.tracking.store import UnreachableError, named_address, prepare_store


@dataclass
class Sent:
    """What came of sending.

    Attributes:
        sent: the journals that were sent, by the run or model that they are about.
        kept: those that were not, with the reason.
    """

    sent: list[str] = field(default_factory=list)
    kept: dict[str, str] = field(default_factory=dict)


def send_journals(config: TrackingConfig) -> Sent:
    """Send every journal that no process writes, the oldest first.

    Raises:
        UnreachableError: the server does not answer.
    """
    found = Sent()
    paths = left_journals()
    if not paths:
        return found
    client: MlflowClient | None = None
    for path in paths:
        with opened(path) as journal:
            if journal is None:
                if path.exists():
                    found.kept[shown_path(path)] = "another process still records it"
                continue
            if journal.about["store"] != named_address(config):
                found.kept[shown_path(path)] = (
                    f"it is for {journal.about['store']}, give tracking.uri"
                )
                continue
            client = client or MlflowClient(prepare_store(config, is_to_be_written=True))
            try:
                found.sent.append(_sent(client, journal))
            except (*STORE_ERRORS, OSError, SpoonfulError) as error:
                found.kept[shown_path(path)] = reason_of(error)
                if not is_final(error):
                    break
    return found


def settle(config: TrackingConfig, say: Callable[[str], None]) -> None:
    """Put right what killed processes and absent servers left, as far as can be done now.

    Args:
        config: the store.
        say: told what was done.
    """
    if left_journals():
        try:
            done = send_journals(config)
        except UnreachableError:
            return
        for name in done.sent:
            say(f"sent to {named_address(config)} what it had missed: {name}")
    if has_left_runs():
        with refusals(config):
            client = MlflowClient(prepare_store(config))
            for run_id in mark_dead_runs(config, client):
                say(f"run {run_id} was killed: it is marked so")


def _sent(client: MlflowClient, journal: Journal) -> str:
    """Send one journal and remove it; return what it is about."""
    run_id, name = _run_of(client, journal)
    delivery = Delivery(client, run_id, journal.path)
    entries = journal.entries()
    for number in range(max(1, journal.num_sent), len(entries)):
        delivery.send(entries[number], may_be_there=True)
        journal.note_sent(number + 1)
    journal.remove()
    return name


def _run_of(client: MlflowClient, journal: Journal) -> tuple[str, str]:
    about = journal.about
    if "run_id" in about:
        return about["run_id"], f"run {about['run_id']}"
    run_id = run_that_made(client, about["train_key"])
    if run_id is None:
        raise SpoonfulError(
            f"{Path(journal.path).name}: the server has no finished run that made the model judged"
        )
    return run_id, f"the evaluation of run {run_id}"
