"""Let `dvc repro` start again where DVC was killed: `python -m spoonful.dvc_rwlock`, before it.

DVC notes in .dvc/tmp/rwlock which process uses which file, and writes the note in its place. A kill
cuts it short, and every later command of DVC refuses it until it is removed (seen with 3.67). Notes
of dead processes DVC removes by itself, so that nothing is lost with a note that cannot be read.
"""

import json
from pathlib import Path

from spoonful.project import project_root


def remove_cut_note(project: Path) -> None:
    """Remove DVC's note where it was cut short; while another DVC writes it, leave it alone."""
    folder = project / ".dvc" / "tmp"
    if not _is_cut(folder / "rwlock"):
        return
    from dvc.config import Config  # a second
    from dvc.lock import LockError, make_lock

    is_link = Config(str(project / ".dvc"))["core"].get("hardlink_lock", False)
    guard = make_lock(str(folder / "rwlock.lock"), tmp_dir=str(folder), hardlink_lock=is_link)
    try:
        with guard:  # as DVC has it while it reads and writes the note
            if _is_cut(folder / "rwlock"):
                (folder / "rwlock").unlink()
    except LockError:
        return


def _is_cut(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except OSError:  # not there, as a rule; DVC says what else it may be
        return False
    except ValueError:
        return True
    return False


if __name__ == "__main__":
    remove_cut_note(project_root())
