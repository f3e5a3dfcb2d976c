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
    clusters = [[3, 4]]
    assert leak_lines(raw, splits, leaks, clusters) == [
        r"  group @p  train: =cmd()\n0  test: =cmd()\n1  (1 more)",
        r"  copies  train: =cmd()\n4  val: =cmd()\n3",
    ]
    path = tmp_path / "leaks.csv"
    write_leaks(path, raw, splits, leaks, clusters)
    with path.open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["leak", "why", "split", "class", "path"]
    assert rows[1] == ["1", "group @p", "train", "cat", r"'=cmd()\n0"]
    assert [row[:3] for row in rows[4:]] == [["2", "copies", "val"], ["2", "copies", "train"]]
    write_leaks(path, raw, splits, [], clusters)
    assert not path.exists()


def test_ten_leaks_are_shown_and_the_others_counted() -> None:
    raw = raw_of([None] * 24)
    splits = ["train", "test"] * 12
    pairs = [[i, i + 1] for i in range(0, 24, 2)]
    lines = leak_lines(raw, splits, pairs, pairs)
    assert len(lines) == 11
    assert lines[-1] == "  and 2 more sets"


def test_a_set_of_a_group_and_a_copy_says_of_each_image_what_ties_it(tmp_path: Path) -> None:
    raw = raw_of(["000", "000", "000", None, "alone"])
    splits, leak, clusters = ["train", "train", "val", "train", "val"], [[0, 1, 2, 3, 4]], [[3, 0]]
    (line,) = leak_lines(raw, splits, leak, [*clusters, [4, 3]])
    assert line.startswith("  group 000 and copies  train: ")
    write_leaks(tmp_path / "leaks.csv", raw, splits, leak, [*clusters, [4, 3]])
    with (tmp_path / "leaks.csv").open(newline="") as file:
        why = [row["why"] for row in csv.DictReader(file)]
    assert why == ["group 000 and copies", "group 000", "group 000", "copies", "copies"]


def test_a_set_of_many_groups_names_three() -> None:
    raw = raw_of([f"{i // 2}" for i in range(10)])
    clusters = [[i, i + 1] for i in range(1, 8, 2)]
    (line,) = leak_lines(raw, ["train", *["val"] * 9], [list(range(10))], clusters)
    assert line.startswith("  group 0 and group 1 and group 2 and 2 more groups and copies  train")
