"""Lines that say what is going on: real clocks, shortened."""

import io
import re
import sys
import time
from collections.abc import Iterator

import pytest

from spoonful import progress, progress_bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    limits = {"_SOON_S": 0.05, "_FIRST_S": 0.05, "_EVERY_S": 0.2, "_REFRESH_S": 0.05}
    for name, seconds in limits.items():
        monkeypatch.setattr(progress, name, seconds)
    yield
    assert progress._voice is None


def lines(written: str) -> list[str]:
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f]", written), written
    return written.splitlines()


def test_what_lasts_is_said_soon_and_again(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.told("spoonful fetch", "fetching the data"):
        time.sleep(0.6)
    said = lines(capsys.readouterr().err)
    assert said[0] == "spoonful fetch: fetching the data ..."
    assert len(said) >= 2
    assert set(said[1:]) <= {
        f"spoonful fetch: fetching the data ... 0:0{second}" for second in range(3)
    }


def test_what_is_quick_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        progress.told("spoonful fetch", "fetching the data"),
        progress.bar("a", 2, "images") as bar,
    ):
        bar.update(2)
    written = capsys.readouterr()
    assert (written.out, written.err) == ("", "")


def test_outside_of_a_command_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.doing("loading", at_once=True), progress.bar("count", 2, "images") as bar:
        bar.update(1)
        time.sleep(0.3)
    assert capsys.readouterr().err == ""


def test_the_innermost_activity_is_said_and_then_the_one_around_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with progress.told("spoonful train", "preparing"):
        with progress.doing("loading TensorFlow", at_once=True):
            assert "loading TensorFlow ...\n" in capsys.readouterr().err  # before it begins
            time.sleep(0.3)
        first = lines(capsys.readouterr().err)
        assert all("loading TensorFlow" in line for line in first)
        time.sleep(0.3)
    assert "spoonful train: preparing ..." in capsys.readouterr().err


def test_a_bar_is_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        progress.told("spoonful train", "preparing"),
        progress.bar("epoch 1/2", 4_000, "steps", detail=lambda speed: "loss 0.5000") as bar,
    ):
        bar.update(1_200)
        time.sleep(0.5)
    said = lines(capsys.readouterr().err)
    assert re.fullmatch(
        r"spoonful train: epoch 1/2  1,200/4,000 steps  loss 0\.5000  left \d+:\d\d", said[0]
    )


def test_a_bar_that_stands_still_gives_a_sign_of_life(capsys: pytest.CaptureFixture[str]) -> None:
    with (
        progress.told("spoonful pack", "packing"),
        progress.bar("pack", 10, "images") as bar,
    ):
        bar.update(3)
        time.sleep(0.75)
    said = lines(capsys.readouterr().err)
    assert len(said) >= 2
    assert said[-1] == "spoonful pack: pack  3/10 images"


def test_on_a_terminal_it_is_a_bar_with_the_detail(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", terminal := Terminal())
    monkeypatch.setattr(progress, "_is_worker", lambda: False)
    with (
        progress.told("spoonful train", "preparing"),
        progress.bar("epoch 1/2", 40, "steps", detail=lambda speed: "loss 0.2500") as bar,
    ):
        for _ in range(4):
            bar.update(10)
            time.sleep(0.15)
    assert "loss 0.2500" in terminal.getvalue()
    assert "40/40" in terminal.getvalue()
    assert "spoonful train: epoch" not in terminal.getvalue()


def test_points_of_a_sweep_are_told_apart(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.told_of("3", "preparing the training"):  # in a process of joblib's
        time.sleep(0.15)
        progress.result("epoch 1/1")
    written = capsys.readouterr()
    assert written.err.startswith("spoonful sweep: [3] preparing the training ...\n")
    assert written.out == "[3] epoch 1/1\n"


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0:00"), (61.4, "1:01"), (3_599.6, "1:00:00"), (90_061, "25:01:01")]
)
def test_times_are_written_as_on_a_clock(seconds: float, text: str) -> None:
    assert progress_bar.clock(seconds) == text
