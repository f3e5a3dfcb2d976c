import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoonful.files.tables import for_spreadsheets
from spoonful.files.text import printable, unicode_text
from spoonful.inspection.look_alikes import look_alikes

ANY_TEXT = st.text(st.characters(codec=None))


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@a", " =1", "=\x1b[31m"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert for_spreadsheets(text) == f"'{printable(text)}"


def test_numbers_and_plain_texts_stay_as_they_are() -> None:
    assert [for_spreadsheets(value) for value in (-1, 2.5, None, "cat/a=b.png", "ö")] == [
        *(-1, 2.5, None, "cat/a=b.png", "ö")
    ]


@given(ANY_TEXT)
def test_any_name_can_be_printed_and_written(text: str) -> None:
    assert printable(text).isprintable()
    printable(text).encode()
    unicode_text(text).encode()
    assert not str(for_spreadsheets(text)).lstrip().startswith(("=", "+", "-", "@"))


def test_names_that_look_alike() -> None:
    names = ["café", "cafe\u0301", "Dog", "dog", "cat", "ﬁsh", "fish", "a\u200bb", "ab", "bird"]
    assert look_alikes(names) == [
        ["cafe\u0301", "café"],
        ["Dog", "dog"],
        ["fish", "ﬁsh"],
        ["ab", "a\u200bb"],
    ]
    assert look_alikes(["cat", "cat", "dog"]) == []
