"""The server of a sweep's processes, where the sweep itself is a fork: one more fork.

`spoonful sweep` starts a server of forks, which imports TensorFlow and MLflow for as long as ten
short trainings take. In a fork they are imported already. So before it becomes a sweep, it makes a
process that waits, and that becomes the server when the sweep starts one. What a user's sweep
starts is tested with a whole command (`processes.start_command`).
"""

import fcntl
import json
import os
import signal
import socket
import traceback
from collections.abc import Sequence
from multiprocessing import util
from typing import Any

_MOST = 8  # descriptors that a server is given; it is two
_FREE = 256  # no process of a test has so many


def wait_to_serve() -> None:
    """Make the process that becomes the server of forks once this process starts one."""
    asking, asked = socket.socketpair()
    waiting = os.fork()
    if waiting == 0:
        asking.close()
        _become_server(asked)
    asked.close()
    start = util.spawnv_passfds

    def started(path: bytes, args: Any, passfds: Sequence[int]) -> int:
        code = args[-1]
        if "forkserver" not in code:
            return start(path, args, passfds)
        blocked = [int(number) for number in signal.pthread_sigmask(signal.SIG_BLOCK, [])]
        message = json.dumps([code, list(passfds), dict(os.environ), blocked]).encode()
        socket.send_fds(asking, [len(message).to_bytes(8, "big")], list(passfds))
        asking.sendall(message)
        return waiting

    util.spawnv_passfds = started


def _become_server(asked: socket.socket) -> None:
    """Wait for the code that a new interpreter would be given, and run it; never return."""
    try:
        size, received, _, _ = socket.recv_fds(asked, 8, _MOST)
        if size:  # none: the sweep has ended without a server
            with asked.makefile("rb") as file:
                message = file.read(int.from_bytes(size, "big"))
            asked.close()
            code, numbers, environment, blocked = json.loads(message)
            _renumber(received, numbers)
            os.environ.clear()
            os.environ.update(environment)
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            exec(code, {})
    except Exception:
        traceback.print_exc()
    finally:
        os._exit(0)


def _renumber(descriptors: Sequence[int], numbers: Sequence[int]) -> None:
    """Give descriptors the numbers that the code names them by."""
    moved = [fcntl.fcntl(descriptor, fcntl.F_DUPFD, _FREE) for descriptor in descriptors]
    for descriptor in descriptors:
        os.close(descriptor)
    for descriptor, number in zip(moved, numbers, strict=True):
        os.dup2(descriptor, number)
        os.close(descriptor)
