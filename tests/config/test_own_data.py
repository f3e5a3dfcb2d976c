"""A data set of the user's own is named by its folder, also where only its split is there."""

import json
from pathlib import Path

import pytest

from spoonful.config.compose import compose_config
from spoonful.config.own_data import note_path, with_noted_path
from spoonful.errors import SpoonfulError
from spoonful.project import split_origin_path, split_summary_path


@pytest.fixture
def split(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project whose split was made from the folder "my photos"."""
    monkeypatch.chdir(project)
    images = project / "my photos"
    quoted = str(images).replace("'", "\\'")
    config = compose_config(["dataset=folder", f"dataset.path='{quoted}'"])
    split_summary_path().parent.mkdir()
    split_summary_path().write_text(json.dumps({"digest": "abc"}))
    note_path(config, "abc")
    return images


def test_the_experiment_is_named_by_the_folder(split: Path) -> None:
    given = compose_config(["dataset=folder", "dataset.path=/some/where/birds/"])
    assert given.tracking.experiment_name == "birds"
    of_split = compose_config(["dataset=folder"])
    assert of_split.tracking.experiment_name == "my photos"
    assert getattr(with_noted_path(of_split).dataset, "path", None) == str(split)
    assert compose_config([]).tracking.experiment_name == "digits"


def test_a_note_of_another_split_is_not_believed(split: Path) -> None:
    split_summary_path().write_text(json.dumps({"digest": "of another"}))
    config = compose_config(["dataset=folder"])
    assert config.tracking.experiment_name == "folder"
    assert getattr(with_noted_path(config).dataset, "path", "") is None


def test_a_damaged_note_names_no_run(split: Path) -> None:
    note = split_origin_path()
    note.write_text(note.read_text().replace("my photos", "my photon"))
    config = compose_config(["dataset=folder"])  # `spoonful split` makes the note anew
    with pytest.raises(SpoonfulError, match=r"origin\.json: expected content with the SHA-256 "):
        with_noted_path(config)


def test_the_name_can_be_chosen(split: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", "of the environment")
    config = compose_config(["dataset=folder"])
    assert config.tracking.experiment_name == "of the environment"
    config = compose_config(["dataset=folder", "tracking.experiment_name=mine"])
    assert config.tracking.experiment_name == "mine"
