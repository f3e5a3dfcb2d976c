import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoonful.inspection.look_alikes import look_alikes
from spoonful.inspection.texts import cell, printable, unicode_text

ANY_TEXT = st.text(st.characters(codec=None))


@pytest.mark.parametrize("text", ["=cmd()", "+1", "-1", "@a", " =1", "=\x1b[31m"])
def test_no_cell_is_a_formula(text: str) -> None:
    assert cell(text) == f"'{printable(text)}"


def test_numbers_and_plain_texts_stay_as_they_are() -> None:
    assert [cell(value) for value in (-1, 2.5, None, "cat/a=b.png", "ö")] == [
        *(-1, 2.5, None, "cat/a=b.png", "ö")
    ]


@given(ANY_TEXT)
def test_any_name_can_be_printed_and_written(text: str) -> None:
    assert printable(text).isprintable()
    printable(text).encode()
    unicode_text(text).encode()
    assert not str(cell(text)).lstrip().startswith(("=", "+", "-", "@"))


def test_names_that_look_alike() -> None:
    names = ["café", "cafe\u0301", "Dog", "dog", "cat", "ﬁsh", "fish", "a\u200bb", "ab", "bird"]
    assert look_alikes(names) == [
        ["cafe\u0301", "café"],
        ["Dog", "dog"],
        ["fish", "ﬁsh"],
        ["ab", "a\u200bb"],
    ]
    assert look_alikes(["cat", "cat", "dog"]) == []
