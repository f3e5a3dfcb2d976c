"""A process for each point of a sweep: a crash does not affect the others; none is left behind.

They are forks of a server that has imported TensorFlow and MLflow once, which would take too long
for a training of a few seconds. Memory that TensorFlow keeps is freed with its process.
"""

import atexit
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import connection, forkserver, reduction, resource_tracker
from multiprocessing.process import BaseProcess
from typing import Any, Generic, TypeVar

from spoonful import output, signals
from spoonful.progress import SIDE_BY_SIDE
from spoonful.quiet import ONEDNN
from spoonful.watched import SWEEP_PID, end_after, end_self, end_with_parent

Work = TypeVar("Work")

# A fork of a process that has run Apple's frameworks may not use them.
_CONTEXT: Any = multiprocessing.get_context("spawn" if sys.platform == "darwin" else "forkserver")
_PRELOADED = "spoonful.sweep.preload"
_SAFE_PATH = "PYTHONSAFEPATH"
# If these ended the server, its forks would end too; each process handles them itself.
_KEPT_FROM_SERVER = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}
# A process whose sweep is gone has this time to write its checkpoint; then it is killed.
ORPHAN_LIMIT_S = 8.0
# Time to end on request: a step, and a checkpoint of several GB. Ctrl-C ends the wait.
_END_LIMIT_S = 120.0
TERMINATED = 128 + signal.SIGTERM


@dataclass
class Processes(Generic[Work]):
    """Runs a function in processes, each with its own work.

    Args:
        function: called with the work, in its own process; importable by name.
        num_parallel: number of processes at a time.
    """

    function: Callable[[Work], object]
    num_parallel: int
    # By the process's sentinel.
    _running: dict[int, tuple[Work, BaseProcess]] = field(default_factory=dict)

    def run(
        self, next_work: Callable[[], Work | None], ended: Callable[[Work, int], object]
    ) -> None:
        """Run work until there is none; no process is left, however the call ends.

        Args:
            next_work: returns the next work once a process is free; None: no more.
            ended: called with work whose process has ended and its exit code, < 0 for a signal.
        """
        try:
            has_more = True
            while has_more or self._running:
                while has_more and len(self._running) < self.num_parallel:
                    work = next_work()
                    if work is None:
                        has_more = False
                    else:
                        self._start(work)
                if self._running:
                    connection.wait(list(self._running))
                    for sentinel, (work, process) in list(self._running.items()):
                        if not process.is_alive():
                            del self._running[sentinel]
                            process.join()
                            ended(work, process.exitcode or 0)
        except BaseException:
            self._end_all()
            raise

    def _start(self, work: Work) -> None:
        start_server()
        process = _CONTEXT.Process(
            target=_run,
            args=(self.function, work, dict(os.environ), _Outputs((1, 2))),
            name=SIDE_BY_SIDE if self.num_parallel > 1 else None,
            daemon=True,  # ends with the interpreter, even if it is not in _running
        )
        process.start()
        self._running[process.sentinel] = work, process

    def _end_all(self) -> None:
        """Let every process write its checkpoint and end; a second signal kills them."""
        try:
            for _, process in self._running.values():
                process.terminate()
            end = time.monotonic() + _END_LIMIT_S
            for _, process in self._running.values():
                process.join(max(0.0, end - time.monotonic()))
        finally:
            for _, process in self._running.values():
                process.kill()
                process.join()
            self._running.clear()


@dataclass(frozen=True)
class _Outputs:
    """Descriptors that become stdout and stderr of the process that they are sent to."""

    descriptors: Sequence[Any]

    def __reduce__(self) -> Any:
        return _Outputs, ([reduction.DupFd(one) for one in self.descriptors],)

    def take(self) -> None:
        """Write to them from now on, in the process that received them."""
        for number, received in zip((1, 2), self.descriptors, strict=True):
            descriptor = received.detach()
            os.dup2(descriptor, number)
            if descriptor != number:
                os.close(descriptor)


def start_server() -> None:
    """Start the server of forks, which does the slow imports meanwhile."""
    if _CONTEXT.get_start_method() != "forkserver":
        return
    _CONTEXT.set_forkserver_preload([_PRELOADED])
    resource_tracker.ensure_running()  # unblocks signals: before they are blocked
    # Modules in the folder where the command was typed must not be imported.
    set_before = {name: os.environ.get(name) for name in (_SAFE_PATH, SWEEP_PID)}
    os.environ.update({_SAFE_PATH: set_before[_SAFE_PATH] or "1", SWEEP_PID: str(os.getpid())})
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _KEPT_FROM_SERVER)
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
        for name, value in set_before.items():
            os.environ.pop(name)
            if value is not None:
                os.environ[name] = value


def _run(
    function: Callable[[Any], object],
    work: Any,
    environment: Mapping[str, str],
    outputs: _Outputs,
) -> None:
    """Do the work in the new process."""
    end_with_parent()  # the server: if it is killed, nothing waits for this process any more
    sweep = multiprocessing.parent_process()
    if sweep is not None:
        end_after(partial(connection.wait, [sweep.sentinel]), ORPHAN_LIMIT_S, end_self)
    own = {name: os.environ[name] for name in (ONEDNN,) if name in os.environ}
    os.environ.clear()
    os.environ.update({**own, **environment})  # TensorFlow was imported with its own environment
    outputs.take()
    # The server has imported DVC, whose colorama replaces them.
    sys.stdout, sys.stderr = sys.__stdout__, sys.__stderr__
    output.guard()
    # Ctrl-C in a terminal reaches all processes; the sweep's own signals the others by SIGTERM.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signals.install()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT, signal.SIGTERM})
    try:
        function(work)
    finally:
        output.flush()
        atexit._run_exitfuncs()  # a fork ends without calling them
