"""Where the report of any folder goes: no report replaces that of another folder."""

import hashlib
import os
import re
import unicodedata
from pathlib import Path

from spoonful.files.text import unicode_text
from spoonful.project import inspect_folder_dir, shown_path

# In each report: the folder that it is of.
NOTE_NAME = "folder.txt"
# File systems take 255, some 143; unfinished folders have longer names.
_MAX_NAME_BYTES = 100
_DIGEST_LETTERS = 8


def report_folder(inspected: Path) -> Path:
    """Return the folder for the report of a folder of images.

    It is data/inspect_<name of the folder>. If there is one already that is not known to be of the
    same folder, the beginning of a digest of the folder's path is added to the name.

    Args:
        inspected: the folder of images, an absolute path.
    """
    name = _file_name(inspected.name)
    plain = inspect_folder_dir(name)
    note = note_of(inspected)
    if not os.path.lexists(plain) or _noted(plain) == note:
        return plain
    digest = hashlib.sha256(note.encode()).hexdigest()[:_DIGEST_LETTERS]
    return inspect_folder_dir(f"{name}_{digest}")


def note_of(inspected: Path) -> str:
    """Return the content of the note: the folder's path, relative to the project if it is inside.

    So a project that is moved with its images finds its reports.
    """
    return unicode_text(shown_path(inspected)) + "\n"


def _file_name(name: str) -> str:
    """Return a name for files and shells: letters of any language and digits are kept."""
    plain = re.sub(r"[^\w.-]", "_", unicodedata.normalize("NFC", name)).lstrip(".")
    return plain.encode()[:_MAX_NAME_BYTES].decode(errors="ignore") or "folder"


def _noted(report: Path) -> str | None:
    try:
        return (report / NOTE_NAME).read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
