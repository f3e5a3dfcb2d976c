"""What a folder to look at holds, whether or not it is a data set."""

from pathlib import Path

import pytest

from spoonful.config.compose import compose_config
from spoonful.datasets.finding import find_any_images, find_images
from spoonful.datasets.folder import AnyFolder, Folder
from spoonful.errors import SpoonfulError
from spoonful.project import project_root


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


def test_classes_without_images_are_named(tmp_path: Path) -> None:
    root = made(tmp_path, "cat/a.png", "dog/b.png", "bird/notes.txt")
    (root / "fish").mkdir()
    (root / ".git").mkdir()
    assert "no class, because no image is in it: bird, fish" in find_images(root).notes
    (root / "owl" / "heic").mkdir(parents=True)
    made(root, "emu/a.heic", "owl/heic/b.heic")
    with pytest.raises(SpoonfulError, match=r"in emu \(1 \.heic .*\), owl \(1 \.heic"):
        find_images(root)


def test_names_that_cannot_be_listed_are_named_at_once(tmp_path: Path) -> None:
    root = made(tmp_path, "cat/a.png", "dog/b.png", "do\udcff/c.png", "cat/d\udcfe.png")
    with pytest.raises(SpoonfulError, match=r"not valid UTF-8 .*: cat/d\\udcfe\.png, do\\udcff/c"):
        find_images(root)
    assert find_any_images(root).paths == ["cat/a.png", "dog/b.png"]


def test_no_control_character_of_a_name_is_printed(tmp_path: Path) -> None:
    root = made(tmp_path, "cat/a.png", "dog/b.png", "cat/x.\x1b[31mred\a")
    assert all(note.isprintable() for note in find_images(root).notes)


def test_the_project_s_own_folders_are_not_the_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = made(tmp_path / "photos", "cat/a.png", "dog/b.png", "mine/data/split/train/cat/a.png")
    project = made(root / "mine", "dvc.yaml", "conf/config.yaml", "cat/a.png", "dog/b.png")
    monkeypatch.chdir(project)
    project_root.cache_clear()
    try:
        assert find_images(root).paths == ["cat/a.png", "dog/b.png"]
        assert find_images(project).paths == ["cat/a.png", "dog/b.png"]
    finally:
        project_root.cache_clear()


def test_folders_that_could_be_the_classes_are_said(tmp_path: Path) -> None:
    names = [f"fold{number}/{name}/a.png" for number in (1, 2) for name in ("cat", "dog")]
    (note,) = find_images(made(tmp_path, *names)).notes
    assert "the classes are fold1, fold2; each holds the folders cat, dog" in note


def test_a_folder_without_images_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SpoonfulError, match="no jpg, png"):
        find_any_images(made(tmp_path, "a.txt"))
