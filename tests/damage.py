"""What becomes of a file: cut off, another one, a folder in its place."""

import random
import shutil
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[Path], object]


def _replaced(content: bytes) -> Damage:
    return lambda path: path.write_bytes(content)


def _emptied_to_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _changed(change: Callable[[bytes], bytes]) -> Damage:
    return lambda path: path.write_bytes(change(path.read_bytes()))


DAMAGES: dict[str, Damage] = {
    "missing": Path.unlink,
    "a folder": _emptied_to_a_folder,
    "empty": _replaced(b""),
    "half": _changed(lambda content: content[: len(content) // 2]),
    "cut at the end": _changed(lambda content: content[:-3]),
    "{}": _replaced(b"{}"),
    "[]": _replaced(b"[]"),
    "null": _replaced(b"null"),
    "number": _replaced(b"1e400"),
    "text": _replaced(b'"a"'),
    "NaN": _replaced(b"NaN"),
    "huge": _replaced(b"9" * 5000),
    "deep": _replaced(b"[" * 100_000),
    "no UTF-8": _replaced(b"\xff\xfe\x00{"),
    "binary": _replaced(random.Random(0).randbytes(3000)),
    "zeros": _changed(lambda content: bytes(len(content))),
    "doubled": _changed(lambda content: content * 2),
    "a key twice": _changed(lambda content: content.replace(b"{", b'{"a": 1, "a": 2, ', 1)),
}


def restore(path: Path, content: bytes) -> None:
    """Put a file back, whatever has become of it."""
    if path.is_dir():
        shutil.rmtree(path)
    path.write_bytes(content)
