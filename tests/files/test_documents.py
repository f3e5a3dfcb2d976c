import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from spoonful.errors import SpoonfulError
from spoonful.files.documents import parsed_json, parsed_table, read_bytes, read_json, read_text
from tests.damage import DAMAGES

REMAKE = "run `spoonful split` again"


@dataclass
class Inner:
    name: str


@dataclass
class Shape:
    names: tuple[str, ...]
    count: int
    share: float
    inner: Inner
    extra: int | None = None


GOOD = {"names": ["a", "b"], "count": 2, "share": 0.5, "inner": {"name": "c"}, "more": 1}


def refusal(path: Path, **changes: object) -> str:
    path.write_text(json.dumps({**GOOD, **changes}))
    with pytest.raises(SpoonfulError) as caught:
        read_json(path, Shape, REMAKE)
    message = str(caught.value)
    assert message.startswith(f"{path}: expected ")
    assert message.endswith(f"; {REMAKE}")
    return message.removeprefix(f"{path}: expected ").removesuffix(f"; {REMAKE}")


def test_a_whole_file_comes_back_as_its_object(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(GOOD))
    assert read_json(path, Shape, REMAKE) == Shape(("a", "b"), 2, 0.5, Inner("c"))
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert read_json(path, Shape, REMAKE).count == 2


def test_the_first_wrong_value_is_named_with_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    assert refusal(path, count="2") == "count to be a valid integer, found '2'"
    assert refusal(path, count=2.5) == "count to be a valid integer, found 2.5"
    assert refusal(path, count=True) == "count to be a valid integer, found True"
    assert refusal(path, names=["a", None]) == "names.1 to be a valid string, found None"
    assert refusal(path, inner={}) == "a key inner.name, found none"
    assert refusal(path, inner=[]) == "inner to be an object, found []"
    assert (
        refusal(path, share=float("nan")) == "JSON, found 'NaN' where a finite number is expected"
    )
    assert "found '" in refusal(path, count="x" * 1000)
    assert len(refusal(path, count="x" * 1000)) < 200


@pytest.mark.parametrize("damage", DAMAGES)
def test_every_damage_is_one_line(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps(GOOD))
    DAMAGES[damage](path)
    with pytest.raises(SpoonfulError) as caught:
        read_json(path, Shape, REMAKE)
    message = str(caught.value)
    assert message.startswith(f"{path}: expected ")
    assert ", found " in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 250


def test_infinite_numbers_are_read_where_they_are_meant(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps({**GOOD, "share": float("inf")}))
    values = parsed_json(read_text(path, REMAKE), path, REMAKE, is_finite=False)
    assert values["share"] == float("inf")


def test_only_regular_files_are_read_and_none_that_is_too_long(tmp_path: Path) -> None:
    pipe, link, long = tmp_path / "pipe", tmp_path / "zero", tmp_path / "long"
    os.mkfifo(pipe)
    link.symlink_to("/dev/zero")
    long.write_bytes(bytes(101))
    for path in (pipe, link):
        with pytest.raises(SpoonfulError, match="expected a file, found no regular file"):
            read_bytes(path, REMAKE)
    with pytest.raises(SpoonfulError, match="expected at most 100 bytes, found 101; run"):
        read_bytes(long, REMAKE, max_bytes=100)
    assert read_text(long, REMAKE) == "\0" * 101


TABLES = {
    "a,b\n1,2\n3,4": "a whole last line, found one that is cut off",
    "a,b\n1,2\n3\n": "2 cells in line 3, found 1",
    "a,b\n1,2,3\n": "2 cells in line 2, found 3",
    "a,c\n1,2\n": "a header with a,b, found 'a,c'",
    "a,b,a\n1,2,3\n": "a header with a,b, found 'a,b,a'",
    "": "a header with a,b, found an empty file",
    'a,b\n"1,2\n': "a table in line 2, found unexpected end of data",
}


@pytest.mark.parametrize("text", TABLES)
def test_a_table_that_is_none_is_named_with_its_line(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(text)
    with pytest.raises(SpoonfulError) as caught:
        parsed_table(read_text(path, REMAKE), ("a", "b"), path, REMAKE)
    assert str(caught.value) == f"{path}: expected {TABLES[text]}; {REMAKE}"


def test_a_table_comes_back_whole(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('b,a,c\n1,"x\n""y""",3\n', newline="")
    rows = parsed_table(read_text(path, REMAKE), ("a", "b"), path, REMAKE)
    assert rows == [{"b": "1", "a": 'x\n"y"', "c": "3"}]
