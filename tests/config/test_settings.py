import dataclasses
from pathlib import Path
from typing import Any

import pytest

from spoonful.config.compose import compose_config
from spoonful.config.settings import (
    differences,
    flattened,
    learning_settings,
    run_name,
    settings_of,
    with_absolute_paths,
)
from spoonful.datasets.folder import Folder
from spoonful.datasets.mnist import Mnist


def _leaves(value: dict[str, Any], prefix: str = "") -> set[str]:
    names: set[str] = set()
    for name, item in value.items():
        inner = isinstance(item, dict) and item
        names |= _leaves(item, f"{prefix}{name}.") if inner else {f"{prefix}{name}"}
    return names


def test_flattened_has_every_key_with_its_value() -> None:
    config = compose_config(["optimizer/schedule=warmup_cosine", "+tracking.tags.team=blue"])
    flat = flattened(config)
    assert set(flat) == {name.removesuffix("._target_") for name in _leaves(settings_of(config))}
    assert flat["trainer.early_stopping.metric"] == "val_loss"
    assert flat["optimizer.schedule.warmup_epochs"] == 1.0
    assert flat["tracking.tags.team"] == "blue"
    assert flat["dataset.image_size"] == [8, 8]
    assert flat["seed"] == 0
    assert (flat["model"], flat["optimizer.schedule"]) == ("cnn", "warmup_cosine")


def test_an_empty_mapping_is_a_value_of_its_own() -> None:
    assert flattened(compose_config([]))["tracking.tags"] == {}


# overrides that cannot change the weights, and some that do
PLACES = [
    ["tracking.uri=x", "tracking.run_name=y", "+tracking.tags.a=b", "tracking.ui_port=1"],
    ["evaluation.batch_size=7", "evaluation.top_k=2", "evaluation.model_dir=z"],
]


@pytest.mark.parametrize("overrides", PLACES)
def test_learning_settings_hold_no_tracking_and_no_evaluation(overrides: list[str]) -> None:
    assert learning_settings(compose_config(overrides)) == learning_settings(compose_config([]))


def test_learning_settings_hold_no_places() -> None:
    mnist = learning_settings(compose_config(["dataset=mnist"]))
    moved = ["dataset=mnist", "dataset.mirror=/x", "dataset.urls=[y]", "dataset.timeout_s=1"]
    assert learning_settings(compose_config(moved)) == mnist
    folder = learning_settings(compose_config(["dataset=folder"]))
    moved = ["dataset=folder", "dataset.path=/x", "dataset.link=copy", "dataset.max_pixels=9"]
    assert learning_settings(compose_config(moved)) == folder
    assert set(folder["dataset"]) == {
        *("_target_", "image_size", "resize", "num_channels", "background"),
        *("val_fraction", "test_fraction", "split_seed", "split_method", "small_classes"),
        *("copies", "on_leak", "on_bad_image", "max_bad_fraction", "max_images_per_class", "group"),
    }


@pytest.mark.parametrize(
    "override",
    [
        "seed=1",
        "generator.seed=1",
        "generator.batch_size=8",
        "dataset.split_seed=1",
        "dataset.image_size=[9,9]",
        "dataset.resize=crop",
        "dataset.background=[0,0,0]",
        "source=folder",
        "pack=jpeg",
        "model.num_units=7",
        "optimizer.beta_1=0.5",
        "trainer.epochs=1",
        "trainer.early_stopping.min_delta=0.1",
        "trainer.deterministic=false",
    ],
)
def test_learning_settings_hold_what_decides_the_weights(override: str) -> None:
    assert learning_settings(compose_config([override])) != learning_settings(compose_config([]))


def test_learning_settings_hold_nothing_that_only_changes_the_speed() -> None:
    fast = ["generator.num_threads=3", "generator.prefetch_batches=5", "generator.ram_budget_mb=9"]
    fast += ["generator.read_timeout_s=1", "pack.num_threads=2", "pack.shard_mb=7"]
    for choice in ("folder", "packed"):
        usual = learning_settings(compose_config([f"source={choice}"]))
        assert learning_settings(compose_config([f"source={choice}", *fast])) == usual


def test_learning_settings_hold_the_packing_where_packed_images_are_read() -> None:
    raw = learning_settings(compose_config(["source=packed"]))
    assert raw["pack"] == {"_target_": "spoonful.packing.raw.Raw", "order": "mixed"}
    jpeg = learning_settings(compose_config(["source=packed", "pack=jpeg", "pack.quality=70"]))
    assert jpeg["pack"] == {
        "_target_": "spoonful.packing.jpeg.Jpeg",
        "order": "mixed",
        "quality": 70,
        "chroma_subsampling": "420",
    }
    folder = learning_settings(compose_config(["source=folder"]))
    assert "pack" not in folder
    assert learning_settings(compose_config(["source=folder", "pack=jpeg"])) == folder


def test_paths_are_taken_from_where_the_command_was_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = compose_config(["dataset=folder", "dataset.path=pictures/../cats"])
    mnist = compose_config(["dataset=mnist", "dataset.mirror=files"])
    home = compose_config(["dataset=folder", "dataset.path='~/x'"])
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    moved = with_absolute_paths(folder)
    assert isinstance(moved.dataset, Folder)
    assert moved.dataset.path == str(tmp_path / "cats")
    assert dataclasses.replace(moved, dataset=folder.dataset) == folder
    moved = with_absolute_paths(mnist)
    assert isinstance(moved.dataset, Mnist)
    assert moved.dataset.mirror == str(tmp_path / "files")
    moved = with_absolute_paths(home)
    assert isinstance(moved.dataset, Folder)
    assert moved.dataset.path == str(tmp_path / "home/x")


def test_absent_paths_stay_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SPOONFUL_MIRROR", raising=False)
    for choice in ("digits", "mnist", "folder"):
        config = compose_config([f"dataset={choice}"])
        assert with_absolute_paths(config) == config


def test_the_mirror_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPOONFUL_MIRROR", "/somewhere")
    dataset = compose_config(["dataset=mnist"]).dataset
    assert isinstance(dataset, Mnist)
    assert dataset.mirror == "/somewhere"


def identity(*overrides: str) -> dict[str, Any]:
    settings = learning_settings(compose_config(list(overrides)))
    return {"settings": settings, "fingerprint": {"train": "f1", "val": "f2"}}


def test_equal_trainings_have_no_differences() -> None:
    assert differences(identity(), identity()) == []
    speed = ["generator.num_threads=7", "trainer.resume=auto", "trainer.checkpoint_every_steps=9"]
    assert differences(identity(), identity(*speed)) == []


def test_differences_name_each_field_with_both_values() -> None:
    now = identity("generator.batch_size=64", "trainer.early_stopping.patience_epochs=2")
    now["fingerprint"]["val"] = "f3"
    assert differences(identity(), now) == [
        "generator.batch_size (saved 32, now 64)",
        "trainer.early_stopping.patience_epochs (saved null, now 2)",
        "fingerprint.val (saved f2, now f3)",
    ]


def test_a_field_that_only_one_has_is_named() -> None:
    found = differences(identity("optimizer=adam"), identity("optimizer=sgd"))
    assert "optimizer.beta_1 (saved 0.9, now absent)" in found
    assert "optimizer.momentum (saved absent, now 0.9)" in found


def test_a_run_is_named_by_what_differs_most_often() -> None:
    generator = ["generator.batch_size=8", "generator.shuffle=full"]
    overrides = ["model=mlp", "optimizer=sgd", *generator, "seed=3"]
    assert run_name(compose_config(overrides)) == "mlp-sgd-b8-full-s3"
    assert run_name(compose_config([*overrides, "tracking.run_name=mine"])) == "mine"
