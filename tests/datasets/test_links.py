import subprocess
import sys
from pathlib import Path

import pytest

from spoonful.datasets.links import safe_link
from spoonful.errors import SpoonfulError


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder below one that DVC knows."""
    command = [sys.executable, "-m", "dvc", "init", "--quiet", "--no-scm"]
    subprocess.run(command, cwd=tmp_path, check=True, timeout=60)
    (tmp_path / "deep").mkdir()
    return tmp_path / "deep"


def set_cache_type(project: Path, types: str) -> None:
    """What a user's `dvc config --local cache.type` leaves, which wins over the project's own."""
    (project.parent / ".dvc" / "config.local").write_text(f"[cache]\n    type = {types}\n")


@pytest.mark.parametrize("types", ["reflink,hardlink,copy", "symlink", "copy"])
def test_links_are_made_where_dvc_follows_them_only_to_read(project: Path, types: str) -> None:
    for link in ("auto", "reflink", "symlink", "copy"):
        set_cache_type(project, types)
        assert safe_link(link, project) == link


def test_no_links_where_dvc_would_take_the_user_s_files_for_its_own(project: Path) -> None:
    set_cache_type(project, '"hardlink,symlink"')
    assert safe_link("auto", project) == safe_link("copy", project) == "copy"
    assert safe_link("reflink", project) == "reflink"
    with pytest.raises(SpoonfulError, match=r"dataset\.link=symlink: .*cache\.type"):
        safe_link("symlink", project)


def test_settings_that_cannot_be_read_are_named(project: Path) -> None:
    set_cache_type(project, "nonsense")
    with pytest.raises(SpoonfulError, match=r"\.dvc: DVC's settings") as caught:
        safe_link("auto", project)
    assert "\n" not in str(caught.value)


def test_without_dvc_links_are_safe(tmp_path: Path) -> None:
    assert safe_link("auto", tmp_path) == "auto"
