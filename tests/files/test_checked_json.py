"""JSON files with a digest of their own bytes: whatever happens to one is said in one line."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import pytest

from spoonful.errors import SpoonfulError
from spoonful.files.checked_json import read_checked, read_checked_values, write_checked
from spoonful.files.whole import write_json
from tests.damage import DAMAGES

REMAKE = "remove it"


@dataclass(frozen=True)
class Shape:
    name: str
    numbers: list[int]
    value: float
    note: str | None = None


WHOLE = Shape('a "quoted" näme', [1, 22], 0.5)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_checked(tmp_path / "a.json", asdict(WHOLE))
    return tmp_path / "a.json"


def refused(path: Path) -> str:
    with pytest.raises(SpoonfulError) as caught:
        read_checked(path, Shape, REMAKE)
    message = str(caught.value)
    assert message.startswith(f"{path}: expected ")
    assert ", found " in message
    assert message.endswith(f"; {REMAKE}")
    assert "\n" not in message
    return message


def test_it_comes_back_as_it_was_written(path: Path) -> None:
    assert read_checked(path, Shape, REMAKE) == WHOLE
    assert read_checked_values(path, Shape, REMAKE) == asdict(WHOLE)
    assert list(json.loads(path.read_text())) == [*asdict(WHOLE), "sha256"]


def test_each_flipped_bit_and_each_byte_lost_or_added_is_noticed(path: Path) -> None:
    content = path.read_bytes()
    for place in range(len(content)):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            path.write_bytes(flipped)
            refused(path)
        path.write_bytes(content[:place] + content[place + 1 :])
        refused(path)
        path.write_bytes(content[:place] + b" " + content[place:])
        refused(path)
    path.write_bytes(b"\xef\xbb\xbf" + content)
    refused(path)


@pytest.mark.parametrize("damage", [name for name in DAMAGES if name != "missing"])
def test_whatever_else_becomes_of_it_is_one_line(path: Path, damage: str) -> None:
    DAMAGES[damage](path)
    refused(path)


def test_a_changed_value_says_both_digests(path: Path) -> None:
    whole = json.loads(path.read_text())["sha256"]
    path.write_text(path.read_text().replace("0.5", "0.6"))
    message = refused(path)
    assert f"expected content with the SHA-256 {whole}, which its last line names" in message


def test_one_of_an_earlier_version_has_no_digest_and_is_read(path: Path) -> None:
    write_json(path, asdict(WHOLE))
    assert read_checked(path, Shape, REMAKE) == WHOLE
    write_json(path, {**asdict(WHOLE), "sha257": "0"})
    assert "sha257" in refused(path)
