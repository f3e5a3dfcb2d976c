"""`spoonful` as a user runs it, and, for the slow tests, forked where TensorFlow is imported.

Importing TensorFlow, Keras and MLflow is half of what a short training costs, and the slow tests
start more than a hundred. So a server imports them once, and each of those processes is a fork of
it: with its own memory, signals, files and exit code. Whole commands, their start included, are run
by `run_command`, where DVC or they are interrupted, and by the tests of the command line.
"""

import atexit
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TextIO
from unittest import mock

from spoonful.quiet import ONEDNN
from tests.sweep_server import wait_to_serve

ROOT = Path(__file__).resolve().parents[1]
LIMIT_S = 300
_PROGRESS = re.compile(r"spoonful [a-z]+: ")  # what is meant for the user begins "spoonful: "
_CONTEXT = multiprocessing.get_context("forkserver")
# Read when the modules are imported; a command sets them before it imports them.
_FOR_IMPORTS = {
    "KERAS_BACKEND": "tensorflow",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "PYTHONPATH": str(ROOT),
    "TF_CPP_MIN_LOG_LEVEL": "3",
    ONEDNN: "1",
}
# What imports TensorFlow; where none of these has run yet, the others start as fast by themselves.
_TRAINING = ("train", "sweep", "evaluate", "reproduce", "preview")
_serving: list[int] = []  # the process whose server of forks runs


def command_environment() -> dict[str, str]:
    """The environment of a user who has activated .venv, with no settings of their own."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("SPOONFUL_", "MLFLOW_"))}
    scripts = str(Path(sys.executable).parent)
    return {**kept, "PATH": f"{scripts}{os.pathsep}{kept.get('PATH', '')}"}


def run_command(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `spoonful ARGUMENTS` in a folder as a user would; stderr is without its progress."""
    done = subprocess.run(
        [sys.executable, "-m", "spoonful", *arguments],
        cwd=folder,
        env={**command_environment(), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    done.stderr = without_progress(done.stderr)
    return done


def without_progress(errors: str) -> str:
    """Return what a command wrote to stderr without the lines that say what it is doing.

    They come where something takes longer than a second, so they depend on the machine's load.
    """
    return "".join(line for line in errors.splitlines(True) if not _PROGRESS.match(line))


def run_spoonful(
    folder: Path, *arguments: str, environment: dict[str, str] | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run `spoonful ARGUMENTS` in a folder; a fork where that saves an import of TensorFlow."""
    if arguments[0] not in _TRAINING and os.getpid() not in _serving:
        return run_command(folder, *arguments, environment=environment)
    process = ForkedSpoonful(arguments, folder, {**command_environment(), **(environment or {})})
    try:
        output, errors = process.communicate(LIMIT_S)
    finally:
        process.kill()
    code = process.wait()
    return subprocess.CompletedProcess(list(arguments), code, output, without_progress(errors))


class _Output:
    """The files that a process writes its stdout and stderr to; removed with this object."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="spoonful-output-")
        self.paths = tuple(Path(self._folder.name) / name for name in ("stdout", "stderr"))

    def read(self) -> tuple[str, str]:
        output, errors = (path.read_text() for path in self.paths)
        return output, errors


class StartedSpoonful:
    """`spoonful ARGUMENTS` under way as a whole command, with methods of subprocess.Popen.

    It writes to files: a pipe that is read only at the end would fill up, and a sweep of a thousand
    epochs would then block forever.

    Args:
        arguments: of the command line.
        folder: where it runs.
        environment: all of its variables.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._output = _Output()
        command = [sys.executable, "-m", "spoonful", *arguments]
        stdout, stderr = self._output.paths
        with stdout.open("w") as out, stderr.open("w") as err:
            self._process = subprocess.Popen(
                command, cwd=folder, env=environment, stdout=out, stderr=err
            )
        self.pid = self._process.pid
        self.poll = self._process.poll
        self.send_signal = self._process.send_signal
        self.kill = self._process.kill
        self.wait = self._process.wait

    @property
    def returncode(self) -> int | None:
        return self._process.returncode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; return what it wrote to stdout and stderr."""
        self.wait(timeout)
        return self.read()

    def read(self) -> tuple[str, str]:
        """Return what it has written to stdout and stderr until now."""
        return self._output.read()


class ForkedSpoonful:
    """`spoonful ARGUMENTS` under way as a fork, with methods of subprocess.Popen.

    Args:
        arguments: of the command line.
        folder: where it runs.
        environment: all of its variables.
    """

    def __init__(
        self, arguments: Sequence[str], folder: Path, environment: Mapping[str, str]
    ) -> None:
        self._output = _Output()
        self._process = forks().Process(
            target=_run, args=(list(arguments), folder, dict(environment), self._output.paths)
        )
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        return self._process.exitcode

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        if self._process.exitcode is None:
            raise subprocess.TimeoutExpired("spoonful", timeout or 0)
        return self._process.exitcode

    def communicate(self, timeout: float | None = None) -> tuple[str, str]:
        """Wait for its end; return what it wrote to stdout and stderr."""
        self.wait(timeout)
        return self.read()

    def read(self) -> tuple[str, str]:
        """Return what it has written to stdout and stderr until now."""
        return self._output.read()


def forked(
    act: Callable[..., object], folder: Path, *arguments: object
) -> tuple[BaseProcess, TextIO]:
    """Call a function of a module in a fork, in a folder; return the process and what it prints.

    For what a script of its own would do, where its start and its imports prove nothing.
    """
    printed, written = forks().Pipe(duplex=False)
    process = forks().Process(target=_act, args=(act, folder, arguments, written))
    process.start()
    written.close()
    with printed:
        return process, os.fdopen(os.dup(printed.fileno()), "r", 1)


def _act(
    act: Callable[..., object], folder: Path, arguments: tuple[object, ...], written: Connection
) -> None:
    """Call the function; in the new process."""
    os.dup2(written.fileno(), 1)
    written.close()
    os.chdir(folder)
    try:
        act(*arguments)
    finally:
        # A fork ends without them.
        atexit._run_exitfuncs()


def forks() -> ForkServerContext:
    """Return what makes processes of the server that has imported TensorFlow."""
    _CONTEXT.set_forkserver_preload(["tests.preloaded"])
    with mock.patch.dict(os.environ, _FOR_IMPORTS):
        forkserver.ensure_running()
    _serving[:] = [os.getpid()]
    return _CONTEXT


def _run(
    arguments: list[str], folder: Path, environment: dict[str, str], outputs: tuple[Path, ...]
) -> None:
    """Become the command; in the new process."""
    for descriptor, path in enumerate(outputs, start=1):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), descriptor)
    become_command(arguments, folder, environment)


def become_command(
    arguments: list[str], folder: Path | str, environment: Mapping[str, str]
) -> None:
    """Run the command in this process, a new fork, to its end."""
    if "tensorflow" not in sys.modules:
        raise RuntimeError("tests/preloaded.py was not imported by the server of forks")
    os.environ.clear()
    os.environ.update(environment)
    time.tzset()
    os.chdir(folder)
    if arguments[0] == "sweep" or "--multirun" in arguments:
        wait_to_serve()
    from spoonful.command_line import main

    try:
        main(arguments)
    finally:
        # A fork ends without them.
        atexit._run_exitfuncs()
