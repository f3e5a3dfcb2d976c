import csv
from pathlib import Path

import numpy as np

from spoonful.datasets.raw import RawArrays, RawImage
from spoonful.splitting.leaks import find_leaks, leak_lines, leak_words, write_leaks


def raw_of(groups: list[str | None]) -> RawArrays:
    images = [RawImage("cat", f"=cmd()\n{i}", group=group) for i, group in enumerate(groups)]
    return RawArrays(images, np.zeros((len(images), 1, 1), np.uint8))


def test_a_unit_in_two_splits_is_a_leak_and_what_is_in_none_is_not() -> None:
    units = np.array([0, 1, 0, 2, 1, 2, 3, 3])
    splits = ["train", "val", "test", "val", "val", "val", None, "test"]
    assert find_leaks(units, splits) == [[0, 2]]


def test_leaks_are_shown_and_listed_harmlessly(tmp_path: Path) -> None:
    raw = raw_of(["@p", "@p", "@p", None, None])
    splits = ["train", "test", "train", "val", "train"]
    leaks = [[0, 1, 2], [3, 4]]
    words = leak_words(splits, leaks)
    assert words.startswith("5 images that belong together (copies or groups) are in different")
    assert words.endswith("sets: train/test 1, train/val 1")
    assert leak_lines(raw, splits, leaks) == [
        r"  group @p  train: '=cmd()\n0'  test: '=cmd()\n1'  (1 more)",
        r"  copies  train: '=cmd()\n4'  val: '=cmd()\n3'",
    ]
    path = tmp_path / "leaks.csv"
    write_leaks(path, raw, splits, leaks)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["leak", "why", "split", "class", "path"]
    assert rows[1] == ["1", "group @p", "train", "cat", "'=cmd()\n0"]
    assert [row[:3] for row in rows[4:]] == [["2", "copies", "val"], ["2", "copies", "train"]]
    write_leaks(path, raw, splits, [])
    assert not path.exists()


def test_ten_leaks_are_shown_and_the_others_counted() -> None:
    raw = raw_of([None] * 24)
    splits = ["train", "test"] * 12
    lines = leak_lines(raw, splits, [[i, i + 1] for i in range(0, 24, 2)])
    assert len(lines) == 11
    assert lines[-1] == "  and 2 more sets"
