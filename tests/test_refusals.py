"""What the system and libraries refuse, in words."""

import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from spoonful.command_line import main
from spoonful.errors import SpoonfulError
from spoonful.refusals import is_for_want_of_room, refusal_in


@pytest.mark.parametrize(
    ("error", "parts"),
    [
        (OSError(errno.ENOSPC, "No space", "/a/b"), ("/a/b: no space is left", "make room")),
        (OSError(errno.ENOSPC, "No space"), ("a file: no space is left", "make room")),
        (OSError(errno.ENOSPC, "No space", "/from", None, "/to"), ("/to: no space",)),
        (OSError(errno.EDQUOT, "Quota", "/a"), ("/a: the disk quota",)),
        (PermissionError(errno.EACCES, "no", "/a"), ("/a: permission denied", "right to write")),
        (OSError(errno.EROFS, "no", "/a"), ("/a: the file system is read-only",)),
        (OSError(errno.EMFILE, "many"), ("too many open files", "ulimit -n")),
        (NotADirectoryError(errno.ENOTDIR, "no", "/a/b"), ("/a/b: a file is where a folder",)),
        # As h5py and pyarrow say it.
        (OSError("Can't write data (errno = 28, error message = 'No space')"), ("no space",)),
        (OSError("Error writing bytes. Detail: [errno 28] No space"), ("no space is left",)),
        (sqlite3.OperationalError("database or disk is full"), ("tracking.uri", "make room")),
    ],
)
def test_a_refusal_is_one_line_that_says_what_to_do(
    error: Exception, parts: tuple[str, ...]
) -> None:
    words = refusal_in(error)
    assert words is not None
    assert "\n" not in words
    assert not [part for part in parts if part not in words], words


def test_a_refusal_is_found_behind_what_a_library_made_of_it() -> None:
    error = RuntimeError("as MLflow says it")
    error.__cause__ = sqlite3.OperationalError("database or disk is full")
    assert "disk is full" in (refusal_in(error) or "")


@pytest.mark.parametrize("error", [ValueError("a defect"), OSError("a defect"), BrokenPipeError()])
def test_a_defect_is_no_refusal(error: Exception) -> None:
    assert refusal_in(error) is None


def test_a_stage_that_may_not_write_is_one_line(project: Path) -> None:
    (project / "data").touch()  # a file where a folder is expected
    done = subprocess.run(
        [sys.executable, "-m", "spoonful", "fetch"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("spoonful: ")]
    assert done.returncode == 2
    assert lines == [
        f"spoonful: {os.path.realpath(project)}/data: a file is where a folder is expected; move "
        "it away, then run the same command again"
    ]
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "override",
    [
        "generator.batch_size=99999999999999999999",
        "trainer.epochs=" + "9" * 400,
        "optimizer.learning_rate=" + "9" * 400,
        "optimizer.learning_rate=1e400",
    ],
)
def test_a_number_too_large_is_one_line(override: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["train", "--cfg", override])
    assert caught.value.code == 2
    errors = capsys.readouterr().err
    assert f"spoonful: {override.partition('=')[0]}=" in errors
    assert "expected" in errors


def test_keras_loses_no_cause() -> None:
    """It raises what a callback raised once more, from None."""

    def write() -> None:
        try:
            raise OSError(errno.ENOSPC, "No space", "/a")
        except OSError as cause:
            raise SpoonfulError("the checkpoint cannot be written") from cause

    def fit() -> None:
        try:
            write()
        except SpoonfulError as error:
            raise error from None

    with pytest.raises(SpoonfulError) as caught:
        fit()
    assert "/a: no space is left" in (refusal_in(caught.value) or "")
    assert is_for_want_of_room(caught.value)
    assert not is_for_want_of_room(SpoonfulError("bad input"))
    assert not is_for_want_of_room(PermissionError(errno.EACCES, "no", "/a"))
