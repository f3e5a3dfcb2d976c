"""Locks between processes: really killed, forked and started processes, and files left behind."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import psutil
import pytest

from spoonful.errors import SpoonfulError
from spoonful.files.lock import Lock, locked, try_lock, try_lock_content
from spoonful.refusals import refusal_in

HOLD = """
import sys, time
from pathlib import Path
from spoonful.files.lock import try_lock, try_lock_content
lock = {"file": try_lock, "content": try_lock_content}[sys.argv[1]](Path(sys.argv[2]))
print("held" if lock else "not held", flush=True)
sys.stdin.read()
"""


def holding(path: Path, kind: str = "file") -> "subprocess.Popen[str]":
    """Start a process that holds a lock until its input ends."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, kind, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: "subprocess.Popen[str]") -> None:
    process.kill()
    process.communicate(timeout=60)


def is_free(path: Path) -> bool:
    lock = try_lock(path)
    if lock is not None:
        lock.release()
    return lock is not None


def test_a_lock_excludes_others_until_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = try_lock(path)
    assert lock is not None
    assert try_lock(path) is None  # not even this process has it twice
    lock.release()
    with lock:  # releasing twice does nothing
        assert is_free(path)


@pytest.mark.parametrize("kind", ["file", "content"])
def test_the_lock_of_a_killed_process_is_free_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "lock"
    path.touch()
    process = holding(path, kind)
    try:
        assert not is_free(path)
        process.send_signal(signal.SIGKILL)
        process.wait(timeout=60)
        assert is_free(path)  # its file is still there, which does no harm
        assert path.exists()
    finally:
        end(process)


def test_who_cannot_have_it_is_told_who_holds_it(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    process = holding(path)
    try:
        with pytest.raises(SpoonfulError) as caught, locked(path, "the split is being written"):
            pass
        assert str(caught.value) == (
            f"the split is being written by process {process.pid}: wait until it is done, or end it"
        )
        begin = time.monotonic()
        with pytest.raises(SpoonfulError, match=r"\(waited 0\.3 s\)"), locked(path, "it", 0.3):
            pass
        assert time.monotonic() - begin >= 0.3
        assert path.read_text().split() == [str(process.pid)]  # those who wait leave it as it is
    finally:
        end(process)


def test_who_waits_has_it_once_it_is_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    lock = try_lock(path)
    assert lock is not None
    threading.Timer(0.2, lock.release).start()  # a lock belongs to no thread
    with locked(path, "it", 60):
        assert not is_free(path)
    assert is_free(path)


def test_a_lock_file_with_any_content_is_a_lock_file(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.write_bytes(b"\xff no number")
    lock = try_lock(path)
    assert lock is not None
    path.write_bytes(b"\xff no number")
    with pytest.raises(SpoonfulError, match="it by another process: "), locked(path, "it"):
        pass
    lock.release()


def test_a_folder_that_is_gone_is_not_brought_back(tmp_path: Path) -> None:
    assert try_lock(tmp_path / "gone" / "lock") is None
    assert try_lock_content(tmp_path / "gone") is None
    assert not any(tmp_path.iterdir())


def test_the_lock_of_a_removed_file_locks_nobody_out(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lock"
    path.parent.mkdir()
    old = try_lock(path)
    assert old is not None
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    new = try_lock(path)
    assert new is not None
    old.release()
    assert not is_free(path)
    new.release()


@pytest.mark.parametrize("change", ["removed", "replaced"])
def test_a_file_that_is_removed_before_it_is_locked_is_not_taken_for_the_lock(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = tmp_path / "lock"
    path.touch()
    there = os.open
    first = True

    def open_and_change(name: Path, flags: int, mode: int) -> int:
        nonlocal first
        descriptor = there(name, flags, mode)
        if first:
            first = False
            path.unlink()
            if change == "replaced":
                path.touch()
        return descriptor

    monkeypatch.setattr(os, "open", open_and_change)
    lock = try_lock(path)
    assert lock is not None
    monkeypatch.undo()
    assert not is_free(path)  # the file that is there now is the one that is locked
    lock.release()


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_content_is_locked_itself(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "out"
    path.mkdir() if kind == "folder" else path.write_text("content")
    process = holding(path, "content")
    try:
        assert try_lock_content(path) is None
    finally:
        end(process)
    lock = try_lock_content(path)
    assert isinstance(lock, Lock)
    path.rename(tmp_path / "renamed")
    assert try_lock_content(tmp_path / "renamed") is None
    lock.release()
    assert kind == "folder" or (tmp_path / "renamed").read_text() == "content"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_forked_process_does_not_hold_the_lock_of_its_parent(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    program = f"""
import os, signal, time
from pathlib import Path
from spoonful.files.lock import locked, try_lock
path = Path({str(path)!r})
with locked(path, "it"):
    if os.fork() == 0:
        # The parent's lock is not this process's: it can neither have it nor free it.
        print("taken" if try_lock(path) else "not taken", flush=True)
    else:
        os.wait()
        print("taken" if try_lock(path) else "not taken", flush=True)
        if os.fork() == 0:
            os.close(1)
            time.sleep(60)
        os.kill(os.getpid(), signal.SIGKILL)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, text=True, timeout=30, check=False
    )
    assert done.stdout == "not taken\nnot taken\n"
    assert done.returncode == -signal.SIGKILL
    assert is_free(path)  # although its second child sleeps


def num_open_files() -> int:
    return psutil.Process().num_fds()


BECOME_ANOTHER_USER = """
import os, sys
from pathlib import Path
from spoonful.files.lock import locked
from spoonful.refusals import refusal_in
import filelock  # its files may not be readable to the other user
os.setuid(12345)
try:
    with locked(Path(sys.argv[1]), "it"):
        print("held")
except OSError as error:
    print(refusal_in(error))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="becomes another user as root")
@pytest.mark.parametrize("there", ["file", "folder"])
def test_what_another_user_owns_is_one_line(tmp_path: Path, there: str) -> None:
    path = tmp_path / "lock"
    for folder in (tmp_path, *tmp_path.parents[:3]):
        folder.chmod(0o755)
    if there == "file":
        path.touch(0o644)
    done = subprocess.run(
        [sys.executable, "-c", BECOME_ANOTHER_USER, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.stdout.startswith(f"{path}: permission denied; "), done.stderr
    assert len(done.stdout.splitlines()) == 1


def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import filelock

    def refuse(descriptor: int, *, blocking: bool) -> bool:
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr(filelock, "lock_descriptor", refuse)
    before = num_open_files()
    with pytest.raises(OSError, match="not implemented") as caught:
        try_lock(tmp_path / "lock")
    said = refusal_in(caught.value)
    assert said is not None
    assert said.startswith(f"{tmp_path / 'lock'}: function not implemented; ")
    assert num_open_files() == before
