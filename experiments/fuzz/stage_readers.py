"""How the files between stages are read: by the functions of the stages themselves."""

import contextlib
import io
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import project
from outcome import Refusal
from reader import Reader

from spoonful.config.compose import compose_config
from spoonful.config.schema import Config

# What does not fit together is named by its folder.
_SPLIT = ("data/split", "data/packed")


def _config(root: Path, *overrides: str) -> Config:
    return compose_config([*project.overrides(root), *overrides])


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Take what stages say to people: it is no word of a native library."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def _split_files(root: Path) -> Reader:
    """Read the split's own files, and the images in it, as training from files does."""
    from spoonful.workflow.data import open_train_and_val

    config = _config(root, "source=folder")
    data = root / "data"
    kept = [data / "split.json", *sorted((data / "split").glob("*.csv"))]
    images = sorted((data / "split" / "train").rglob("*.png"))[:3]
    names = tuple(str(path.relative_to(data)) for path in (*kept, *images))

    def read(mode: int) -> Any:
        sources = open_train_and_val(config)
        return {
            name: (source.class_names, source.ids, source.read(range(len(source))).tobytes())
            for name, source in zip(("train", "val"), sources, strict=True)
        }

    return Reader("split", data, names, 8, read, alias=_SPLIT)


def _split_of_a_store(root: Path) -> Reader:
    """Read split.json as training from stores does."""
    from spoonful.workflow.data import open_train_and_val

    config = _config(root)

    def read(mode: int) -> Any:
        return [source.fingerprint for source in open_train_and_val(config)]

    return Reader("split", root / "data", ("split.json",), 5, read, alias=_SPLIT)


def _fetched(root: Path) -> Reader:
    """Split again, from the list that `fetch` left and from the images that it lists."""
    from spoonful.stages import split

    config = _config(root)
    summary = root / "data" / "split.json"
    whole = {path: path.read_bytes() for path in (summary, root / "data" / "split.csv")}
    photos = sorted((root / project.PHOTOS).rglob("*.png"))[:2]
    names = ("data/raw/files.csv", *(str(path.relative_to(root)) for path in photos))

    def read(mode: int) -> Any:
        kept = root / "data" / "kept"
        (root / "data" / "split").rename(kept)
        try:
            with _silence():
                split.run(config)
            return summary.read_bytes()
        finally:
            shutil.rmtree(root / "data" / "split", ignore_errors=True)
            kept.rename(root / "data" / "split")
            for path, content in whole.items():
                path.write_bytes(content)

    return Reader("fetched files", root, names, 10, read)


class _Judged(Exception):  # noqa: N818 - no error, an answer
    """`evaluate` has read everything; carries what it would predict with."""


def _trained(root: Path) -> Reader:
    """Read a trained model as `evaluate` does, up to the network itself."""
    from spoonful.stages import evaluate

    config = _config(root)
    folder = root / "models" / "train"

    def stop(path: Path, source: Any, settings: Any, batch_size: int) -> None:
        raise _Judged(source.fingerprint, path.read_bytes(), json.dumps(settings, sort_keys=True))

    def read(mode: int) -> Any:
        with (
            mock.patch.object(evaluate, "_predict", stop),
            mock.patch.object(evaluate, "import_tensorflow"),
        ):
            try:
                evaluate.run(config)
            except _Judged as judged:
                return judged.args

    return Reader("model", folder, ("model.json", "config.yaml", "model.keras"), 12, read)


def _recorded(root: Path) -> Reader:
    """Read a run's files as `diff` and `reproduce` do."""
    from mlflow.tracking import MlflowClient

    from spoonful.tracking.recorded import read_run

    config = _config(root)
    client = MlflowClient(f"sqlite:///{root / 'mlflow.db'}")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    run = client.search_runs(experiments)[0]
    folder = Path(run.info.artifact_uri.removeprefix("file://"))
    folder = folder if folder.is_absolute() else root / folder
    names = ("ledger.csv", "config.yaml", "environment.json", "overrides.txt")

    def read(mode: int) -> Any:
        return vars(read_run(config.tracking, run.info.run_id))

    return Reader("recorded run", folder, names, 5, read)


def _checkpoint(root: Path) -> Reader:
    """Read the newest checkpoint; where it is passed over, that must be said."""
    from spoonful.fitting.checkpoints.folder import CheckpointFolder

    folder = root / "models" / "checkpoints" / project.RUN_ID
    own = [
        f"step-{step:012d}/{name}"
        for step in project.STEPS
        for name in ("arrays.npz", "state.json")
    ]

    def read(mode: int) -> Any:
        warnings: list[str] = []
        found = CheckpointFolder(folder).newest(warnings.append)
        if found is None:
            raise Refusal(f"no checkpoint: {warnings}")
        told = {
            "state": found.state,
            "arrays": {n: (a.dtype.str, a.shape, a.tobytes()) for n, a in found.arrays.items()},
        }
        if found.step == project.STEPS[0] and found.state["loss"] == found.step / 7 and warnings:
            raise Refusal(warnings[0])
        return told

    return Reader("checkpoint", folder, tuple(own), 12, read)


def _interrupted(root: Path) -> Reader:
    """Look for an interrupted run to continue."""
    from spoonful.workflow.interrupted import Wanted, interrupted_run

    folder = root / "models" / "checkpoints" / project.RUN_ID

    def read(mode: int) -> Any:
        notes: list[str] = []
        resume = "auto" if mode == 0 else project.RUN_ID
        wanted = Wanted(project.IDENTITY, {})
        with interrupted_run(resume, wanted, lambda run_id: "KILLED", notes.append) as run:
            if run is not None:
                return run.run_id
        raise Refusal(f"begun anew: {notes}")

    alias = (f"trainer.resume={project.RUN_ID}",)
    return Reader("interrupted run", folder, ("run.json",), 5, read, num_modes=2, alias=alias)


def _sweep(root: Path) -> Reader:
    """Read what is kept of a sweep."""
    from spoonful.sweep.folder import FINISHED, PointRecord, SweepRecord, sweep_folder

    folder = sweep_folder("5" * 32)
    folder.path.mkdir(parents=True)
    folder.write(SweepRecord("5" * 32, "s", {"overrides": ["a=1"]}, ("seed", "a"), 2, 1, 1.5))
    for number in (0, 1):
        values = {"val_accuracy": 0.5 + number / 10}
        folder.write_point(
            PointRecord(number, "a=1", ["a=1"], FINISHED, "6" * 32, 0.5, values, None, 3.5)
        )

    def read(mode: int) -> Any:
        record, points = folder.record(), folder.points()
        if record is None or len(points) < 2:
            raise Refusal(f"run again: {record is None}, {len(points)} points")
        return {"sweep": vars(record), **{str(point.number): vars(point) for point in points}}

    names = ("sweep.json", "0.json", "1.json")
    return Reader("sweep", folder.path, names, 5, read)


STAGE_READERS: tuple[Callable[[Path], Reader], ...] = (
    _split_files,
    _split_of_a_store,
    _fetched,
    _trained,
    _recorded,
    _checkpoint,
    _interrupted,
    _sweep,
)
