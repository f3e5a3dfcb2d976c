"""Take users and passwords out of whatever is shown or recorded."""

import re
import urllib.parse

_HIDDEN = "***"
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
