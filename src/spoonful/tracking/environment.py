"""What a run depends on besides its config: code, packages, hardware, data version."""

import os
import platform
import subprocess
from importlib import metadata
from pathlib import Path
from typing import Any

import psutil

from spoonful.files.content_hash import content_hash
from spoonful.project import LOCK_NAME, PACKAGE, project_root
from spoonful.quiet import ONEDNN
from spoonful.record.tags import (
    COMMIT_TAG,
    CPU_TAG,
    DIRTY_TAG,
    GIT_TAGS,
    GPUS_TAG,
    LOCK_TAG,
    MEMORY_TAG,
    NUM_CORES_TAG,
    ONEDNN_TAG,
    PROJECT_GIT_TAGS,
    PYTHON_TAG,
    SYSTEM_TAG,
    VERSION_TAGS,
)

_NAMED_PACKAGES = (
    "tensorflow",
    "keras",
    "numpy",
    "opencv-python-headless",
    "scikit-learn",
    "mlflow",
)
_GIT_TIMEOUT_S = 30


def code_version() -> dict[str, str]:
    """Return the git commit of the running code and whether files differed from it.

    Both are "none" if it was not installed from a checkout. If the project, whose conf/ is read, is
    in another checkout, its commit is also returned, as git.project_commit.
    """
    code, project = _code_top(), _git(project_root(), "rev-parse", "--show-toplevel")
    found = {COMMIT_TAG: "none", DIRTY_TAG: "none"} if code is None else _state(code, GIT_TAGS)
    if project is not None and (code is None or Path(project) != code):
        found |= _state(Path(project), PROJECT_GIT_TAGS)
    return found


def code_from_elsewhere() -> str | None:
    """Return where the running code is, if it is not the project's own; None: it is."""
    own = project_root() / "src" / PACKAGE.name
    if not own.is_dir() or own.resolve() == PACKAGE:
        return None
    return (
        f"the code that runs is that of {PACKAGE}, not of this project ({own}): its commit is "
        "recorded; activate this project's own environment (`make setup` makes it)"
    )


def _code_top() -> Path | None:
    """Return the top of the checkout that holds the running code; None: not in a checkout."""
    # An environment inside a checkout holds files that git does not track.
    if _git(PACKAGE, "ls-files", "--error-unmatch", "__init__.py") is None:
        return None
    top = _git(PACKAGE, "rev-parse", "--show-toplevel")
    return None if top is None else Path(top)


def _state(top: Path, prefix: str) -> dict[str, str]:
    commit = _git(top, "rev-parse", "HEAD") or "none"  # none: nothing was committed yet
    changes = _git(top, "status", "--porcelain")
    is_dirty = "none" if changes is None else str(bool(changes)).lower()
    return {f"{prefix}commit": commit, f"{prefix}dirty": is_dirty}


def lock_digest() -> dict[str, str]:
    """Return the SHA-256 of requirements.lock; "none" if it does not exist."""
    path = project_root() / LOCK_NAME
    return {LOCK_TAG: content_hash(path) if path.is_file() else "none"}


def package_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that affect the results."""
    versions = {PYTHON_TAG: platform.python_version()}
    for name in _NAMED_PACKAGES:
        versions[f"{VERSION_TAGS}{name}"] = metadata.version(name)
    return versions


def hardware() -> dict[str, str]:
    """Return processor, cores, memory, GPUs and whether oneDNN is used ("1") or not ("0")."""
    import tensorflow as tf

    gpus = tf.config.list_physical_devices("GPU")
    names = [tf.config.experimental.get_device_details(g).get("device_name", "GPU") for g in gpus]
    return {
        CPU_TAG: _cpu_name(),
        NUM_CORES_TAG: str(os.cpu_count()),
        MEMORY_TAG: f"{psutil.virtual_memory().total / 2**30:.1f}",
        GPUS_TAG: ", ".join(names) or "none",
        ONEDNN_TAG: os.environ.get(ONEDNN, "default"),
        SYSTEM_TAG: f"{platform.system()} {platform.machine()}",
    }


def full_environment() -> dict[str, Any]:
    """Return all of the above and every installed package, for the run's artifacts."""
    return {
        **code_version(),
        **lock_digest(),
        **package_versions(),
        **hardware(),
        "packages": installed_packages(),
    }


def installed_packages() -> dict[str, str]:
    """Return the version of every installed package."""
    packages = {d.metadata["Name"]: d.version for d in metadata.distributions()}
    return dict(sorted(packages.items(), key=lambda item: item[0].lower()))


def dvc_hash(path: Path) -> str:
    """Return DVC's hash of the current content at a path of the pipeline; "none" without DVC."""
    from dvc.exceptions import DvcException
    from dvc.repo import Repo

    try:
        with Repo(str(project_root())) as repo:
            (output,) = repo.find_outs_by_path(str(path))
            found = output.get_hash()
    except (DvcException, OSError, ValueError):
        return "none"
    return str(found[1].value) if isinstance(found, tuple) else str(found.value)


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=_GIT_TIMEOUT_S,
            check=True,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
