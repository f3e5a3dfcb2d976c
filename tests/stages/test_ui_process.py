"""`spoonful ui` as a process: a taken port, Ctrl-C, a server that dies."""

import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.processes import command_environment

Spoonful = Callable[..., "subprocess.CompletedProcess[str]"]


def test_a_taken_port_is_one_line(spoonful: Spoonful) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        done = spoonful("ui", f"tracking.ui_port={port}")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"spoonful: tracking.ui_port={port}: cannot be listened on")
    assert "tracking.ui_port=NUMBER" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.fixture
def project(project: Path, empty_store: Path) -> Path:
    """An empty project whose store is there."""
    shutil.copy(empty_store, project)
    return project


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def started(project: Path) -> tuple["subprocess.Popen[str]", list[psutil.Process]]:
    """Return the command once its server answers, and the server's processes."""
    process = subprocess.Popen(
        [sys.executable, "-m", "spoonful", "ui", f"tracking.ui_port={free_port()}"],
        cwd=project,
        env=command_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("MLflow UI on http://127.0.0.1:")
    servers = psutil.Process(process.pid).children(recursive=True)
    assert len(servers) > 1
    # The address of a database may hold a password, which the list of processes would show to all.
    assert not [word for server in servers for word in server.cmdline() if "mlflow.db" in word]
    return process, servers


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_signal_ends_all_processes_without_a_traceback(
    project: Path, number: signal.Signals, code: int
) -> None:
    process, servers = started(project)
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert "Traceback" not in errors
    assert psutil.wait_procs(servers, timeout=5 if code > 0 else 20)[1] == []


@pytest.mark.slow
def test_a_server_that_dies_is_said(project: Path) -> None:
    process, servers = started(project)
    servers[0].kill()
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert "spoonful: the MLflow server ended by itself with exit code -9" in errors
    assert psutil.wait_procs(servers, timeout=5)[1] == []
