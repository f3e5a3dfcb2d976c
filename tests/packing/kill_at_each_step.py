"""Pack in child processes, one killed at each call that changes the disk; check what they leave.

Prints how many steps there were, and how often the store was the old one, absent or the new one.
"""

import json
import sys
from pathlib import Path

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.packing import pack
from spoonful.sources.array import ArraySource
from spoonful.sources.packed.source import PackedSource
from spoonful.sources.packed.verify import verify
from tests.killed import in_child

NUM_EXAMPLES = 130


def array_source(seed: int) -> ArraySource:
    rng = np.random.default_rng(seed)
    images = rng.integers(0, 256, (NUM_EXAMPLES, 6, 5, 3), dtype=np.uint8)
    return ArraySource(images, rng.integers(0, 3, NUM_EXAMPLES), ["ant", "bee", "cow"])


def pack_new(folder: Path) -> None:
    pack(array_source(1), folder, shard_mb=0.008, num_threads=1)


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
        was_killed = in_child(lambda: pack_new(folder), counts["steps"])
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
