"""Whatever becomes of a file that a stage reads, it is one line that names it."""

import hashlib
import json
import shutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from omegaconf import OmegaConf

from spoonful.config.compose import compose_config
from spoonful.config.settings import learning_settings
from spoonful.datasets.folder import Folder
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import write_checked
from spoonful.files.tables import write_csv
from spoonful.files.whole import write_json
from spoonful.fitting.checkpoints.checkpoint import Checkpoint, read_checkpoint, write_checkpoint
from spoonful.stages import evaluate, fetch, pack, split, summary
from spoonful.sweep.folder import PointRecord, SweepRecord, sweep_folder
from spoonful.workflow import interrupted
from spoonful.workflow.data import open_train_and_val
from spoonful.workflow.trained_model import read_card_and_settings, train_key
from tests.damage import DAMAGES, restore

FOLDER = ["dataset=folder", "dataset.path=mine", "dataset.image_size=[8,8]"]
RUN_ID = "ab" * 16


def picture(number: int) -> bytes:
    """A file of the same size for every number."""
    return cv2.imencode(".bmp", np.full((8, 8), number, np.uint8))[1].tobytes()


def make_model(path: Path) -> None:
    """A trained model's folder but for the training."""
    config = compose_config([])
    path.mkdir(parents=True)
    (path / "model.keras").write_bytes(b"a model")
    (path / "config.yaml").write_text(OmegaConf.to_yaml(learning_settings(config)))
    card = {
        "class_names": ["0", "1"],
        "source": learning_settings(config)["source"],
        "input": config.source.settings(config),
        "code": {},
        "best_epoch": 3,
        "fingerprints": {"train": "f", "val": "f"},
        "sha256": hashlib.sha256(b"a model").hexdigest(),
    }
    key = train_key(learning_settings(config), card)
    write_json(path / "model.json", {**card, "train_key": key})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a file of each kind."""
    project = tmp_path_factory.mktemp("made")
    checkout = Path(__file__).resolve().parents[2]
    shutil.copytree(checkout / "conf", project / "conf")
    shutil.copy(checkout / "dvc.yaml", project)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(project)
        for stage in (fetch, split, pack):
            stage.run(compose_config([]))
        for place in ("mine/ant/a.png", "mine/bee/b.png"):
            (project / place).parent.mkdir(parents=True, exist_ok=True)
            (project / place).write_bytes(picture(len(place)))
        compose_config(FOLDER).dataset.fetch(project / "raw")
        make_model(project / "models" / "train")
        metrics = {"accuracy": 0.5, "num_images": 2}
        evaluated = project / "models" / "evaluate"
        write_json(evaluated / "metrics.json", metrics)
        write_csv(evaluated / "predictions.csv", ("actual", "predicted"), [("a", "a"), ("a", "b")])
        sweep = sweep_folder(RUN_ID)
        sweep.write(SweepRecord(RUN_ID, "a", {"points": [["seed=1"]]}, ("seed",), 2))
        sweep.write_point(
            PointRecord(0, "seed=1", ["seed=1"], "failed", None, float("inf"), {}, "e", 1.5)
        )
        identity = {"settings": {"seed": 0}, "fingerprint": {"train": "f"}}
        write_checked(
            project / "models" / "checkpoints" / RUN_ID / "run.json",
            {"run_id": RUN_ID, "identity": identity},
        )
        (project / "step").mkdir()
        write_checkpoint(Checkpoint(3, {"a": 0.1}, {"w": np.arange(4.0)}), project / "step")
    return project


def open_raw_folder() -> object:
    dataset = config_of(*FOLDER).dataset
    assert isinstance(dataset, Folder)
    return dataset.open_raw(Path("raw"))


@cache
def config_of(*overrides: str) -> Any:
    """Return a config; composing one takes longer than what is tested."""
    return compose_config(list(overrides))


READERS: dict[str, Callable[[], object]] = {
    "data/raw/digits.csv": lambda: split.run(config_of()),
    "data/split.json": lambda: open_train_and_val(config_of()),
    "data/split/files.csv": lambda: pack.run(config_of()),
    "data/packed/train/meta.json": lambda: open_train_and_val(config_of()),
    "raw/files.csv": open_raw_folder,
    "raw/files.json": open_raw_folder,
    "models/train/model.json": lambda: read_card_and_settings(Path("models/train")),
    "models/train/config.yaml": lambda: read_card_and_settings(Path("models/train")),
    "models/train/model.keras": lambda: read_card_and_settings(Path("models/train")),
    "models/evaluate/metrics.json": lambda: summary.run(config_of()),
    "models/evaluate/predictions.csv": lambda: summary.run(config_of()),
    f"models/sweeps/{RUN_ID}/sweep.json": lambda: sweep_folder(RUN_ID).record(),
    f"models/sweeps/{RUN_ID}/0.json": lambda: sweep_folder(RUN_ID).points(),
    f"models/checkpoints/{RUN_ID}/run.json": lambda: interrupted._record(RUN_ID),
    "step/state.json": lambda: read_checkpoint(Path("step")),
    "step/arrays.npz": lambda: read_checkpoint(Path("step")),
}
# What is not there yet is no damage.
MAY_BE_MISSING = ("sweep.json", "0.json", "run.json")


def _applies(name: str, damage: str) -> bool:
    if damage == "missing":
        return not name.endswith(MAY_BE_MISSING)
    return damage != "a key twice" or name.endswith(".json")


CASES = [(name, damage) for name in READERS for damage in DAMAGES if _applies(name, damage)]


@pytest.mark.parametrize("name", READERS)
def test_a_whole_file_is_read(made: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(made)
    if name != "data/raw/digits.csv" and "evaluate" not in name:  # need minutes, MLflow
        assert READERS[name]() is not SpoonfulError


@pytest.mark.parametrize(("name", "damage"), CASES)
def test_a_damaged_file_is_one_line_that_names_it(
    made: Path, name: str, damage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    path = made / name
    content = path.read_bytes()
    try:
        DAMAGES[damage](path)
        with pytest.raises(SpoonfulError) as caught:
            READERS[name]()
    finally:
        restore(path, content)
    message = str(caught.value)
    assert "\n" not in message
    assert path.name in message or (damage == "missing" and "there is no data in" in message)
    if not name.startswith("step/"):  # passed over with a warning, for the one before it
        assert "expected" in message or " is missing: " in message or damage == "missing"
        assert "run `" in message or "remove " in message
    assert len(message) < 500


def test_a_model_of_an_earlier_version_says_how_to_mend_it(
    made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    shutil.copytree(made / "models" / "train", tmp_path / "old")
    path = tmp_path / "old" / "model.json"
    card = json.loads(path.read_text())
    settings = learning_settings(compose_config([]))
    old = {n: v for n, v in card.items() if n not in ("source", "code", "train_key")}
    old["input"] = {"source": "packed", **card["input"]}
    write_json(path, {**old, "train_key": train_key(settings, old)})
    with pytest.raises(SpoonfulError) as caught:
        evaluate.run(compose_config([f"evaluation.model_dir={tmp_path / 'old'}"]))
    assert str(caught.value) == (
        f"{path}: expected a key source, found none; run `spoonful train` or `dvc checkout` again"
    )


def test_a_checkpoint_without_a_key_of_this_version_is_one_line(made: Path) -> None:
    state = read_checkpoint(made / "step").state
    assert state == {"a": 0.1}
    with pytest.raises(
        SpoonfulError, match=r"state\.json: expected a key state\.epoch, found none"
    ):
        state["epoch"]


def test_each_changed_value_of_a_model_is_noticed(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    for name, old, new in (
        ("model.json", '"0"', '"1"'),
        ("model.json", '"best_epoch": 3', '"best_epoch": 2'),
        ("config.yaml", "seed: 0", "seed: 1"),
        ("config.yaml", "dtype: uint8", "dtype: float32"),
    ):
        path = made / "models" / "train" / name
        content = path.read_bytes()
        path.write_text(content.decode().replace(old, new, 1))
        with pytest.raises(SpoonfulError, match="one of the two files was altered"):
            read_card_and_settings(path.parent)
        path.write_bytes(content)


def test_a_damaged_record_of_an_interrupted_run_is_passed_over_and_told(
    made: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(made)
    path = made / "models" / "checkpoints" / RUN_ID / "run.json"
    content = path.read_bytes()
    path.write_bytes(content[:-9])
    notes: list[str] = []
    with interrupted.interrupted_run(
        "auto", interrupted.Wanted({}, {}), lambda run_id: "KILLED", notes.append
    ) as found:
        assert found is None
    path.write_bytes(content)
    assert len(notes) == 1
    assert str(path) in notes[0]


def test_a_photograph_that_changed_since_it_was_fetched_is_named_at_equal_size(
    made: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(made)
    for link in ("symlink", "copy"):
        config = compose_config([*FOLDER, f"dataset.link={link}"])
        for number in range(12):
            for name in ("ant", "bee"):
                place = made / "mine" / name / f"{number}.png"
                place.write_bytes(picture(number))
        monkeypatch.setattr(split, "raw_dir", lambda: made / "raw")
        monkeypatch.setattr(split, "split_dir", lambda: tmp_path / "split")
        monkeypatch.setattr(split, "split_table_path", lambda: tmp_path / "split.csv")
        monkeypatch.setattr(split, "split_summary_path", lambda: tmp_path / "split.json")
        dataset = config.dataset
        assert dataset.link == link
        dataset.fetch(made / "raw")
        split.run(config)
        changed = made / "mine" / "bee" / "7.png"
        changed.unlink()
        changed.write_bytes(picture(70))
        shutil.rmtree(tmp_path / "split")
        with pytest.raises(SpoonfulError) as caught:
            split.run(config)
        assert str(caught.value).startswith(f"{changed}: expected SHA-256 ")
        assert "run `spoonful fetch` again" in str(caught.value)
        assert not (tmp_path / "split").exists()
