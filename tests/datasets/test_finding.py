"""What a folder to look at holds, whether or not it is a data set."""

from pathlib import Path

import pytest

from spoonful.config.compose import compose_config
from spoonful.datasets.finding import find_any_images, find_images
from spoonful.datasets.folder import AnyFolder, Folder
from spoonful.errors import SpoonfulError


def made(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).touch()
    return root


@pytest.mark.parametrize(
    ("paths", "classes"),
    [
        (["a.png", "b.jpg"], {".": 2}),
        (["cat/a.png", "cat/b.png"], {"cat": 2}),
        (["a.png", "cat/a.png", "cat/old/b.png"], {".": 1, "cat": 2}),
        (["train/cat/a.png", "train/dog/b.png", "dog/a.png"], {"train": 2, "dog": 1}),
        (["train/cat/a.png", "train/dog/b.png", "c.png"], {"cat": 1, "dog": 1}),
        (
            ["train/cat/a.png", "valid/cat/b.png", "dev/cat/b.png"],
            {"train": 1, "valid": 1, "dev": 1},
        ),
        (["cat/a.heic", "dog/b.png"], {"dog": 1}),
    ],
)
def test_any_folder_is_listed(paths: list[str], classes: dict[str, int], tmp_path: Path) -> None:
    root = made(tmp_path / "mine", *paths, "notes.txt", "@eaDir/a.png")
    dataset = compose_config(["dataset=folder", f"dataset.path={root}"]).dataset
    assert isinstance(dataset, Folder)
    any_folder = AnyFolder(**vars(dataset))
    any_folder.fetch(tmp_path / "raw")
    images = any_folder.open_raw(tmp_path / "raw").images
    found = [image.class_name for image in images]
    assert {name: found.count(name) for name in found} == classes
    assert len({image.key for image in images}) == len(images)


def test_why_it_is_no_data_set_is_said_and_what_is_passed_over(tmp_path: Path) -> None:
    root = made(tmp_path, "a.png", "b.png", "@eaDir/a.png", "c.heic")
    with pytest.raises(SpoonfulError) as refused:
        find_images(root)
    found = find_any_images(root)
    assert found.notes == [
        f"to train on these images as dataset=folder, change this first: {refused.value}",
        "passed over: folders @eaDir",
    ]
    assert found.passed_over == {".heic": 1}


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpoonfulError, match="no jpg, png"):
        find_any_images(made(tmp_path, "a.txt"))
