"""The folder in which a store is created: `.<name>.partial` beside it.

It holds plan.json and the finished shards, each with a sidecar that is written after it. A run
killed at any moment can be continued; a store is only ever seen complete.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.files.lock import try_lock_content
from spoonful.files.unfinished import remove_leftovers
from spoonful.files.whole import put_in_place, sync, write_json
from spoonful.packing.plan import Plan
from spoonful.sources.packed.meta import META_NAME, SHARD_SUFFIXES, FileMeta, StoreMeta
from spoonful.sources.packed.meta_file import load_meta

PLAN_NAME = "plan.json"


class PartialStore:
    """A store being created; see `partial_store`."""

    def __init__(self, folder: Path, beside: Path, plan: Plan) -> None:
        self._folder = folder
        self.path = beside
        self._plan = plan

    def shard_path(self, number: int) -> Path:
        """Return the path of shard `number` (from 0)."""
        return self.path / f"images-{number:05}{SHARD_SUFFIXES[self._plan.encoding]}"

    def kept_shards(self) -> list[FileMeta]:
        """Return the finished shards left by a run of the same plan; remove everything else."""
        kept: list[FileMeta] = []
        if _json_of(self.path / PLAN_NAME) == self._plan.to_json():
            while (shard := self._finished(len(kept))) is not None:
                kept.append(shard)
        names = {PLAN_NAME} if kept else set()
        names |= {name for shard in kept for name in (shard.name, f"{shard.name}.json")}
        self._remove_all_but(names)
        if not kept:
            write_json(self.path / PLAN_NAME, self._plan.to_json())
        return kept

    def _finished(self, number: int) -> FileMeta | None:
        path = self.shard_path(number)
        values = _json_of(self.path / f"{path.name}.json")
        with suppress(OSError, KeyError, TypeError):
            shard = FileMeta(path.name, values["bytes"], values["sha256"], values["num_examples"])
            if path.stat().st_size == shard.num_bytes:
                return shard
        return None

    def finish_shard(self, shard: FileMeta) -> None:
        """Record that a shard is complete and on the disk."""
        write_json(
            self.path / f"{shard.name}.json",
            {"num_examples": shard.num_examples, "bytes": shard.num_bytes, "sha256": shard.sha256},
        )

    def finish(self, meta: StoreMeta) -> None:
        """Write meta.json, keep only the files that it lists, and put the store in place."""
        path = self.path / META_NAME
        if not path.exists():
            write_json(path, meta.to_json())
        self._remove_all_but({META_NAME, *(file.name for file in meta.files)})
        sync(self.path)
        put_in_place(self.path, self._folder)
        sync(self._folder.parent)

    def _remove_all_but(self, names: set[str]) -> None:
        # The plan is removed last: without it nothing is known about the shards.
        for path in sorted(self.path.iterdir(), key=lambda path: path.name == PLAN_NAME):
            if path.name not in names:
                shutil.rmtree(path) if path.is_dir() else path.unlink()


def stored_by(plan: Plan, folder: Path) -> StoreMeta | None:
    """Return the meta of a complete store made by a plan, or None."""
    try:
        meta = load_meta(folder)
    except SpoonfulError:
        return None
    return meta if plan.is_that_of(meta) else None


@contextmanager
def partial_store(folder: Path, plan: Plan) -> Iterator[PartialStore]:
    """Open the folder in which `folder` is created, locked against other processes.

    Raises:
        SpoonfulError: another process is creating it, or it cannot be written.
    """
    beside = folder.with_name(f".{folder.name}.partial")
    try:
        beside.mkdir(parents=True, exist_ok=True)
        lock = try_lock_content(beside)
        if lock is None:  # or the other process has just put the folder in place
            raise SpoonfulError(f"{beside}: another process is packing here; wait until it is done")
        with lock:
            remove_leftovers(folder)
            yield PartialStore(folder, beside, plan)
    except OSError as error:
        raise SpoonfulError(
            f"{error.filename or beside}: cannot be written ({error.strerror or error}); free some "
            "space or mend the folder, then run the same command again"
        ) from error


def _json_of(path: Path) -> Any:
    """Return a JSON file's content; None where it is missing or was cut off."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
