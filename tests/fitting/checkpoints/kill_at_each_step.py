"""Write checkpoints in child processes, one killed at each call that changes the disk.

Prints for each case how often which checkpoint was the newest afterwards.
"""

import json
import shutil
import sys
from collections import Counter
from functools import partial
from pathlib import Path

import numpy as np

from spoonful.fitting.checkpoints.checkpoint import ARRAYS_NAME, Checkpoint, read_checkpoint
from spoonful.fitting.checkpoints.folder import NUM_KEPT, CheckpointFolder
from tests.killed import in_child


def checkpoint(step: int, version: str) -> Checkpoint:
    return Checkpoint(step, {"version": version}, {"x": np.arange(1000) + step})


def fill(path: Path, before: list[int], damaged: int | None) -> CheckpointFolder:
    shutil.rmtree(path, ignore_errors=True)
    folder = CheckpointFolder(path)
    for step in before:
        folder.write(checkpoint(step, "old"))
    if damaged is not None:
        (path / f"step-{damaged:012d}" / ARRAYS_NAME).write_bytes(b"torn")
    return folder


def newest(path: Path) -> str:
    """Return what training would go on from; all that is there must be whole but what was torn."""
    found = CheckpointFolder(path).newest(lambda text: None)
    if found is None:
        return "none"
    if not np.array_equal(found.arrays["x"], np.arange(1000) + found.step):
        raise SystemExit(f"wrong arrays in the checkpoint of step {found.step}")
    return f"{found.step} {found.state['version']}"


def run_case(path: Path, before: list[int], new: int, damaged: int | None) -> Counter[str]:
    counts: Counter[str] = Counter()
    for kill_at in range(1000):
        folder = fill(path, before, damaged)
        folder.newest(lambda text: None)
        if not in_child(partial(folder.write, checkpoint(new, "new")), kill_at):
            break
        counts[newest(path)] += 1
        undamaged = [step for step in CheckpointFolder(path).steps() if step != damaged]
        for step in undamaged[-NUM_KEPT:]:  # one before may be half removed
            read_checkpoint(path / f"step-{step:012d}")
        after = CheckpointFolder(path)
        start = after.newest(lambda text: None)
        after.write(checkpoint(new + 10, "newer"))
        steps = [*([] if start is None else [start.step]), new + 10]
        expected = [f"step-{step:012d}" for step in steps]
        left = sorted(entry.name for entry in path.iterdir())
        if left != expected:
            raise SystemExit(f"killed at {kill_at}, then gone on with: left {left}")
    return counts


def main(scratch: Path) -> None:
    cases: dict[str, tuple[list[int], int, int | None]] = {
        "first": ([], 10, None),
        "next": ([10, 20], 30, None),
        "same": ([10, 20], 20, None),
        "same, alone": ([20], 20, None),
        "newest damaged": ([10, 20], 15, 20),
        "newest damaged, written later": ([10, 20], 30, 20),
    }
    found = {name: run_case(scratch / "folder", *case) for name, case in cases.items()}
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
