"""What a process does whose output nobody reads, or nobody can."""

import os
import pty
import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Writes through Python, a thread's print and C, and leaves a file behind.
WORK = """
import os, sys, threading
from pathlib import Path
from spoonful import output
output.guard()
for _ in range(3):
    print("x" * 100_000)
    print("y" * 100, file=sys.stderr)
    thread = threading.Thread(target=print, args=("from a thread",))
    thread.start()
    thread.join()
    sys.stdout.flush()
try:
    os.write(1, b"as C code does")
    os.write(2, b"as C code does")
except BrokenPipeError:
    pass
with open("opened-later", "w") as file:
    file.write(str(file.fileno()))
output.flush()
Path("done").write_text(f"{output.lost(1) is not None} {output.lost(2) is not None}")
output.say_last("the last word")
"""


def script(folder: Path, tail: str) -> "subprocess.CompletedProcess[str]":
    """Run the work in a shell that does something with its output."""
    command = f"{sys.executable} -c '{WORK}' {tail}"
    return subprocess.run(
        ["bash", "-c", f"{command}; echo ${{PIPESTATUS[0]}} > code"],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
        start_new_session=True,  # no terminal
    )


@pytest.mark.parametrize(
    ("tail", "lost"),
    [
        ("| head -c 1", "True False"),
        ("| true", "True False"),
        ("2>&1 | true", "True True"),
        (">&-", "True False"),
        ("2>&-", "False True"),
        (">&- 2>&- <&-", "True True"),
        ("> /dev/full", "True False"),
        ("2> /dev/full", "False True"),
        ("> /dev/full 2> /dev/full", "True True"),
        ("", "False False"),
    ],
)
def test_the_work_is_done_whatever_becomes_of_the_output(
    tmp_path: Path, tail: str, lost: str
) -> None:
    done = script(tmp_path, tail)
    assert (tmp_path / "code").read_text() == "0\n"
    assert (tmp_path / "done").read_text() == lost
    assert int((tmp_path / "opened-later").read_text()) > 2  # no file takes stdout's place
    assert "Traceback" not in done.stderr
    assert "Error" not in done.stderr


def test_a_full_disk_behind_stdout_is_said_once(tmp_path: Path) -> None:
    done = script(tmp_path, "> /dev/full")
    lines = [line for line in done.stderr.splitlines() if line.startswith("spoonful: ")]
    assert lines == [
        "spoonful: standard output cannot be written (No space left on device): "
        "continuing without it"
    ]


def test_the_last_word_comes_to_the_terminal_where_stderr_has_no_reader(tmp_path: Path) -> None:
    child, terminal = pty.fork()
    if not child:
        os.chdir(tmp_path)
        command = f"{sys.executable} -c '{WORK}' 2>&1 | true"
        os.execvp("bash", ["bash", "-c", command])
    seen = b""
    try:
        while chunk := os.read(terminal, 4096):
            seen += chunk
    except OSError:  # how a terminal ends
        pass
    os.waitpid(child, 0)
    os.close(terminal)
    assert b"the last word" in seen
    assert b"xxxx" not in seen


WAIT = """
import sys, time
from spoonful import command_line as command
def run(arguments):
    print("ready", flush=True)
    time.sleep(60)
command._run = run
command.main(["fetch"])
"""


@pytest.mark.parametrize(
    ("number", "code", "words"),
    [
        (signal.SIGINT, 130, "spoonful: interrupted\n"),
        (signal.SIGTERM, 143, "spoonful: interrupted by SIGTERM\n"),
        (signal.SIGHUP, 129, "spoonful: interrupted by SIGHUP\n"),
    ],
)
def test_a_signal_ends_a_command_with_its_code_and_a_line(
    number: signal.Signals, code: int, words: str
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", WAIT], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(number)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (code, words)


def test_nohup_keeps_a_command_from_being_hung_up() -> None:
    process = subprocess.Popen(
        ["nohup", sys.executable, "-c", WAIT.replace("60", "1")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=60)
    assert process.returncode == 0


@pytest.mark.parametrize("made", ["pass", "raise ImportError('of something else') from None"])
def test_a_signal_that_an_import_swallows_still_ends_the_command(made: str) -> None:
    swallowing = WAIT.replace(
        "    time.sleep(60)",
        f"    try:\n        time.sleep(60)\n    except BaseException:\n        {made}",
    )
    process = subprocess.Popen(
        [sys.executable, "-c", swallowing],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (130, "spoonful: interrupted\n")
