"""`spoonful` where DVC starts it: a fork of a process that has imported TensorFlow.

DVC finds the command of a stage on PATH. There lies a small program of that name, which hands its
arguments, folder, variables and open files to this process and ends with the exit code of the fork
that this process makes of them. A signal to it reaches no fork: what is to be interrupted is
started by its real command.
"""

import atexit
import json
import multiprocessing
import os
import socket
import sys
import threading
import time
from functools import cache
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.processes import become_command, forks

_PROGRAM = """#!{python} -IS
import json, os, socket, sys
with socket.socket(socket.AF_UNIX) as server:
    server.connect({address!r})
    asked = json.dumps([sys.argv[1:], os.getcwd(), dict(os.environ)]).encode()
    socket.send_fds(server, [len(asked).to_bytes(8, "big")], [0, 1, 2])
    server.sendall(asked)
    code = server.recv(1)
sys.exit(code[0] if code else 1)
"""
_starting = threading.Lock()  # multiprocessing looks after its children in whatever thread starts


@cache
def commands_folder() -> Path:
    """A folder for the front of PATH with a `spoonful` in it that is a fork."""
    folder = TemporaryDirectory(prefix="forked-")
    atexit.register(folder.cleanup)
    address = Path(folder.name) / "socket"
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(address))
    listening.listen()
    threading.Thread(target=_serve, args=(listening,), daemon=True).start()
    commands = Path(folder.name) / "commands"
    commands.mkdir()
    program = commands / "spoonful"
    program.write_text(_PROGRAM.format(python=sys.executable, address=str(address)))
    program.chmod(0o755)
    return commands


def _serve(listening: socket.socket) -> None:
    while True:
        asking, _ = listening.accept()
        threading.Thread(target=_answer, args=(asking,), daemon=True).start()


def _answer(asking: socket.socket) -> None:
    """Run one command, and send its exit code."""
    size, descriptors, _, _ = socket.recv_fds(asking, 8, 3)
    with asking, asking.makefile("rb") as file:
        arguments, folder, environment = json.loads(file.read(int.from_bytes(size, "big")))
        files = [Connection(descriptor) for descriptor in descriptors]
        process = forks().Process(target=_run, args=(arguments, folder, environment, files))
        with _starting:
            process.start()
        for kept in files:
            kept.close()
        while (code := _exit_code(process)) is None:
            time.sleep(0.02)
        asking.sendall(bytes([code if code >= 0 else 128 - code]))


def _exit_code(process: "multiprocessing.context.ForkServerProcess") -> int | None:
    with _starting:
        return process.exitcode


def _run(
    arguments: list[str], folder: str, environment: dict[str, str], files: list[Connection]
) -> None:
    """Become the command; in the new process."""
    for number, file in enumerate(files):
        os.dup2(file.fileno(), number)
        file.close()
    become_command(arguments, folder, environment)
