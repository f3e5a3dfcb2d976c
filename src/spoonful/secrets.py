"""Take users and passwords out of whatever is shown or recorded."""

import re
import shlex
import urllib.parse
from collections.abc import Sequence

_HIDDEN = "***"
_TRACKING = "MLFLOW_TRACKING_URI"  # which `spoonful` heeds, too
# Up to the last @ before the path: a password may hold an @ of its own.
_USER = re.compile(r"(?<=://)[^/?#\s'\"]+(?=@)")
# What stands behind the ? of an address, as in postgresql://HOST/NAME?password=...
_WORD = re.compile(
    r"(?i)([?&;](?:[\w.-]*(?:password|passwd|pwd|secret|token|api[_-]?key|signature|credential)|"
    r"sig|user|username)=)[^&;\s'\",\]]+"
)


def redacted(text: str) -> str:
    """Return a text in which every address is without its user and password."""
    return _WORD.sub(rf"\1{_HIDDEN}", _USER.sub(_HIDDEN, text))


def to_type(words: Sequence[str], separator: str = " ") -> str:
    """Return a command as it is typed in a shell, without the logins in its overrides.

    In their place stand variables of the shell, without which the command does not run; what they
    are to be is said behind it.

    Args:
        words: of the command; overrides as key=value, perhaps redacted already.
        separator: what stands between the command and what is said.
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
    """Return an address without its login, its user and its password.

    Args:
        address: such as http://user:password@host:5000/path; percent-encoded where need be.
    """
    parts = urllib.parse.urlsplit(address)
    login, at, place = parts.netloc.rpartition("@")
    if not at:
        return address, None, None
    user, colon, password = login.partition(":")
    bare = urllib.parse.urlunsplit(parts._replace(netloc=place))
    unquoted = urllib.parse.unquote
    return bare, unquoted(user), unquoted(password) if colon else None
