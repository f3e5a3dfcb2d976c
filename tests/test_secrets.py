"""No user and no password of an address is shown or recorded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoonful.secrets import redacted, without_login


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://bob:s3cret@host:5000/a", "http://***@host:5000/a"),
        ("http://bob:s3@cret@host", "http://***@host"),
        ("http://token@host", "http://***@host"),
        (
            "postgresql+psycopg://u:p@h/db?password=x&ssl=on",
            "postgresql+psycopg://***@h/db?password=***&ssl=on",
        ),
        ("https://h/a?X-Amz-Signature=abc&b=c", "https://h/a?X-Amz-Signature=***&b=c"),
        ("a 'http://u:p@h' and http://u:p@i", "a 'http://***@h' and http://***@i"),
        (
            "dataset.urls=[http://u:p@h/,http://u:p@i/]",
            "dataset.urls=[http://***@h/,http://***@i/]",
        ),
    ],
)
def test_a_login_is_left_out(text: str, shown: str) -> None:
    assert redacted(text) == shown


@pytest.mark.parametrize(
    "text",
    [
        "sqlite:////home/me@work/mlflow.db",
        "http://127.0.0.1:5000/#/experiments?searchFilter=tags.a",
        "mail me@example.org",
        "https://example.org/a@b",
        "model.token=5 optimizer.user=3",
    ],
)
def test_what_holds_no_login_stays(text: str) -> None:
    assert redacted(text) == text


LETTERS = st.text(st.sampled_from("abcXYZ019._~!$&()*+,;=:@%-"), min_size=4)


@given(LETTERS, LETTERS)
def test_no_login_is_left_whatever_its_letters(user: str, password: str) -> None:
    shown = redacted(f"see http://{user}:{password}@host/path now")
    assert shown == "see http://***@host/path now"


def test_a_login_is_taken_out_of_an_address_and_decoded() -> None:
    assert without_login("http://b%40b:s%2F3@host:1/p") == ("http://host:1/p", "b@b", "s/3")
    assert without_login("http://host:1/p") == ("http://host:1/p", None, None)
    assert without_login("http://token@host") == ("http://host", "token", None)
