"""Where the records of a run go: directly into a local store, or through a journal to a server."""

import contextlib
import shutil
import tempfile
import threading
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

from mlflow.tracking import MlflowClient

from spoonful.config.schema import TrackingConfig
from spoonful.errors import SpoonfulError
from spoonful.files.whole import naming
from spoonful.project import ARTIFACTS_DIR_NAME, store_root
from spoonful.tracking.journal import Entry, Journal, new_journal
from spoonful.tracking.open_runs import artifact_folder
from spoonful.tracking.refusals import STORE_ERRORS, is_final, reason_of
from spoonful.tracking.sending import Delivery
from spoonful.tracking.store import (
    check_server,
    is_server,
    named_address,
    open_store,
    unasked_store,
)

# A server that is down is asked again after this time, which doubles each time.
_FIRST_WAIT_S, _LAST_WAIT_S = 0.5, 15.0
_PROBE_S = 5.0  # limit for its answer that it is up again
_GRACE_S = 10.0  # how long the end of a run waits for a server that is down
# Errors that a request, or reading a file that it sends, may raise.
_FAILURES = (*STORE_ERRORS, SpoonfulError, OSError)


class Direct:
    """Put everything into a local store at once; failures are raised."""

    def __init__(self, client: MlflowClient, run_id: str) -> None:
        self._held = contextlib.ExitStack()
        self._folder = self._held.enter_context(artifact_folder())
        self._delivery = Delivery(client, run_id, self._folder)
        self._one_by_one = threading.Lock()  # system metrics come from another thread

    def place_for(self, name: str) -> Path:
        """Return where a file or a folder for a later entry may be written."""
        return Path(tempfile.mkdtemp(dir=self._folder)) / name

    def put(self, entry: Entry) -> None:
        """Record an entry."""
        with self._one_by_one, naming(store_root() / ARTIFACTS_DIR_NAME):
            self._delivery.send(entry, may_be_there=False)
        if "file" in entry:
            shutil.rmtree((self._folder / entry["file"]).parent, ignore_errors=True)

    def finish(self, limit_s: float | None = None) -> str | None:
        """Remove temporary files."""
        self._held.close()
        return None


class Journaled:
    """Keep everything in a journal, from which a thread sends it to a server.

    Putting an entry never waits for the server. While the server is down, the thread asks
    repeatedly whether it is back.
    """

    def __init__(
        self, config: TrackingConfig, journal: Journal, run: str | Callable[[MlflowClient], str]
    ) -> None:
        self._config = config
        self._journal = journal
        self._delivery = Delivery(unasked_store(config), run, journal.path)
        self._waiting: deque[Entry] = deque()
        self._num_sent = 1  # the first line is the description
        self._news = threading.Condition()
        self._end_s: float | None = None  # when to give up; None: not before the end of the run
        self._failure: str | None = None
        self._thread = threading.Thread(target=self._run, name="spoonful-journal", daemon=True)
        self._thread.start()

    def place_for(self, name: str) -> Path:
        """Return where a file or a folder for a later entry may be written."""
        return self._journal.place_for(name)

    def put(self, entry: Entry) -> None:
        """Keep an entry for sending."""
        with self._news:
            self._waiting.append(self._journal.append(entry))
            self._news.notify_all()

    def finish(self, limit_s: float | None = None) -> str | None:
        """Wait until all is sent, or the server stays down; return why not everything is sent.

        Args:
            limit_s: return after this time, even if entries are unsent; None: wait while it
                progresses.
        """
        with self._news:
            self._end_s = time.monotonic() + (_GRACE_S if limit_s is None else limit_s)
            self._news.notify_all()
        self._thread.join(limit_s)
        if self._thread.is_alive():  # it locks the journal until this process ends
            return self._failure or "the server is slow"
        if not self._waiting:
            self._journal.remove()
            return None
        self._journal.close()
        return self._failure or "the server took too long"

    def _run(self) -> None:
        wait_s, is_doubtful = _FIRST_WAIT_S, False
        while (entry := self._next()) is not None:
            try:
                if is_doubtful:  # a short question instead of a long request
                    check_server(self._config, min(_PROBE_S, self._config.timeout_s))
                self._delivery.send(entry, is_doubtful)
            except _FAILURES as error:
                self._failure = reason_of(error)
                self._delivery.forget_known()
                is_doubtful = True
                if self._is_over() or (self._end_s is not None and is_final(error)):
                    return
                self._pause(wait_s)
                wait_s = min(2 * wait_s, _LAST_WAIT_S)
            else:
                self._note_sent(entry)
                wait_s, is_doubtful = _FIRST_WAIT_S, False

    def _next(self) -> Entry | None:
        """Wait for an entry; None: the run is over and everything is sent."""
        with self._news:
            while not self._waiting:
                if self._end_s is not None:
                    return None
                self._news.wait()
            return self._waiting[0]

    def _note_sent(self, entry: Entry) -> None:
        self._num_sent += 1
        with contextlib.suppress(OSError):  # then it is sent twice, which is harmless
            self._journal.note_sent(self._num_sent)
        if "file" in entry:
            shutil.rmtree((self._journal.path / entry["file"]).parent, ignore_errors=True)
        with self._news:
            self._waiting.popleft()

    def _is_over(self) -> bool:
        return self._end_s is not None and time.monotonic() >= self._end_s

    def _pause(self, wait_s: float) -> None:
        """Wait; only briefly at the end of the run."""
        end = time.monotonic() + wait_s
        with self._news:
            while (left := end - time.monotonic()) > 0:
                if self._end_s is not None:
                    left = min(left, _FIRST_WAIT_S, max(0.0, self._end_s - time.monotonic()))
                    self._news.wait(left)
                    return
                self._news.wait(left)


class Later:
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


Outlet = Direct | Journaled | Later  # takes the records of one run, in order


def outlet_of(config: TrackingConfig, run_id: str) -> Outlet:
    """Return the outlet for the records of a run."""
    if not is_server(config):
        return Direct(open_store(config, is_to_be_written=True), run_id)
    about = {"kind": "about", "store": named_address(config), "run_id": run_id}
    return Journaled(config, new_journal(run_id, about), run_id)
