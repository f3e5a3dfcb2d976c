"""What was decoded is kept, and is not decoded again."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from spoonful.inspection import inspect, parallel
from spoonful.inspection.table import faults_of
from spoonful.project import decoded_dir, inspect_dir
from tests.inspection.bad_files import write_photo
from tests.inspection.conftest import Fetched, count_decoded, rows_of


def test_what_was_decoded_is_not_decoded_again(
    fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(6):
        write_photo(Path(f"mine/{'cat' if number else 'dog'}/{number}.png"), number)
    Path("mine/cat/empty.png").touch()
    decoded = count_decoded(monkeypatch)
    raw, config = fetched()
    inspect(raw, inspect_dir(), config.dataset, "mine")
    first = {path.name: path.read_bytes() for path in inspect_dir().iterdir()}
    assert len(decoded) == len(set(decoded)) == 7
    inspect(raw, inspect_dir(), config.dataset, "mine")
    assert len(decoded) == 7
    assert {path.name: path.read_bytes() for path in inspect_dir().iterdir()} == first
    shutil.move("mine", "renamed")  # other names, the same files
    Path("mine").symlink_to("renamed")
    write_photo(Path("mine/dog/new.png"), 50)
    raw, config = fetched()
    inspect(raw, inspect_dir(), config.dataset, "mine")
    assert len(decoded) == 8
    raw, config = fetched("dataset.max_pixels=100")
    inspect(raw, inspect_dir(), config.dataset, "mine")
    assert len(decoded) == 16
    assert len(faults_of(inspect_dir() / "images.parquet")) == 8


def test_an_interrupted_inspection_leaves_nothing_and_goes_on_where_it_was(
    fetched: Fetched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parallel, "_BATCH", 2)
    names = [f"{'cat' if number < 30 else 'dog'}/{number:02}.png" for number in range(40)]
    for number, name in enumerate(names):
        write_photo(Path("mine", name), number)
    raw, config = fetched()
    with monkeypatch.context() as patch:
        before = count_decoded(patch, limit=21)
        with pytest.raises(KeyboardInterrupt):
            inspect(raw, inspect_dir(), config.dataset, "mine")
    assert not inspect_dir().exists()
    assert {path.name for path in Path("data").iterdir()} == {"raw", decoded_dir().name}
    after = count_decoded(monkeypatch)
    inspect(raw, inspect_dir(), config.dataset, "mine")
    assert len(set(before) | set(after)) == 40
    assert len(after) < 40
    assert list(rows_of(inspect_dir())) == names


def test_a_cache_that_is_damaged_is_replaced_and_said_once(
    fetched: Fetched, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_photo(Path("mine/cat/0.png"), 0)
    write_photo(Path("mine/dog/0.png"), 1)
    raw, config = fetched()
    inspect(raw, inspect_dir(), config.dataset, "mine")
    database = decoded_dir() / "cache.db"
    later = bytearray(database.read_bytes())
    later[4096:] = b"\x55" * len(later[4096:])  # opens well, but holds no pages
    for content in (b"garbage\n", b"no database" * 999, bytes(later), _other_database()):
        for path in decoded_dir().glob("cache.db*"):
            path.unlink()
        database.write_bytes(content)
        capsys.readouterr()
        inspect(raw, inspect_dir(), config.dataset, "mine")
        assert len(rows_of(inspect_dir())) == 2
        said = capsys.readouterr().out
        assert said.count("note:") == 1
        assert said.startswith("note: data/.decoded was damaged (")
        with monkeypatch.context() as patch:
            decoded = count_decoded(patch)
            inspect(raw, inspect_dir(), config.dataset, "mine")
        assert decoded == []
        assert capsys.readouterr().out == ""


def _other_database() -> bytes:
    with closing(sqlite3.connect("other.db")) as connection:
        connection.execute("CREATE TABLE Cache (x)")
    return Path("other.db").read_bytes()


def test_a_cache_that_cannot_be_used_is_named_with_what_to_do(
    fetched: Fetched, capsys: pytest.CaptureFixture[str]
) -> None:
    write_photo(Path("mine/cat/0.png"), 0)
    write_photo(Path("mine/dog/0.png"), 1)
    decoded_dir().parent.mkdir()
    decoded_dir().touch()
    raw, config = fetched()
    inspect(raw, inspect_dir(), config.dataset, "mine")
    said = capsys.readouterr().out
    assert said.count("note:") == 1
    assert "are not kept for later in data/.decoded: " in said
    assert said.endswith("make room for it and make it writable, or delete it if it is damaged\n")
