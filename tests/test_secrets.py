"""No user and no password of an address is shown or recorded."""

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spoonful.secrets import redacted, to_type, without_login


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


LOGIN = "http://bob:s3cret@host:5000/a"
TYPED = ["spoonful", "train", "model=mlp", f"tracking.uri={LOGIN}", "tracking.tags={a: b}"]
TYPED += ["sweep.storage=postgresql://u:p@h/db?password=x", "trainer.resume=5eed"]


def typed_in(shell: str, command: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """What a shell makes of a command's words, one a line."""
    script = f"spoonful() {{ printf '%s\\n' \"$@\"; }}\n{command}"
    return subprocess.run(
        [shell, "-c", script], capture_output=True, text=True, check=False, env=environment
    )


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh"])
@pytest.mark.parametrize("is_recorded", [False, True])
def test_a_command_to_go_on_with_can_be_typed_and_shows_no_login(
    shell: str, is_recorded: bool
) -> None:
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"needs {shell}")
    words = [redacted(word) for word in TYPED] if is_recorded else TYPED
    command, _, said = to_type(words, "\n  ").partition("\n  ")
    assert said == (
        "(where MLFLOW_TRACKING_URI is the server's address, SWEEP_STORAGE is what stood behind "
        "sweep.storage=, with the login that is not shown)"
    )
    assert not [secret for secret in ("s3cret", "bob", "u:p", 'x"', "***") if secret in command]
    storage = TYPED[5].partition("=")[2]
    done = typed_in(path, command, MLFLOW_TRACKING_URI=LOGIN, SWEEP_STORAGE=storage)
    assert done.stdout.splitlines() == [
        *TYPED[1:3],
        f"tracking.uri='{LOGIN}'",
        *TYPED[4:],
    ]
    # Without them it does not run, on another store for example.
    assert (typed_in(path, command).returncode, typed_in(path, command).stdout) != (0, "")
    assert typed_in(path, command).stdout == ""


def test_a_command_without_a_login_is_as_it_was_typed() -> None:
    words = ["spoonful", "train", "tracking.uri=http://host", "tracking.tags={a: b}"]
    assert to_type(words, "\n") == "spoonful train tracking.uri=http://host 'tracking.tags={a: b}'"
