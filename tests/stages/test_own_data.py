"""The user's own images through DVC: nothing of theirs is touched, and disk is taken as asked."""

import hashlib
import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from spoonful.sources.folder import FolderSource
from tests.stages.pipelines import new_project, sh, stages_run

pytestmark = pytest.mark.slow

SWITCH = "cache: &cache true"
HASHES_ALONE = "cache: &cache false"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the user's own photographs that has not run yet; a copy for each test."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine").mkdir()
    photos = fill(folder / "photos")
    project = new_project(folder / "mine")
    params = (project / "params.yaml").read_text()
    data = f'overrides: "dataset=folder dataset.path={photos} dataset.image_size=[8,8]"'
    params = params.replace('overrides: ""', data, 1)
    (project / "params.yaml").write_text(params.replace("requirements.lock", str(photos), 1))
    return project


def fill(photos: Path) -> Path:
    """Write photographs that a careless program could harm, some of them links to others."""
    random = np.random.default_rng(0)
    for name in ("cat", "dog"):
        (photos / name).mkdir(parents=True)
        for number in range(10):
            path = photos / name / f"{number}.png"
            cv2.imwrite(str(path), random.integers(0, 256, (9, 9, 3), dtype=np.uint8))
            path.chmod(0o640)
            os.utime(path, (1e9 + number, 1e9 + number))
    elsewhere = photos.parent / "elsewhere"
    elsewhere.mkdir()
    (photos / "cat" / "3.png").rename(elsewhere / "3.png")
    (photos / "cat" / "3.png").symlink_to(elsewhere / "3.png")
    return photos


def snapshot(photos: Path) -> dict[str, tuple[str, int, int, int, int]]:
    """Every file with its content, mode, time of change, number of names and inode."""
    found = {}
    for path in sorted(photos.rglob("*.png")):
        facts = path.stat()
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        found[path.relative_to(photos).as_posix()] = (
            digest,
            facts.st_mode,
            facts.st_mtime_ns,
            facts.st_nlink,
            facts.st_ino,
        )
    return found


def replace(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def cached(project: Path) -> set[bytes]:
    """The contents that DVC keeps."""
    files = (project / ".dvc" / "cache" / "files").rglob("*")
    return {path.read_bytes() for path in files if path.is_file()}


@pytest.mark.parametrize(
    ("link", "keeps", "types"),
    [
        ("auto", SWITCH, "reflink,hardlink,copy"),
        ("auto", HASHES_ALONE, "reflink,hardlink,copy"),
        ("auto", SWITCH, "hardlink"),
        ("copy", SWITCH, "hardlink"),
    ],
)
def test_the_user_s_files_are_never_touched(
    project: Path, tmp_path: Path, link: str, keeps: str, types: str
) -> None:
    photos = project.parent / "photos"
    before = snapshot(photos)
    folder = new_copy(project, tmp_path, link, keeps)
    sh(folder, "dvc", "config", "--local", "cache.type", types)
    assert stages_run(sh(folder, "dvc", "repro", "pack")) == ["fetch", "inspect", "split", "pack"]
    assert snapshot(photos) == before
    split = folder / "data" / "split"
    expected = FolderSource(split / "train", (8, 8), 3).fingerprint

    kept = cached(folder)
    is_kept = [path.read_bytes() in kept for path in photos.rglob("*.png")]
    pixels = [path.read_bytes() in kept for path in (folder / "data/packed").rglob("*.npy")]
    assert all(is_kept) and all(pixels) if keeps == SWITCH else not any(is_kept + pixels)

    assert "up to date" in sh(folder, "dvc", "status", "pack")
    sh(folder, "spoonful", "split", *overrides(folder))  # over what DVC made read-only
    sh(folder, "rm", "-rf", "data/split", "data/packed")
    if keeps == SWITCH:
        sh(folder, "dvc", "checkout", "split", "pack")
    else:  # says README: made again, and the same
        assert stages_run(sh(folder, "dvc", "repro", "pack")) == ["split", "pack"]
    assert FolderSource(split / "train", (8, 8), 3).fingerprint == expected
    sh(folder, "dvc", "commit", "--force", "split")
    sh(folder, "rm", "-rf", "data", ".dvc/cache")
    assert snapshot(photos) == before


def new_copy(project: Path, tmp_path: Path, link: str, keeps: str) -> Path:
    folder = tmp_path / "copy"
    sh(project, "cp", "-a", ".", str(folder))
    replace(folder / "dvc.yaml", SWITCH, keeps)
    replace(folder / "params.yaml", "=[8,8]", f"=[8,8] dataset.link={link}")
    return folder


def overrides(folder: Path) -> list[str]:
    line = next(x for x in (folder / "params.yaml").read_text().splitlines() if "dataset.path" in x)
    return line.split('"')[1].split()
