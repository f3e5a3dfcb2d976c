import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from spoonful.files import whole as files
from spoonful.files.whole import (
    link_or_copy,
    replaced_file,
    replaced_folder,
    write_json,
    write_text,
)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


class Interrupted(BaseException):
    """What no `except Exception` catches, as KeyboardInterrupt."""


def test_a_file_appears_whole_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file.png"
    with replaced_file(path) as beside:
        assert beside.suffix == ".png"  # libraries choose the format by it
        beside.write_bytes(b"half")
        assert not path.exists()
        beside.write_bytes(b"whole")
    assert path.read_bytes() == b"whole"
    assert names(tmp_path) == ["deep", "deep/file.png"]


@pytest.mark.parametrize("error", [ValueError, Interrupted])
def test_a_file_stays_as_it_was_when_the_block_raises(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "file.txt"
    path.write_text("old")

    def write_half() -> None:
        with replaced_file(path) as beside:
            beside.write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file.txt"]


def test_a_folder_appears_whole_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "folder"
    for content in ("one", "two"):
        with replaced_folder(path) as beside:
            (beside / content).write_text(content)
            assert not (path / content).exists()
        assert names(path) == [content]
    assert names(tmp_path) == ["deep", "deep/folder", "deep/folder/two"]


@pytest.mark.parametrize("error", [ValueError, Interrupted])
def test_a_folder_stays_as_it_was_when_the_block_raises(
    tmp_path: Path, error: type[BaseException]
) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").write_text("old")

    def write_half() -> None:
        with replaced_folder(path) as beside:
            (beside / "half").write_text("half")
            raise error

    with pytest.raises(error):
        write_half()
    assert names(tmp_path) == ["folder", "folder/old"]


def test_a_folder_is_never_half_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "folder"
    path.mkdir()
    for name in ("a", "b"):
        (path / name).write_text(name)

    def killed_half_way(folder: Path, *rest: Any, **settings: Any) -> None:
        for file in list(folder.glob("*"))[:1]:
            file.unlink()
        raise Interrupted

    monkeypatch.setattr(shutil, "rmtree", killed_half_way)
    with pytest.raises(Interrupted), replaced_folder(path) as beside:
        (beside / "new").write_text("new")
    assert names(path) in (["a", "b"], ["new"])


def test_what_a_killed_run_left_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "folder"
    left = tmp_path / ".folder.0badcafe.tmp"
    (left / "deep").mkdir(parents=True)
    (left / "deep" / "half").write_text("half")
    others = [tmp_path / ".folder-2.0badcafe.tmp", tmp_path / "folder.tmp"]
    for other in others:
        other.mkdir()
    with replaced_folder(path):
        pass
    assert not left.exists()
    assert all(other.is_dir() for other in others)


@pytest.fixture
def on_disk(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is flushed and what is renamed, in the order of the calls."""
    calls: list[str] = []
    fsync, replace, rename = os.fsync, Path.replace, Path.rename

    def flushed(descriptor: int) -> None:
        calls.append(f"flush {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        fsync(descriptor)

    def replaced(path: Path, target: Path) -> Path:
        calls.append(f"rename {path.name} {target.name}")
        return replace(path, target)

    def renamed(path: Path, target: Path) -> Path:
        calls.append(f"rename {path.name} {target.name}")
        return rename(path, target)

    monkeypatch.setattr(os, "fsync", flushed)
    monkeypatch.setattr(Path, "replace", replaced)
    monkeypatch.setattr(Path, "rename", renamed)
    return calls


def test_a_file_is_on_the_disk_before_its_name_is(tmp_path: Path, on_disk: list[str]) -> None:
    with replaced_file(tmp_path / "file.txt") as beside:
        beside.write_text("whole")
    assert on_disk == [
        f"flush {beside.name}",
        f"rename {beside.name} file.txt",
        f"flush {tmp_path.name}",
    ]


def test_a_folder_s_files_are_on_the_disk_before_its_name_is(
    tmp_path: Path, on_disk: list[str]
) -> None:
    with replaced_folder(tmp_path / "folder") as beside:
        (beside / "deep").mkdir()
        (beside / "deep" / "one").write_text("1")
        (beside / "two").write_text("2")
        (beside / "link").symlink_to("nowhere")
    first = {f"flush {name}" for name in (beside.name, "deep", "one", "two")}
    assert set(on_disk[:4]) == first
    assert on_disk[4:] == [f"rename {beside.name} folder", f"flush {tmp_path.name}"]


def test_a_folder_of_many_files_flushes_its_file_system_first(
    tmp_path: Path, on_disk: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    sync_file_system = files._sync_file_system

    def flushed(folder: Path) -> None:
        on_disk.append(f"flush all of {folder.name}")
        sync_file_system(folder)

    monkeypatch.setattr(files, "_sync_file_system", flushed)
    with replaced_folder(tmp_path / "folder") as beside:
        for number in range(300):
            (beside / f"{number}").touch()
    assert on_disk == [
        f"flush all of {beside.name}",
        f"rename {beside.name} folder",
        f"flush {tmp_path.name}",
    ]


def test_a_full_disk_names_the_file_that_was_meant(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with (
        pytest.raises(OSError, match="No space") as caught,
        replaced_file(path),
        open("/dev/full", "w") as full,  # noqa: PTH123 - as a full disk: no name
    ):
        full.write("x" * 100_000)
    assert caught.value.filename == str(path)
    assert names(tmp_path) == []


def test_what_cannot_be_written_is_named_by_its_own_path(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="name too long") as caught:
        write_text(tmp_path / ("a" * 250), "text")
    assert caught.value.filename == str(tmp_path / ("a" * 250))
    with (
        pytest.raises(OSError, match="Is a directory") as caught,
        replaced_folder(tmp_path / "folder") as beside,
    ):
        beside.write_text("text")
    assert caught.value.filename == str(tmp_path / "folder")


def test_text_and_json_have_the_same_bytes_everywhere(tmp_path: Path) -> None:
    write_text(tmp_path / "a.txt", "ä\nb\n")
    assert (tmp_path / "a.txt").read_bytes() == b"\xc3\xa4\nb\n"
    value = {"b": 1, "a": ["ä", 0.1, None]}
    write_json(tmp_path / "a.json", value)
    assert json.loads((tmp_path / "a.json").read_bytes()) == value
    assert (tmp_path / "a.json").read_text(encoding="utf-8").index('"b"') < 10
    with pytest.raises(TypeError):
        write_json(tmp_path / "a.json", {"a": object()})
    assert json.loads((tmp_path / "a.json").read_bytes()) == value


@pytest.fixture
def pairs(tmp_path: Path) -> list[tuple[Path, Path]]:
    found = []
    for number in range(3):
        source = tmp_path / f"source-{number}"
        source.write_text(f"content {number}")
        found.append((source, tmp_path / f"target-{number}"))
    return found


def test_no_method_shares_the_file_itself(pairs: list[tuple[Path, Path]]) -> None:
    (source, linked), (other, copied), (third, tried) = pairs
    assert link_or_copy("symlink")(source, linked) == "symlink"
    assert linked.readlink() == source
    assert link_or_copy("copy")(other, copied) == "copy"
    copied.write_text("changed")
    assert other.read_text() == "content 1"
    link_or_copy("auto")(third, tried)
    for file in (source, other, third):
        assert file.stat().st_nlink == 1
    for target in (linked, copied, tried):
        target.unlink()
    assert [file.read_text() for file, _ in pairs] == [f"content {n}" for n in range(3)]


def test_a_symlink_leads_to_the_file_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "source").write_text("content")
    monkeypatch.chdir(tmp_path)
    link_or_copy("symlink")(Path("source"), Path("deep/target"))
    assert (tmp_path / "deep" / "target").read_text() == "content"


def test_auto_always_makes_the_file_appear(pairs: list[tuple[Path, Path]]) -> None:
    place = link_or_copy("auto")
    methods = [place(source, target) for source, target in pairs]
    assert len(set(methods)) == 1
    assert [target.read_text() for _, target in pairs] == [f"content {n}" for n in range(3)]


def test_auto_falls_back_to_copies_and_remembers(
    pairs: list[tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = []

    def no_links(source: Path, target: Path, is_folder: bool = False) -> None:
        tried.append(source)
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    def no_reflinks(source: Path, target: Path) -> None:
        target.touch()  # what a failed clone leaves
        raise OSError(errno.EOPNOTSUPP, "Operation not supported")

    monkeypatch.setattr(os, "symlink", no_links)
    monkeypatch.setattr("spoonful.files.whole._reflink", no_reflinks)
    place = link_or_copy("auto")
    assert [place(source, target) for source, target in pairs] == ["copy"] * 3
    assert [target.read_text() for _, target in pairs] == [f"content {n}" for n in range(3)]
    assert len(tried) == 1


def test_a_method_that_does_not_work_is_an_error_and_leaves_nothing(
    pairs: list[tuple[Path, Path]], monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(source: Path, target: Path, is_folder: bool = False) -> None:
        raise OSError(errno.EXDEV, "Invalid cross-device link")

    monkeypatch.setattr(os, "symlink", no_links)
    source, target = pairs[0]
    place = link_or_copy("symlink")
    for _ in range(2):
        with pytest.raises(OSError, match="cross-device"):
            place(source, target)
    with pytest.raises(FileNotFoundError):
        link_or_copy("auto")(source.with_name("nowhere"), target)
    assert not target.exists()
