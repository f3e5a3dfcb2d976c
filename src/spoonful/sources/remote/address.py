"""Addresses of remote data, such as s3://bucket/folder, and how they differ from paths."""

import os
import re

from spoonful.errors import SpoonfulError
from spoonful.secrets import redacted

# Also chained ones of fsspec, such as zip://inner::s3://bucket/file.zip.
_ADDRESS = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*(://|::)")
# What pathlib makes of an address: it joins the two slashes.
_BROKEN = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/[^/]")


def is_address(path: str | os.PathLike[str]) -> bool:
    """Return whether a path is the address of remote data.

    Raises:
        SpoonfulError: a `pathlib.Path` of an address, which has lost a slash.
    """
    if isinstance(path, str):
        return _ADDRESS.match(path) is not None
    if _BROKEN.match(text := os.fspath(path)) and not os.path.exists(text):  # noqa: PTH110
        raise SpoonfulError(
            f"{text}: an address in a pathlib.Path loses a slash; pass it as a text"
        )
    return False


def joined(address: str, name: str) -> str:
    """Return the address of a file below an address; the part after a ? stays at its end."""
    bare, question, query = address.partition("?") if _is_http(address) else (address, "", "")
    return f"{bare.rstrip('/')}/{name}{question}{query}"


def parted(address: str) -> tuple[str, str]:
    """Return the address of the folder of a file, and the file's name."""
    bare, question, query = address.partition("?") if _is_http(address) else (address, "", "")
    folder, _, name = bare.rpartition("/")
    return f"{folder}{question}{query}", name


def shown(address: str) -> str:
    """Return an address as messages show it: without a login or a signature."""
    return redacted(address)


def _is_http(address: str) -> bool:
    return address.startswith(("http://", "https://"))
