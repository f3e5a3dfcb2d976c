"""How files of a folder get into a split, and that the user's own stay as they are."""

import os
from pathlib import Path

import pytest

from spoonful.errors import SpoonfulError
from tests.datasets.test_folder import dataset, fill, opened, snapshot


@pytest.mark.parametrize("link", ["auto", "symlink", "copy"])
def test_the_raw_data_is_never_changed(tmp_path: Path, link: str) -> None:
    root = fill(tmp_path / "mine", "cat/a.png", "cat/b.png", "dog/c.png")
    (root / "cat" / "a.png").chmod(0o440)
    before = snapshot(root)
    raw = opened(root, tmp_path / "raw", link=link)
    for position in range(3):
        raw.place(position, tmp_path / f"{position}.png")
    opened(root, tmp_path / "raw", link=link)
    assert snapshot(root) == before
    for position in range(3):
        (tmp_path / f"{position}.png").unlink()
    assert snapshot(root) == before


def test_links_take_no_space_and_copies_stand_alone(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", "cat/a.png", "dog/b.png")
    source = root / "cat" / "a.png"
    for link, is_link in (("symlink", True), ("copy", False)):
        target = tmp_path / f"{link}.png"
        opened(root, tmp_path / "raw", link=link).place(0, target)
        assert target.is_symlink() is is_link
        assert target.read_bytes() == source.read_bytes()
        assert source.stat().st_nlink == 1


def test_auto_makes_a_link_of_its_own(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", "cat/a.png", "dog/b.png")
    raw = opened(root, tmp_path / "raw", link="auto")
    method = raw._link(root / "cat" / "a.png", tmp_path / "tried.png")
    assert method in ("reflink", "symlink")
    raw.place(0, tmp_path / "placed.png")
    assert (tmp_path / "placed.png").is_symlink() is (method == "symlink")


def test_links_are_resolved_to_the_file_itself(tmp_path: Path) -> None:
    fill(tmp_path, "store/1234.png", "mine/cat/b.png", "mine/dog/b.png")
    (tmp_path / "mine" / "cat" / "a.png").symlink_to(tmp_path / "store" / "1234.png")
    raw = opened(tmp_path / "mine", tmp_path / "raw", link="symlink")
    raw.place(0, tmp_path / "a.png")
    assert (tmp_path / "a.png").readlink() == tmp_path / "store" / "1234.png"


def test_a_file_that_changed_or_went_since_is_named(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", "cat/a.png", "cat/b.png", "dog/c.png")
    raw = opened(root, tmp_path / "raw")
    (root / "cat" / "a.png").write_bytes(b"short")
    (root / "cat" / "b.png").unlink()
    for position, words in enumerate(["had 100 bytes when fetched, has 5 now", "is missing since"]):
        with pytest.raises(SpoonfulError, match=words) as caught:
            raw.place(position, tmp_path / "target.png")
        assert str(root / "cat" / raw.images[position].file_name) in str(caught.value)
        assert not (tmp_path / "target.png").exists()


def test_a_link_that_cannot_be_made_names_the_way_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(source: Path, target: Path, is_folder: bool = False) -> None:
        raise OSError(18, "Invalid cross-device link")

    root = fill(tmp_path / "mine", "cat/a.png", "dog/b.png")
    raw = opened(root, tmp_path / "raw", link="symlink")
    monkeypatch.setattr(os, "symlink", no_links)
    raw = dataset(tmp_path / "mine", link="symlink").open_raw(tmp_path / "raw")
    with pytest.raises(SpoonfulError, match=r"dataset\.link=symlink .*dataset\.link=copy"):
        raw.place(0, tmp_path / "target.png")
