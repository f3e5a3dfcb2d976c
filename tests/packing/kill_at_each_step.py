"""Pack in child processes, one killed at each call that changes the disk; check what they leave.

Prints how many steps there were, and how often the store was the old one, absent or the new one.
"""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.packing import pack
from spoonful.sources.array import ArraySource
from spoonful.sources.packed import PackedSource
from spoonful.sources.packed_verify import verify

NUM_EXAMPLES = 130
_CHANGES = {"os.rename", "os.remove", "os.rmdir", "os.mkdir", "shutil.rmtree"}


def array_source(seed: int) -> ArraySource:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (NUM_EXAMPLES, 6, 5, 3), dtype=np.uint8)
    return ArraySource(images, rng.integers(0, 3, NUM_EXAMPLES), ["ant", "bee", "cow"])


def pack_new(folder: Path) -> None:
    pack(array_source(1), folder, shard_mb=0.008, num_threads=1)


def pack_in_child(folder: Path, kill_at: int) -> bool:
    """Pack in a child that kills itself at its n-th change of the disk; tell whether it was."""
    child = os.fork()
    if child == 0:
        left = kill_at

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            nonlocal left
            writes = event == "open" and isinstance(arguments[2], int) and arguments[2] & 3
            if event in _CHANGES or writes:
                left -= 1
                if left < 0:
                    os.kill(os.getpid(), signal.SIGKILL)

        sys.addaudithook(hook)
        try:
            pack_new(folder)
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def state(folder: Path, fingerprints: dict[str, str]) -> str:
    """Return what the store is; it must be whole or absent."""
    if not folder.exists():
        return "absent"
    verify(folder)
    return fingerprints[PackedSource(folder).fingerprint]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def main(scratch: Path) -> None:
    folder = scratch / "store"
    pack_new(scratch / "expected")
    expected = files_of(scratch / "expected")
    pack(array_source(0), folder)
    fingerprints = {
        PackedSource(folder).fingerprint: "old",
        PackedSource(scratch / "expected").fingerprint: "new",
    }
    counts = {"steps": 0, "old": 0, "absent": 0, "new": 0}
    while True:
        pack(array_source(0), folder)
        was_killed = pack_in_child(folder, counts["steps"])
        if not was_killed:
            break
        counts["steps"] += 1
        counts[state(folder, fingerprints)] += 1
        try:
            pack_new(folder)
        except SpoonfulError as error:
            raise SystemExit(f"after step {counts['steps']}: {error}") from error
        if files_of(folder) != expected:
            raise SystemExit(f"after step {counts['steps']}: other bytes than uninterrupted")
        left = sorted(path.name for path in scratch.iterdir())
        if left != ["expected", "store"]:
            raise SystemExit(f"after step {counts['steps']}: left {left}")
    print(json.dumps(counts))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
