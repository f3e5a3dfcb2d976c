"""`spoonful ui`: the MLflow UI on the store that runs are recorded in."""

import contextlib
import http.client
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request

from spoonful import progress
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.project import ARTIFACTS_DIR_NAME, store_root
from spoonful.workflow.unsent import settle_store

_HOST = "127.0.0.1"
# The server's processes end within a second; a stuck one is killed.
_END_LIMIT_S = 5.0
_POLL_S = 0.5


def run(config: Config) -> None:
    """Serve the UI until Ctrl-C."""
    from spoonful.tracking.pages import experiments_page
    from spoonful.tracking.store import is_server, named_store, prepare_store

    port = config.tracking.ui_port
    _check_port(port)
    uri = prepare_store(config.tracking)
    if is_server(config.tracking):
        raise SpoonfulError(
            f"{named_store(config.tracking)} is a server already: open it in a browser"
        )
    settle_store(config.tracking)
    # One worker and no job runner: 2 processes and 15 s to start instead of 12 and 30 s.
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    environment["MLFLOW_BACKEND_STORE_URI"] = uri  # may hold a password; not for the command line
    command = [sys.executable, "-m", "spoonful.tracking.ui_server", str(os.getpid()), "ui"]
    command += ["--host", _HOST, "--port", str(port), "--workers", "1"]
    command += ["--default-artifact-root", (store_root() / ARTIFACTS_DIR_NAME).as_uri()]
    # A separate process group: Ctrl-C arrives only here, and the processes are ended in order; if
    # this process is killed, they end by themselves.
    server = subprocess.Popen(
        command, env=environment, stdout=sys.stderr.fileno(), start_new_session=True
    )
    try:
        with progress.doing("starting the MLflow server", at_once=True):
            code = _started(server, port)
        page = f"http://{_HOST}:{port}/{experiments_page()}"
        if code is None:
            progress.result(f"MLflow UI on {page} (Ctrl-C ends it)")
        with progress.silence():
            code = server.wait() if code is None else code
    finally:
        with progress.doing("ending the MLflow server"):
            _end(server)
    raise SpoonfulError(
        f"the MLflow server ended by itself with exit code {code}: see what it wrote above"
    )


def _check_port(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((_HOST, port))
        except OSError as error:
            raise SpoonfulError(
                f"tracking.ui_port={port}: cannot be listened on ({error.strerror}); if the UI is "
                f"open already, see http://{_HOST}:{port}, else choose another port with "
                "tracking.ui_port=NUMBER"
            ) from error


def _started(server: "subprocess.Popen[bytes]", port: int) -> int | None:
    """Wait until the server answers; return its exit code if it has ended."""
    while (code := server.poll()) is None:
        try:
            with urllib.request.urlopen(f"http://{_HOST}:{port}/health", timeout=_POLL_S):
                return None
        except (OSError, http.client.HTTPException):
            time.sleep(_POLL_S)
    return code


def _end(server: "subprocess.Popen[bytes]") -> None:
    """End all processes of the server."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(_END_LIMIT_S)
