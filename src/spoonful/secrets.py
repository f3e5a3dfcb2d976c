"""Remove users and passwords from everything that is shown or recorded."""

import re
import shlex
import urllib.parse
from collections.abc import Sequence

_HIDDEN = "***"
_TRACKING = "MLFLOW_TRACKING_URI"  # which `spoonful` also uses
# Up to the last @ before the path: a password may contain an @.
_USER = re.compile(r"(?<=://)[^/?#\s'\"]+(?=@)")
# The part after the ? of an address, as in postgresql://HOST/NAME?password=...
_WORD = re.compile(
    r"(?i)([?&;](?:[\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|signature|credential)|"
    r"sig|user|username)=)[^&;\s'\",\]]+"
)


def redacted(text: str) -> str:
    """Return a text with user and password removed from every address."""
    return _WORD.sub(rf"\1{_HIDDEN}", _USER.sub(_HIDDEN, text))


def to_type(words: Sequence[str], separator: str = " ") -> str:
    """Return a command as it is typed in a shell, without the logins in its overrides.

    They are replaced by shell variables, without which the command does not run; a note after it
    explains them.

    Args:
        words: words of the command; overrides as key=value, possibly already redacted.
        separator: text between the command and the note.
    """
    shown, asked = [], {}
    for word in words:
        key, _, _ = word.partition("=")
        if _HIDDEN not in redacted(word):
            shown.append(shlex.quote(word))
        elif key.lstrip("+") == "tracking.uri":
            shown.append(f"\"{key}='${{{_TRACKING}:?}}'\"")
            asked[_TRACKING] = "the server's address"
        else:
            name = re.sub(r"\W+", "_", key).strip("_").upper()
            shown.append(f'"{key}=${{{name}:?}}"')
            asked[name] = f"what stood behind {key}="
    line = " ".join(shown)
    if not asked:
        return line
    meant = ", ".join(f"{name} is {what}" for name, what in asked.items())
    return f"{line}{separator}(where {meant}, with the login that is not shown)"


def without_login(address: str) -> tuple[str, str | None, str | None]:
    """Return an address without its login, and its user and password.

    Args:
        address: such as http://user:password@host:5000/path; percent-encoded if needed.
    """
    parts = urllib.parse.urlsplit(address)
    if parts.username is None:
        return address, None, None
    bare = urllib.parse.urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
    password = None if parts.password is None else urllib.parse.unquote(parts.password)
    return bare, urllib.parse.unquote(parts.username), password
