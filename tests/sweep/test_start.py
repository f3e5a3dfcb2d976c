"""Which unfinished sweep a command continues."""

from pathlib import Path
from typing import Any

import pytest

from spoonful.config.compose import compose_config
from spoonful.project import project_root, sweeps_dir
from spoonful.sweep import start
from spoonful.sweep.folder import SweepRecord, sweep_folder


@pytest.fixture(autouse=True)
def in_the_project(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    project_root.cache_clear()
    monkeypatch.setattr(start, "_status", lambda config, record: STATUS[record.run_id])


STATUS = {"finished": "FINISHED", "failed": "FAILED", "gone": None}
POINTS: dict[str, Any] = {"points": [["seed=0"], ["seed=1"]]}


def wrote(run_id: str, data: str) -> None:
    folder = sweep_folder(run_id)
    folder.path.mkdir(parents=True)
    folder.write(SweepRecord(run_id, "sweep", {**POINTS, "data": data}, ("seed",), 2))


def found(data: str) -> str | None:
    interrupted = start._interrupted(
        compose_config(["sweep.resume=auto"]), {**POINTS, "data": data}
    )
    return None if interrupted is None else interrupted[1].run_id


def test_a_sweep_of_the_same_data_is_continued_without_a_word(
    capsys: pytest.CaptureFixture[str],
) -> None:
    wrote("failed", "before")
    assert found("before") == "failed"
    assert capsys.readouterr().err == ""


def test_an_unfinished_sweep_on_other_data_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    wrote("failed", "before")
    assert found("after") is None
    (line,) = capsys.readouterr().err.splitlines()
    assert "the unfinished sweep failed trained on other data" in line
    assert "a new sweep begins; with the same data as before, the same command continues" in line


def test_finished_and_unknown_sweeps_are_not_told(capsys: pytest.CaptureFixture[str]) -> None:
    wrote("finished", "before")
    wrote("gone", "before")
    assert len(list(sweeps_dir().iterdir())) == 2
    assert found("before") is None  # the same command begins another one
    assert found("after") is None
    assert capsys.readouterr().err == ""
