"""dataset.image_size=auto, from a folder of images to what training reads."""

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from spoonful.config.compose import compose_config
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import write_checked
from spoonful.project import project_root, split_summary_path
from spoonful.stages import fetch, pack, split
from spoonful.workflow.data import open_train_and_val
from spoonful.workflow.image_size import with_image_size
from spoonful.workflow.split_files import read_summary

SHARES = ("dataset.val_fraction=0.25", "dataset.test_fraction=0.25", "dataset.copies=ignore")
MINE = ("dataset=folder", "dataset.path=mine", *SHARES)

Split = Callable[..., list[str]]


@pytest.fixture
def made(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Split:
    """`made(sizes, *overrides)`: split images of (height, width); return the lines about sizes."""

    def make(sizes: list[tuple[int, int]], *overrides: str) -> list[str]:
        random = np.random.default_rng(0)
        for name in "ab":
            folder = project / "mine" / name
            folder.mkdir(parents=True)
            for number, (height, width) in enumerate(sizes * (12 // len(sizes))):
                pixels = random.integers(0, 256, (height, width, 3), dtype=np.uint8)
                cv2.imwrite(str(folder / f"{number}.png"), pixels)
        for stage in (fetch, split):
            stage.run(config(*overrides))
        return lines_in(capsys.readouterr().out)

    monkeypatch.chdir(project)
    project_root.cache_clear()
    return make


def lines_in(text: str) -> list[str]:
    return [line for line in text.splitlines() if "image_size" in line or "enlarged" in line]


def config(*overrides: str) -> Config:
    return compose_config([*MINE, *overrides])


def test_images_of_one_size_keep_it(made: Split, capsys: pytest.CaptureFixture[str]) -> None:
    line = "dataset.image_size=auto: 32x32, the size of all images"
    assert made([(32, 32)]) == [line]
    pack.run(config())
    assert lines_in(capsys.readouterr().out) == [line]
    for source in open_train_and_val(config()):
        assert source.image_shape == (32, 32, 3)
    from_files = open_train_and_val(config("source=folder"))
    assert from_files[0].image_shape == (32, 32, 3)
    assert with_image_size(config()).dataset.image_size == [32, 32]


def test_images_are_not_enlarged_in_silence(
    made: Split, capsys: pytest.CaptureFixture[str]
) -> None:
    line = "images are enlarged from 32x32 to 160x160"
    assert made([(32, 32)], "dataset.image_size=[160,160]") == [line]
    pack.run(config("dataset.image_size=[160,160]"))
    assert lines_in(capsys.readouterr().out) == [line]
    # The split is the same for every size; another one than was packed is refused.
    with pytest.raises(SpoonfulError, match=r"image_shape \(asked for \[32, 32, 3\], packed"):
        open_train_and_val(config())


def test_images_of_several_sizes_get_the_recommended_one(made: Split) -> None:
    told = made([(100, 300), (70, 80), (400, 300), (410, 300)])
    range_of_them = "70 to 410 px high and 80 to 300 px wide"
    assert told == [
        f"dataset.image_size=auto: 64x64, recommended for {range_of_them}",
    ]
    summary = json.loads((split_summary_path().parent / "inspect" / "summary.json").read_text())
    recommended = summary["recommended"]
    noted = read_summary()["image_sizes"]
    assert noted["recommended"] == [recommended["image_height"], recommended["image_width"]]
    assert noted["largest"] == [summary["height"]["max"], summary["width"]["max"]]
    assert noted["smallest"] == [summary["height"]["min"], summary["width"]["min"]]


def test_arrays_that_need_no_inspection_have_their_size(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(project)
    project_root.cache_clear()
    images = np.random.default_rng(0).integers(0, 256, (40, 20, 24), dtype=np.uint8)
    labels = np.arange(40) % 2
    Path("mine").mkdir()
    np.savez("mine/mine.npz", x_train=images, y_train=labels, x_test=images, y_test=labels)
    mine = ["dataset=arrays", "dataset.path=mine/mine.npz", *SHARES]
    for stage in (fetch, split):
        stage.run(compose_config(mine))
    assert lines_in(capsys.readouterr().out) == [
        "dataset.image_size=auto: 20x24 (height x width), the size of all images"
    ]
    assert not (project / "data" / "inspect").exists()
    assert with_image_size(compose_config(mine)).dataset.image_size == [20, 24]


def test_a_model_for_larger_images_is_refused_before_anything_is_packed(made: Split) -> None:
    made([(4, 4)])
    with pytest.raises(SpoonfulError, match=r"image_size=\[4, 4\]: model=cnn needs .* 6x6 px"):
        open_train_and_val(config())
    with pytest.raises(SpoonfulError, match=r"there is no packed|meta.json"):
        open_train_and_val(config("model=mlp"))


def test_a_split_that_does_not_say_how_large_its_images_are_is_an_error(made: Split) -> None:
    made([(32, 32)])
    noted = read_summary()
    del noted["image_sizes"]  # as earlier versions wrote it
    write_checked(split_summary_path(), noted)
    for command in (pack.run, open_train_and_val):
        with pytest.raises(SpoonfulError) as caught:
            command(config())
        assert str(caught.value) == (
            f"dataset.image_size=auto: {split_summary_path()} does not say how large the images "
            "are; run `spoonful split` again, or give dataset.image_size=[height,width]"
        )
    pack.run(config("dataset.image_size=[8,8]"))
    assert open_train_and_val(config("dataset.image_size=[8,8]"))[0].image_shape == (8, 8, 3)


def test_without_a_split_the_error_is_the_usual_one(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(project)
    project_root.cache_clear()
    with pytest.raises(SpoonfulError, match=r"there is no data in .*: run `spoonful fetch"):
        with_image_size(config())
