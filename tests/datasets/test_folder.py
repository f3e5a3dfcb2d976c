import hashlib
import json
import os
import random
import socket
from pathlib import Path
from typing import Any

import pytest

from spoonful.datasets.folder import (
    LIST_NAME,
    SUMMARY_NAME,
    UNLABELLED_NAME,
    Folder,
    RawFiles,
)
from spoonful.errors import SpoonfulError
from tests.datasets.common import COMMON


def dataset(path: Path | str | None, **settings: Any) -> Folder:
    values = {
        "path": None if path is None else str(path),
        **COMMON,
        "link": "auto",
    }
    return Folder(**{**values, **settings})


def fill(root: Path, *names: str) -> Path:
    """Write files of those names; what is in them is of no interest before training."""
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(random.Random(name).randbytes(100))
    return root


def opened(root: Path, raw_dir: Path, **settings: Any) -> RawFiles:
    dataset(root, **settings).fetch(raw_dir)
    return dataset(root, **settings).open_raw(raw_dir)


def found(raw: RawFiles) -> list[tuple[str | None, str, str]]:
    return [(image.given_split, image.class_name, image.file_name) for image in raw.images]


def snapshot(root: Path) -> dict[str, tuple[str, int, int]]:
    """Every file and folder with its content, mode and time of change."""
    return {
        path.relative_to(root).as_posix(): (
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder",
            path.stat().st_mode,
            path.stat().st_mtime_ns,
        )
        for path in root.rglob("*")
    }


def test_class_folders(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", "dog/b.png", "cat/a.JPG", "cat/deep/a.png", "cat/notes.txt")
    fill(root, "loose.png", ".hidden/a.png", "cat/.a.png")
    raw = opened(root, tmp_path / "raw")
    assert found(raw) == [
        (None, "cat", "a.JPG"),
        (None, "cat", "deep__a.png"),
        (None, "dog", "b.png"),
    ]
    contents = [(root / path).read_bytes() for path in ("cat/a.JPG", "cat/deep/a.png", "dog/b.png")]
    hashes = [hashlib.sha256(content).hexdigest() for content in contents]
    assert [image.content for image in raw.images] == hashes


def test_what_is_no_readable_image_is_counted_and_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = fill(tmp_path / "mine", "cat/a.png", "cat/a.heic", "cat/deep/b.HEIC", "cat/notes.txt")
    fill(root, "dog/b.png", "dog/._b.png", "dog/clip.mp4", "loose.txt")
    dataset(root).fetch(tmp_path / "raw")
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("passed over: 2 .heic (HEIC, convert with ")
    assert all(part in line for part in ("1 .txt", "1 hidden", "1 .mp4 (videos"))
    fill(root, "sheep/a.heic", "sheep/b.heic")  # a class of them would be lost
    with pytest.raises(SpoonfulError, match=r"no image .* is in sheep \(2 \.heic"):
        dataset(root).fetch(tmp_path / "raw")


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("pipe", r"a pipe \(FIFO\), expected a regular file"),
        ("socket", "a socket, expected a regular file"),
        ("device", "a character device, expected a regular file"),
        ("dangling", "a link to .*nowhere.png, which is not there"),
        ("loop", "a link that leads to itself"),
    ],
)
def test_what_is_called_an_image_and_is_no_file_is_listed_and_named_when_read(
    tmp_path: Path, kind: str, words: str
) -> None:
    root = fill(tmp_path / "mine", "cat/a.png", "dog/a.png")
    path = root / "cat" / "b.png"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "socket":
        socket.socket(socket.AF_UNIX).bind(os.path.relpath(path))  # at most 107 characters
    else:
        path.symlink_to({"device": "/dev/zero", "dangling": "nowhere.png", "loop": "b.png"}[kind])
    (root / "cat" / "up").symlink_to("..")  # nor is this followed for ever
    raw = opened(root, tmp_path / "raw")
    assert [image.content is None for image in raw.images] == [False, True, False]
    with pytest.raises(SpoonfulError, match=words) as caught:
        raw.read(1)
    assert str(caught.value).startswith(f"{path}: ")
    path.unlink()
    assert len(opened(root, tmp_path / "raw").images) == 2


def test_given_splits_keep_their_images_in_whichever_spelling(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", "Training/cat/a.png", "dev/cat/a.png", "EVAL/cat/x/a.png")
    fill(root, *(f"{split}/dog/b.png" for split in ("Training", "dev", "EVAL")), "Training/a.png")
    raw = opened(root, tmp_path / "raw")
    assert sorted(found(raw), key=str) == [
        *(("test", "cat", "x__a.png"), ("test", "dog", "b.png")),
        *(("train", "cat", "a.png"), ("train", "dog", "b.png")),
        *(("val", "cat", "a.png"), ("val", "dog", "b.png")),
    ]
    again = dataset(root)
    assert again.original_path(tmp_path / "raw", "test", "cat/x__a.png") == str(
        root / "EVAL" / "cat" / "x" / "a.png"
    )
    assert again.original_path(tmp_path / "raw", "test", "cat/b.png") is None
    for split, name in (("val", "dev"), ("train", "Training")):
        own = again.original_path(tmp_path / "raw", split, "cat/a.png")
        assert own == str(root / name / "cat" / "a.png")


def test_an_image_that_is_cut_from_train_has_its_own_path_there(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", "w/train/cat/a.png", "w/train/dog/b.png", "w/valid/cat/c.png")
    opened(root, tmp_path / "raw")
    for split in ("train", "test"):
        own = dataset(root).original_path(tmp_path / "raw", split, "cat/a.png")
        assert own == str(root / "w" / "train" / "cat" / "a.png")
    assert dataset(root).original_path(tmp_path / "raw", "test", "cat/c.png") is None


def test_junk_is_no_class_and_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    root = fill(tmp_path / "mine", "cat/a.png", "dog/b.png", "loose.png", "cat/@eaDir/a.png")
    junk = ("__MACOSX", "@eaDir", "$RECYCLE.BIN", "System Volume Information", "lost+found")
    fill(root, *(f"{name}/x.png" for name in (*junk, ".ipynb_checkpoints", ".Trash-1000")))
    fill(root, "Thumbnails/a.png", "cat/._a.jpg", "cat/Thumbs.db", "dog/.DS_Store")
    assert [name for _, name, _ in found(opened(root, tmp_path / "raw"))] == ["cat", "dog"]
    (line,) = capsys.readouterr().out.splitlines()
    assert line.startswith("passed over: 2 hidden, 1 .db; folders @eaDir (2), ")
    assert line.endswith(" and 3 more names; 1 image beside the class folders")


def test_a_flat_test_folder_is_listed_for_predictions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = fill(tmp_path / "mine", "train/cat/a.png", "train/dog/b.png", "test/1.png", "test/2.png")
    raw = opened(root, tmp_path / "raw")
    assert {split for split, _, _ in found(raw)} == {"train"}
    listed = (tmp_path / "raw" / UNLABELLED_NAME).read_text()
    assert listed == "path\ntest/1.png\ntest/2.png\n"
    said = capsys.readouterr().out
    assert "val and test: cut from train" in said
    assert "test holds no class folders: its images are in no split" in said


def test_a_class_or_split_of_pictures_that_cannot_be_read_is_not_lost(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", "train/cat/a.png", "train/dog/a.png", "valid/cat/a.heic")
    with pytest.raises(SpoonfulError, match=r"no image .* is in valid \(1 \.heic"):
        dataset(root).fetch(tmp_path / "raw")
    root = fill(tmp_path / "two", "cat/a.png", "dog/a.heic")
    with pytest.raises(SpoonfulError, match=r"one class, cat: .*not read: 1 \.heic \(HEIC, conv"):
        dataset(root).fetch(tmp_path / "raw")


def test_groups_are_found_in_the_paths(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", "cat/p1/a.png", "dog/p1_b.png", "dog/p22.png", "dog/other.png")
    for pattern, groups in (
        (r"p(\d+)", ["1", None, "1", "22"]),
        (r"p\d", ["p1", None, "p1", "p2"]),
        (r"(x)?p\d+", ["p1", None, "p1", "p22"]),
        ("q*", [None] * 4),
    ):
        raw = opened(root, tmp_path / "raw", group=pattern)
        assert [image.group for image in raw.images] == groups
    with pytest.raises(SpoonfulError, match=r"\.group=\(: not a regular expression \(missing"):
        dataset(root, group="(").fetch(tmp_path / "raw")


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("loose.png", "cat/notes.txt"), ["dataset.path=", "no jpg, png"]),
        (("cat/a.png",), ["one class, cat", "classification needs two"]),
        ((), ["dataset.path=", "no such folder"]),
    ],
)
def test_folders_that_make_no_data_set_are_named(
    tmp_path: Path, names: tuple[str, ...], words: list[str]
) -> None:
    root = fill(tmp_path / "mine", *names)
    with pytest.raises(SpoonfulError) as caught:
        dataset(root).fetch(tmp_path / "raw")
    assert all(word in str(caught.value) for word in words)
    assert not (tmp_path / "raw").exists()


@pytest.mark.parametrize("bases", ['{"x": ""}', '{"": "dog"}', "{}"])
def test_a_list_of_another_layout_is_refused(tmp_path: Path, bases: str) -> None:
    root = fill(tmp_path / "mine", "cat/a.png", "dog/b.png")
    opened(root, tmp_path / "raw")
    summary = tmp_path / "raw" / SUMMARY_NAME
    values = json.loads(summary.read_text())
    assert values["bases"] == {"": ""}
    summary.write_text(json.dumps({**values, "bases": json.loads(bases)}))
    with pytest.raises(SpoonfulError, match=r"expected .*, found .*run `spoonful fetch` again"):
        dataset(root).open_raw(tmp_path / "raw")


def test_no_path_and_no_fetch_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(SpoonfulError, match=r"dataset\.path=FOLDER"):
        dataset(None).fetch(tmp_path / "raw")
    with pytest.raises(SpoonfulError, match="spoonful fetch dataset=folder"):
        dataset(tmp_path).open_raw(tmp_path / "raw")


ODD_NAMES = ("zwölf Äpfel.png", "猫.png", 'a "b", c.png', "line\nbreak.png", "return\rcarriage.png")


def test_odd_file_names_come_through(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", *(f"größe, 猫/{name}" for name in ODD_NAMES), "=cmd()/猫.png")
    raw = opened(root, tmp_path / "raw")
    assert {image.file_name for image in raw.images} == set(ODD_NAMES)
    for position, image in enumerate(raw.images):
        target = tmp_path / f"target-{position}"
        raw.place(position, target)
        assert target.read_bytes() == (root / image.class_name / image.file_name).read_bytes()


def test_the_list_is_the_same_every_time(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", *(f"{name}/{name}.png" for name in "hgfedcba"))
    for name in ("one", "two"):
        dataset(root).fetch(tmp_path / name)
    one, two = ((tmp_path / name / LIST_NAME).read_bytes() for name in ("one", "two"))
    assert one == two
    lines = one.decode().splitlines()
    assert lines[0] == "path,bytes,sha256"
    assert lines[1:] == sorted(lines[1:])


def test_no_network_is_needed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*arguments: Any, **settings: Any) -> socket.socket:
        raise OSError("Network is unreachable")

    monkeypatch.setattr(socket, "socket", no_network)
    root = fill(tmp_path / "mine", "cat/a.png", "dog/b.png")
    assert len(opened(root, tmp_path / "raw").images) == 2
