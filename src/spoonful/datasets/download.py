"""Download a file with a progress bar and a limit on silence."""

import urllib.error
import urllib.request
from pathlib import Path

from spoonful import progress

_CHUNK_BYTES = 1 << 16


def download(url: str, target: Path, timeout_s: float) -> None:
    """Download a URL to a file.

    Raises:
        OSError: no connection, an HTTP error, a lost connection, or no data for `timeout_s`
            seconds.
    """
    with urllib.request.urlopen(url, timeout=timeout_s) as response, target.open("wb") as file:
        expected = int(response.headers.get("Content-Length") or 0)
        received = 0
        with progress.bar(target.name, expected or None, "B", is_scaled=True) as bar:
            while chunk := response.read(_CHUNK_BYTES):
                file.write(chunk)
                received += len(chunk)
                bar.update(len(chunk))
    if expected and received != expected:
        raise OSError(f"broke off after {received} of {expected} bytes")
