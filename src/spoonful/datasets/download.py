"""Download a file with a progress bar and a limit on silence."""

import sys
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

_CHUNK_BYTES = 1 << 16


def download(url: str, target: Path, timeout_s: float) -> None:
    """Download a URL to a file.

    Raises:
        OSError: no connection, an HTTP error, a connection that broke off, or silence for
            `timeout_s` seconds.
    """
    with urllib.request.urlopen(url, timeout=timeout_s) as response, target.open("wb") as file:
        expected = int(response.headers.get("Content-Length") or 0)
        received = 0
        with tqdm(
            total=expected or None,
            unit="B",
            unit_scale=True,
            desc=target.name,
            disable=not sys.stderr.isatty(),
            leave=False,
        ) as bar:
            while chunk := response.read(_CHUNK_BYTES):
                file.write(chunk)
                received += len(chunk)
                bar.update(len(chunk))
    if expected and received != expected:
        raise OSError(f"broke off after {received} of {expected} bytes")
