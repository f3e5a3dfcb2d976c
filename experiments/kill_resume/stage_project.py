"""The project of a stage's case: made once, brought back for each trial, and read afterwards."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from outcome import is_of_this_machine
from scratch import CHECKOUT, SPOONFUL
from stage_cases import StageCase

_COPIED = ("conf", "dvc.yaml", "params.yaml", "requirements.lock", "src")
_TRAINING = "train:\n  overrides: model=mlp trainer.epochs=2 trainer.checkpoint_every_steps=10"
# What a killed process may leave where nothing is to be left.
_HALF = re.compile(r"\.tmp(\.\w+)?$|\.partial$")
# Times, ids and paths, which differ from run to run.
_UNIQUE = re.compile(r"\b[0-9a-f]{32}\b|\b[0-9a-f]{8}\b|/[\w./-]*kill_resume[\w./-]*")
_POINT = ("number", "label", "overrides", "status", "value", "metrics", "error")
_SWEEPS = "models/sweeps"

Files = dict[str, str]


class StageProject:
    """A project, and a copy of it as it is before the command that is tried.

    Args:
        root: the project.
        case: decides what is in it.
    """

    def __init__(self, root: Path, case: StageCase) -> None:
        self.root, self._case = root, case
        self._kept = root.with_name(f"{root.name}-before")

    def make(self) -> None:
        """Make it, and keep the copy."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)
        for name in _COPIED:
            part = CHECKOUT / name
            if part.is_dir():
                ignored = shutil.ignore_patterns("__pycache__")
                shutil.copytree(part, self.root / name, ignore=ignored)
            else:
                shutil.copy(part, self.root / name)
        params = (self.root / "params.yaml").read_text(encoding="utf-8")
        short, count = re.subn(r"^train:\n  overrides: .*$", _TRAINING, params, flags=re.M)
        if count != 1:
            raise SystemExit("params.yaml: no train.overrides to shorten")
        (self.root / "params.yaml").write_text(short, encoding="utf-8")
        self._make_images()
        if self._case.is_dvc:
            self._call(str(Path(sys.executable).with_name("dvc")), "init", "--no-scm", "--quiet")
        for command in self._case.before:
            self._call(*SPOONFUL, *command)
        shutil.rmtree(self._kept, ignore_errors=True)
        shutil.copytree(self.root, self._kept, symlinks=True)

    def _make_images(self) -> None:
        """Make two folders of images, of which one is not a part of the other."""
        import cv2
        import numpy as np

        rng = np.random.default_rng(0)
        for name, count in (("old", 24), ("new", 30)):
            for class_name in ("ant", "bee", "cow"):
                folder = self.root / "own" / name / class_name
                folder.mkdir(parents=True)
                for number in range(count):
                    image = rng.integers(0, 256, (8, 8), dtype=np.uint8)
                    cv2.imwrite(str(folder / f"{number:03}.png"), image)

    def _call(self, *command: str) -> None:
        site = {"DVC_SITE_CACHE_DIR": str(self.root.parent / "dvc-site")}
        done = subprocess.run(
            command,
            cwd=self.root,
            env={**os.environ, **site},
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}: {done.stdout}\n{done.stderr}")

    def bring_back(self) -> None:
        """Make it what it was before the command."""
        shutil.rmtree(self.root)
        shutil.copytree(self._kept, self.root, symlinks=True)

    def files(self) -> Files:
        """Return a digest of each file that the command makes, by its path."""
        found: Files = {}
        for name in self._case.outputs:
            top = self.root / name
            for path in [top] if top.is_file() else sorted(top.rglob("*")):
                if path.is_file() and not _is_of_others(path):
                    found[_named(path.relative_to(self.root))] = self._digest(path)
        return found

    def _digest(self, path: Path) -> str:
        content = path.read_bytes()
        if path.parent.parent.name == "sweeps" and path.suffix == ".json":
            record: dict[str, Any] = json.loads(content)
            content = repr([record.get(name) for name in _POINT]).encode()
        elif path.suffix in (".html", ".lock", ".json"):
            content = _UNIQUE.sub("", content.decode()).encode()
        return hashlib.sha256(content).hexdigest()

    def mixed(self) -> list[str]:
        """Say which outputs are neither those of before nor the new ones; see `learn`."""
        found = []
        for unit in self._case.units:
            states = {name: self._state(name) for name in unit}
            known = set(states.values()) - {"absent"}
            if len(known) > 1 or "half" in known:
                found.append(str(states))
        return found

    def learn(self) -> None:
        """Note what the outputs are after the command, and what they were before."""
        self._new = {name: self._content(self.root / name) for name in self._unit_names()}
        self._old = {name: self._content(self._kept / name) for name in self._unit_names()}

    def _unit_names(self) -> list[str]:
        return [name for unit in self._case.units for name in unit]

    def _state(self, name: str) -> str:
        path = self.root / name
        content = self._content(path)
        if content is None:
            return "absent"
        if content == self._new[name]:
            return "new"
        return "old" if content == self._old[name] else "half"

    def _content(self, path: Path) -> Files | None:
        if not path.exists():
            return None
        files = [path] if path.is_file() else [p for p in sorted(path.rglob("*")) if p.is_file()]
        return {str(file.relative_to(path.parent)): self._digest(file) for file in files}

    def leftovers(self) -> list[str]:
        """Return what is half made, anywhere in the project."""
        paths = (p for part in ("data", "models") for p in (self.root / part).rglob("*"))
        return sorted(str(p.relative_to(self.root)) for p in paths if _HALF.search(p.name))

    def runs(self) -> "Runs":
        """Return what MLflow has recorded."""
        return Runs(self.root)


def _is_of_others(path: Path) -> bool:
    """Say whether a file below models/sweeps is no point's result."""
    is_lock = path.name.endswith("lock")
    return _SWEEPS in path.as_posix() and (is_lock or path.name in ("sweep.json", "multirun.yaml"))


def _named(path: Path) -> str:
    return _UNIQUE.sub("ID", path.as_posix())


class Runs:
    """The runs of a project in MLflow, read at once.

    Args:
        root: the project.
    """

    def __init__(self, root: Path) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        self.statuses: Counter[str] = Counter()
        self.found: list[str] = []
        self.twice: list[str] = []
        if (root / "mlflow.db").is_file():
            # MLflow keeps a database open that it has read; the next trial's has the same path.
            with TemporaryDirectory() as folder:
                for path in root.glob("mlflow.db*"):
                    shutil.copy(path, folder)
                self._read(root, f"sqlite:///{folder}/mlflow.db")

    def _read(self, root: Path, uri: str) -> None:
        from mlflow.tracking import MlflowClient

        client = MlflowClient(uri)
        experiments = [e.experiment_id for e in client.search_experiments()]
        for run in client.search_runs(experiments):
            run_id, name = run.info.run_id, run.info.run_name
            self.statuses[str(run.info.status)] += 1
            recorded: dict[str, Any] = {}
            for metric in sorted(run.data.metrics):
                if is_of_this_machine(metric):
                    continue
                values = client.get_metric_history(run_id, metric)
                steps = Counter(value.step for value in values)
                self.twice += [f"{name}: {metric} at {s}" for s, n in steps.items() if n > 1]
                recorded[metric] = sorted((value.step, value.value) for value in values)
            self.found.append(repr((name, run.info.status, recorded, _artifacts(root, run_id))))
        self.found.sort()


def _artifacts(root: Path, run_id: str) -> list[str]:
    found = []
    for folder in root.glob(f"mlruns/*/{run_id}/artifacts"):
        files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
        found += [_named(path) for path in files]
    return sorted(found)
