import gzip
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from spoonful.errors import SpoonfulError
from spoonful.sources.table_file import read_columns, texts


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("line_end", ["\n", "\r\n"])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_csv_of_any_usual_kind(tmp_path: Path, delimiter: str, line_end: str, start: bytes) -> None:
    rows = (["path", "more", "label"], ["a.png", "", '"say ""ö"", |,;\t"'], ["b.png", "7", ""])
    text = line_end.join(delimiter.join(row) for row in rows) + line_end
    path = written(tmp_path / "table.csv", start + text.encode())
    table = read_columns(path, ["label", "path"])
    assert table.to_pydict() == {"label": ['say "ö", |,;\t', ""], "path": ["a.png", "b.png"]}


def test_cells_stay_texts_and_may_hold_line_breaks(tmp_path: Path) -> None:
    content = b'path,label\n\n"a\nb.png",007\nNA,"=cmd()"\nc.png, x \n'
    table = read_columns(written(tmp_path / "t.csv", content), ["path", "label"])
    assert table["path"].to_pylist() == ["a\nb.png", "NA", "c.png"]
    assert table["label"].to_pylist() == ["007", "=cmd()", " x "]


def test_a_compressed_table_and_one_without_a_suffix(tmp_path: Path) -> None:
    content = b"path,label\na.png,1\n"
    packed = written(tmp_path / "t.csv.gz", gzip.compress(content))
    assert read_columns(packed, ["label"])["label"].to_pylist() == ["1"]
    assert read_columns(written(tmp_path / "t", content), ["label"])["label"].to_pylist() == ["1"]


def test_parquet_has_types_and_only_the_wanted_columns(tmp_path: Path) -> None:
    path = tmp_path / "named.csv"  # its content tells what it is
    columns = {"path": ["a", "b"], "x.y": [1.5, None], "other": [[1], [2]]}
    pq.write_table(pa.table(columns), path)
    table = read_columns(path, ["x.y", "path"])
    assert table.to_pydict() == {"x.y": [1.5, None], "path": ["a", "b"]}


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has no column 'path', 'label': it has no header"),
        (
            b"path,lable\na,b\n",
            r"has no column 'label': did you mean 'lable'\? it has the columns ",
        ),
        (b"path,label,label\na,b,c\n", "has several columns 'label'"),
        (b'path,label\n"a\n1",b\n\nb\nc,d\n', r"found row 2 \(1\);"),  # not the line
        (b"path,label\na\nb,c\nd,e,f\n", r"expected 2 cells .*, found row 1 \(1\), row 3 \(3\)"),
        ("path,label\nä,b\n".encode("cp1252"), "expected UTF-8 text, found byte 0xe4 at 11"),
        ("path,label\na,b\n".encode("utf-16"), "expected UTF-8 text, found byte 0xff at 0"),
        (b"path,label\na,b\n" * 80_000 + b"a,\xff\n", "cannot be read as a table .*UTF8"),
        (b"PAR1 and no more", "cannot be read as a table"),
    ],
)
def test_what_is_no_table_is_said_in_one_line(tmp_path: Path, content: bytes, message: str) -> None:
    path = written(tmp_path / "t.csv", content)
    with pytest.raises(SpoonfulError, match=message) as caught:
        read_columns(path, ["path", "label"])
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_table_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(SpoonfulError, match="no table to read"):
        read_columns(tmp_path / "none.csv", ["path"])
    with pytest.raises(SpoonfulError, match="a folder, expected a table"):
        read_columns(tmp_path, ["path"])
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(SpoonfulError, match="a pipe or a device, expected a table"):
        read_columns(tmp_path / "pipe", ["path"])


def test_texts_of_the_types_that_can_name_something() -> None:
    words = pa.chunked_array([pa.array(["a", None]).dictionary_encode()])
    assert texts(words, "x").to_pylist() == ["a", None]
    assert texts(pa.chunked_array([[1, None, -3]]), "x").to_pylist() == ["1", None, "-3"]
    assert texts(pa.chunked_array([[True]]), "x").to_pylist() == ["true"]
    with pytest.raises(SpoonfulError, match=r"^column 'x' holds values of type double"):
        texts(pa.chunked_array([[1.5]]), "column 'x'")


@pytest.mark.parametrize("end", ["\n", "\r\n", ""])
@pytest.mark.parametrize(
    ("rows", "number"),
    [
        (['a,"b', "c,d", "e,f"], 1),
        (["a,b", 'c,"d'], 2),
        (["a,b", 'c,"d ""x"" e""', "e,f"], 2),
        (["a,b", '"c,d', "e,f"], 2),  # of a wrong length, then
        (["a,b", "", "e", 'c,"d', "e,f"], 3),
        (["a,b", 'c,"d', "e,f", 'g,"h"', "i,j"], 2),  # closed by the next one that opens
        (["a,b", 'c,"', "e,f", 'g,"h"', "i,j"], 2),
    ],
)
def test_a_quote_that_is_not_closed(tmp_path: Path, rows: list[str], number: int, end: str) -> None:
    content = (end or "\n").join(["path,label", *rows]) + end
    path = written(tmp_path / "t.csv", content.encode())
    for names in (["path", "label"], ["label"]):
        with pytest.raises(SpoonfulError, match=rf"quote that opens in row {number} is not closed"):
            read_columns(path, names)


def test_an_open_quote_in_a_large_table(tmp_path: Path) -> None:
    content = b"path,label\n" + b"a,b\n" * 10 + b'c,"d\n' + b"e,f\n" * (10 << 20)
    path = written(tmp_path / "t.csv", content)
    with pytest.raises(SpoonfulError, match=r"row 11 has more than 16 MiB"):
        read_columns(path, ["path", "label"])


def test_quotes_inside_cells_are_texts(tmp_path: Path) -> None:
    content = b'path,label\na,5" nail\nb,"x "",""\n"" y"\n"c"d,"e"'
    table = read_columns(written(tmp_path / "t.csv", content.replace(b"d,", b",")), ["label"])
    assert table["label"].to_pylist() == ['5" nail', 'x ","\n" y', "e"]
    table = read_columns(written(tmp_path / "t.csv", content), ["path"])
    assert table["path"].to_pylist() == ["a", "b", "cd"]  # no line break in a cell that is read


def test_a_line_break_beside_a_column_that_nobody_reads(tmp_path: Path) -> None:
    content = b'path,label,notes\na,"b\nc","' + b"long" * 300_000 + b'"\nd,e,\xff\n'
    table = read_columns(written(tmp_path / "t.csv", content), ["path", "label"])
    assert table["label"].to_pylist() == ["b\nc", "e"]


def test_a_header_without_rows_or_line_end(tmp_path: Path) -> None:
    for content in (b"path,label", b"path,label\n"):
        table = read_columns(written(tmp_path / "t.csv", content), ["label"])
        assert table.to_pydict() == {"label": []}
