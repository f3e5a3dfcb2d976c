"""Let `dvc repro` start again after DVC was killed: first run `python -m spoonful.dvc_rwlock`.

DVC notes in .dvc/tmp/rwlock which process uses which file, and overwrites the note in place. A kill
truncates it, and every later DVC command refuses it until it is removed (seen with 3.67). DVC
removes notes of dead processes itself, so nothing is lost with an unreadable note.
"""

import json
from pathlib import Path

from spoonful.project import project_root


def remove_cut_note(project: Path) -> None:
    """Remove DVC's note if it was truncated, unless another DVC process is writing it."""
    folder = project / ".dvc" / "tmp"
    if not _is_cut(folder / "rwlock"):
        return
    from dvc.config import Config  # takes a second
    from dvc.lock import LockError, make_lock

    is_link = Config(str(project / ".dvc"))["core"].get("hardlink_lock", False)
    guard = make_lock(str(folder / "rwlock.lock"), tmp_dir=str(folder), hardlink_lock=is_link)
    try:
        with guard:  # as DVC does while it reads and writes the note
            if _is_cut(folder / "rwlock"):
                (folder / "rwlock").unlink()
    except LockError:
        return


def _is_cut(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except OSError:  # usually missing; DVC reports other errors
        return False
    except ValueError:
        return True
    return False


if __name__ == "__main__":
    remove_cut_note(project_root())
