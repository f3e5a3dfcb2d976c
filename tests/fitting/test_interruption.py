import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from spoonful.fitting.interruption import Interruption, interruption

SIGNALS = (signal.SIGINT, signal.SIGTERM)
NAMES = {signal.SIGINT: "SIGINT", signal.SIGTERM: "SIGTERM"}
FIRST = "stopping after this execution"

# A training: it says what happens to it. `busy` is one call into C, half a minute long.
PROGRAM = """
import hashlib, signal, sys, time
from spoonful.fitting import interruption as module
from spoonful.fitting.interruption import interruption

def say(text):
    print(text, flush=True)

def terminate(number, frame):
    raise SystemExit(143)

def busy():
    hashlib.pbkdf2_hmac("sha256", b"password", b"salt", 100_000_000)

def raise_error():
    raise OSError("the server is gone")

def hang():
    say("aborting")
    time.sleep(60)

mode = sys.argv[1]
on_abort = {"raise": raise_error, "hang": hang}.get(mode, lambda: say("aborting"))
module._ABORT_LIMIT_S = 0.5
signal.signal(signal.SIGTERM, terminate)
try:
    with interruption(on_abort) as stop:
        say("ready")
        if mode == "polite":
            while not stop.is_wanted:
                time.sleep(0.01)
            for step in range(3):
                time.sleep(0.01)
                say(f"step {step}")
            stop.now()
            say("not reached")
        busy()
    say("not reached")
except KeyboardInterrupt:
    say("interrupted")
except SystemExit as error:
    say(f"exit {error.code}")
"""


AFTER_ECHO_S = 0.4  # sooner, a second signal counts as the first


@contextmanager
def program(mode: str) -> Iterator["subprocess.Popen[str]"]:
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, mode],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    ("number", "end"), [(signal.SIGINT, "interrupted"), (signal.SIGTERM, "exit 143")]
)
def test_after_the_first_signal_training_goes_on_until_it_ends_as_ever(
    number: int, end: str
) -> None:
    with program("polite") as process:
        process.send_signal(number)
        output, errors = process.communicate(timeout=20)
    assert output.splitlines() == ["step 0", "step 1", "step 2", end]
    assert process.returncode == 0
    assert len(errors.splitlines()) == 1
    assert FIRST in errors


@pytest.mark.parametrize("number", SIGNALS, ids=NAMES.get)
def test_a_signal_that_arrives_twice_at_once_is_one_wish(number: int) -> None:
    with program("polite") as process:
        process.send_signal(number)
        assert process.stderr is not None
        assert FIRST in process.stderr.readline()  # so that the second is one of its own
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)
    assert output.startswith("step 0")
    assert process.returncode == 0


@pytest.mark.parametrize("first", SIGNALS, ids=NAMES.get)
@pytest.mark.parametrize("second", SIGNALS, ids=NAMES.get)
def test_the_second_signal_ends_the_process_at_once_even_inside_a_long_call(
    first: int, second: int
) -> None:
    with program("busy") as process:
        process.send_signal(first)
        assert process.stderr is not None
        assert FIRST in process.stderr.readline()  # said while the call goes on
        assert process.poll() is None
        time.sleep(AFTER_ECHO_S)
        process.send_signal(second)
        output, errors = process.communicate(timeout=10)
    assert process.returncode == 128 + second
    assert output == "aborting\n"
    assert errors == "spoonful: stopped at once\n"


@pytest.mark.parametrize(("mode", "output"), [("raise", ""), ("hang", "aborting\n")])
def test_nothing_that_is_done_then_keeps_the_process_from_ending(mode: str, output: str) -> None:
    with program(mode) as process:
        process.send_signal(signal.SIGINT)
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(AFTER_ECHO_S)
        process.send_signal(signal.SIGTERM)
        found, errors = process.communicate(timeout=10)
    assert process.returncode == 143
    assert found == output
    assert errors.endswith("spoonful: stopped at once\n")


def state() -> tuple[Any, ...]:
    """What belongs to the process: handlers, the descriptor of wakeups, threads."""
    descriptor = signal.set_wakeup_fd(-1)
    signal.set_wakeup_fd(descriptor)
    handlers = [signal.getsignal(number) for number in SIGNALS]
    return (*handlers, descriptor, [t.name for t in threading.enumerate()])


def num_descriptors() -> int:
    """How many files and pipes are open; 0 where the system does not say."""
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.exists() else 0


def is_wanted(stop: Interruption) -> bool:
    return stop.is_wanted


def no_abort() -> None:
    raise AssertionError("nobody asked for it")


@contextmanager
def interrupted() -> Iterator[Interruption]:
    """A block that a wish of the user must end."""
    try:
        with interruption(no_abort) as stop:
            yield stop
    except KeyboardInterrupt:
        return
    pytest.fail("nothing ended the block")


@pytest.fixture(autouse=True)
def handlers_of_python() -> Iterator[None]:
    """As in a process of its own."""
    kept = {
        signal.SIGINT: signal.signal(signal.SIGINT, signal.default_int_handler),
        signal.SIGTERM: signal.signal(signal.SIGTERM, signal.SIG_DFL),
    }
    yield
    for number, handler in kept.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("error", [None, ValueError("of training"), KeyboardInterrupt()])
def test_afterwards_the_process_is_as_it_was(error: BaseException | None) -> None:
    before, num_before = state(), num_descriptors()
    for _ in range(3):
        with contextlib.suppress(ValueError, KeyboardInterrupt), interruption(no_abort):
            now = state()
            assert all(a != b for a, b in zip(now, before, strict=True))
            assert "spoonful-signals" in now[3]
            if error is not None:
                raise error
        assert state() == before
    assert num_descriptors() == num_before


def test_a_wakeup_descriptor_of_others_is_put_back() -> None:
    read_end, write_end = os.pipe()
    os.set_blocking(write_end, False)
    old = signal.set_wakeup_fd(write_end)
    with interruption(no_abort):
        pass
    assert signal.set_wakeup_fd(old) == write_end
    os.close(read_end)
    os.close(write_end)


def test_the_wish_is_seen_once_a_signal_has_come() -> None:
    reached = []
    with interrupted() as stop:
        assert not is_wanted(stop)
        stop.now()  # nobody wishes it: nothing happens
        signal.raise_signal(signal.SIGINT)
        reached.append(is_wanted(stop))
        stop.now()
        reached.append(True)
    assert reached == [True]


def test_a_wish_that_the_block_did_not_look_for_is_heard_at_its_end() -> None:
    reached = []
    with interrupted():
        signal.raise_signal(signal.SIGINT)
        reached.append("the block's end")
    assert reached == ["the block's end"]


def test_now_calls_the_handler_of_the_very_signal() -> None:
    calls: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, frame: calls.append(number))
    before = []
    # Also where the handler only makes a note, training is ended.
    with interrupted() as stop:
        signal.raise_signal(signal.SIGTERM)
        before += [*calls, "raised"]
        stop.now()
    assert before == ["raised"]
    assert calls == [signal.SIGTERM]


def test_other_signals_do_not_count(capsys: pytest.CaptureFixture[str]) -> None:
    calls: list[int] = []
    old = signal.signal(signal.SIGUSR1, lambda number, frame: calls.append(number))
    try:
        with interruption(no_abort) as stop:
            for _ in range(3):
                signal.raise_signal(signal.SIGUSR1)
            assert not stop.is_wanted
    finally:
        signal.signal(signal.SIGUSR1, old)
    assert calls == [signal.SIGUSR1] * 3
    assert capsys.readouterr().err == ""


def test_an_ignored_signal_stays_ignored() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    wanted = []
    with interrupted() as stop:
        signal.raise_signal(signal.SIGINT)
        wanted.append(is_wanted(stop))
        signal.raise_signal(signal.SIGTERM)
        wanted.append(is_wanted(stop))
    assert wanted == [False, True]
    assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN


def test_in_another_thread_nothing_is_changed() -> None:
    before = state()
    found: list[Any] = []

    def run() -> None:
        with interruption(no_abort) as stop:
            stop.now()
            found.append([stop.is_wanted, *(signal.getsignal(number) for number in SIGNALS)])
            found.append([t.name for t in threading.enumerate()])

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(10)
    assert found[0] == [False, *before[:2]]
    assert "spoonful-signals" not in found[1]
    assert state() == before


def test_the_block_can_be_entered_again_after_a_signal() -> None:
    for _ in range(3):
        with interrupted() as stop:
            signal.raise_signal(signal.SIGINT)
            deadline = time.monotonic() + 5
            while not stop.is_wanted and time.monotonic() < deadline:
                time.sleep(0.001)
            stop.now()
