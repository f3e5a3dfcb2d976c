from pathlib import Path

import pytest

from spoonful.errors import SpoonfulError
from spoonful.files.tables import check_place, markdown, put_between, read_csv, write_csv

BEGIN, END = "<!-- speed: written by the command -->", "<!-- end of speed -->"


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "results" / "speed.csv"
    write_csv(path, ("case", "value"), [("a, b", 1.5), ('"c"\nd', None)])
    assert path.read_bytes() == b'case,value\n"a, b",1.5\n"""c""\nd",\n'
    assert read_csv(path) == [{"case": "a, b", "value": "1.5"}, {"case": '"c"\nd', "value": ""}]


def test_a_table_that_fails_half_way_leaves_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "speed.csv"
    write_csv(path, ("case",), [("old",)])
    with pytest.raises(ZeroDivisionError):
        write_csv(path, ("case",), ((1 / n,) for n in (1, 0)))
    assert read_csv(path) == [{"case": "old"}]
    assert list(tmp_path.iterdir()) == [path]


def test_a_markdown_table_has_its_texts_on_the_left() -> None:
    table = markdown(("case", "of", "value"), [("a", "b", 1), ("c", "d", "2 s")], num_texts=2)
    assert table.splitlines() == [
        "| case | of | value |",
        "| --- | --- | --: |",
        "| a | b | 1 |",
        "| c | d | 2 s |",
    ]


def test_only_what_stands_between_the_lines_is_replaced(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    other = "<!-- speeds: written by the command -->\nx\n<!-- end of speeds -->\n"
    readme.write_text(f"# Speed\n{other}{BEGIN}\nold\n{END}\nmore\n")
    for content in ("new", "newer"):
        put_between(readme, "speed", content)
        assert readme.read_text() == f"# Speed\n{other}{BEGIN}\n{content}\n{END}\nmore\n"


@pytest.mark.parametrize("text", [None, "# Speed\n", f"{END}\n{BEGIN}\n", f"{BEGIN}\n"])
def test_a_readme_without_the_place_is_left_alone(tmp_path: Path, text: str | None) -> None:
    readme = tmp_path / "README.md"
    if text is not None:
        readme.write_text(text)
    with pytest.raises(SpoonfulError, match=r"README\.md must have a line"):
        check_place(readme, "speed")
    with pytest.raises(SpoonfulError, match=r"README\.md must have a line") as raised:
        put_between(readme, "speed", "x")
    assert len(str(raised.value).splitlines()) == 1
    assert text is None or readme.read_text() == text
