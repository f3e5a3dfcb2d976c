"""Measure what DVC's ways to keep one's own photographs cost; publish the table.

    SPOONFUL_MIRROR=FOLDER python experiments/disk_space/run.py EXT4 XFS

FOLDER holds clothing-dataset-small.tar. EXT4 and XFS are empty folders on file systems that nobody
else writes to meanwhile: what is measured is how much less is free afterwards.
"""

import os
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from spoonful.files.tables import markdown, put_between, write_csv
from spoonful.project import project_root

_HERE = Path(__file__).resolve().parent
_ARCHIVE = "clothing-dataset-small.tar"
_SWITCH = "cache: &cache true"
_KEEPS = {"the files": _SWITCH, "hashes alone": _SWITCH.replace("true", "false")}
_COLUMNS = (
    "file system",
    "DVC keeps",
    "links",
    "photographs, MiB",
    "all else, MiB",
    "s",
    "again, MiB",
    "again, s",
)
_MIB = 1 << 20


@dataclass
class Cost:
    """What a run of the pipeline's data stages took: MiB that are no longer free, and seconds."""

    mib: float
    seconds: float


def main(folders: list[Path]) -> int:
    """Measure each way on each file system; 2 where photographs or folders are missing."""
    archive = Path(os.environ.get("SPOONFUL_MIRROR", ".")) / _ARCHIVE
    if len(folders) != 2 or not all(map(Path.is_dir, folders)) or not archive.is_file():
        print(__doc__, file=sys.stderr)
        return 2
    begin = time.monotonic()
    rows = [row for folder in folders for row in _rows(folder.resolve(), archive)]
    write_csv(_HERE / "results" / "disk.csv", _COLUMNS, rows)
    put_between(_HERE / "README.md", "disk", markdown(_COLUMNS, rows, num_texts=3))
    minutes = (
        f"{len(os.sched_getaffinity(0))} CPU cores. {(time.monotonic() - begin) / 60:.0f} min."
    )
    put_between(_HERE / "README.md", "machine", minutes)
    return 0


def _rows(folder: Path, archive: Path) -> Iterator[tuple[str, ...]]:
    command = ["df", "--output=fstype", folder]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    kind = shown.split()[-1]
    for keeps, switch in _KEEPS.items():
        photos, project = folder / "photos", folder / "project"
        before = _used(folder)
        with tarfile.open(archive) as tar:
            tar.extractall(photos, filter="data")
        size = _used(folder) - before
        _new_project(project, photos, switch)
        first = _run(project)
        link = next((project / "data" / "split").rglob("*.jpg"))
        links = _kind_of_link(link)
        _change_one(photos)
        again = _run(project)
        yield (
            kind,
            keeps,
            links,
            *(f"{n:.0f}" for n in (size, first.mib, first.seconds, again.mib, again.seconds)),
        )
        shutil.rmtree(project)
        shutil.rmtree(photos)


def _new_project(project: Path, photos: Path, switch: str) -> None:
    """Copy the checkout's files, with the photographs as its data."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=project_root(), capture_output=True, text=True, check=True
    ).stdout
    for name in filter(None, listed.split("\0")):
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(project_root() / name, project / name)
    overrides = f'overrides: "experiment=disk_space dataset.path={photos}"'
    _replace(project / "params.yaml", 'overrides: ""', overrides)
    _replace(project / "params.yaml", "path: requirements.lock", f"path: {photos}")
    _replace(project / "dvc.yaml", _SWITCH, switch)
    subprocess.run(["git", "init", "--quiet"], cwd=project, check=True)


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    if old not in text:
        raise SystemExit(f"{path} lacks {old!r}")
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def _run(project: Path) -> Cost:
    """Fetch, split and pack through DVC."""
    before, begin = _used(project), time.monotonic()
    subprocess.run([_dvc(), "repro", "--quiet", "pack"], cwd=project, check=True)
    return Cost(_used(project) - before, time.monotonic() - begin)


def _dvc() -> Path:
    """Return the command beside this interpreter, which its stages need on their path, too."""
    scripts = Path(sys.executable).parent
    os.environ["PATH"] = f"{scripts}{os.pathsep}{os.environ['PATH']}"
    return scripts / "dvc"


def _change_one(photos: Path) -> None:
    """Put another photograph into the place of the first one."""
    first, second = sorted((photos / "train").rglob("*.jpg"))[:2]
    shutil.copyfile(second, first)


def _kind_of_link(path: Path) -> str:
    if path.is_symlink():
        return "symbolic links"
    return "DVC's files" if path.stat().st_nlink > 1 else "reflinks"


def _used(folder: Path) -> float:
    """Return how much of a file system is taken, MiB."""
    os.sync()
    found = os.statvfs(folder)
    return (found.f_blocks - found.f_bfree) * found.f_frsize / _MIB


if __name__ == "__main__":
    sys.exit(main([Path(given) for given in sys.argv[1:]]))
