"""Split in child processes, one killed at each change of the disk; check what they leave.

Prints how often the split was believed to be the old one, the new one, or refused.
"""

import json
import os
import shutil
import sys
from pathlib import Path

import cv2
import numpy as np

from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.stages import fetch, inspect, pack, split
from tests.killed import in_child

SMALL = [
    "dataset=folder",
    "dataset.image_size=[8,8]",
    "dataset.num_channels=1",
    "dataset.val_fraction=0.25",
    "dataset.test_fraction=0.25",
]


def make_images(folder: Path, count: int) -> None:
    rng = np.random.default_rng(count)
    for class_name in ("ant", "bee"):
        (folder / class_name).mkdir(parents=True)
        for number in range(count):
            image = rng.integers(0, 256, (8, 8), dtype=np.uint8)
            cv2.imwrite(str(folder / class_name / f"{number}.png"), image)


def contents(root: Path) -> dict[str, bytes]:
    """The split's files, and what is beside them."""
    paths = [p for p in sorted((root / "data").rglob("*")) if p.is_file()]
    names = {str(path.relative_to(root / "data")): path for path in paths}
    others = (".", "raw", "inspect", "packed")
    return {n: p.read_bytes() for n, p in names.items() if not n.startswith(others)}


def main(root: Path) -> None:
    os.chdir(root)
    configs = {}
    for name, count in (("old", 4), ("new", 5)):
        make_images(root / name, count)
        configs[name] = compose_config([*SMALL, f"dataset.path={name}"])
    whole = {}
    for name in ("new", "old"):
        fetch.run(configs[name])
        inspect.run(configs[name])
        split.run(configs[name])
        whole[name] = contents(root)
    counts = {"steps": 0, "old": 0, "new": 0, "refused": 0}
    fetch.run(configs["new"])
    inspect.run(configs["new"])
    before = root / "before"  # the old split, the new images
    shutil.copytree(root / "data", before, symlinks=True)
    while in_child(lambda: split.run(configs["new"]), counts["steps"]):
        counts["steps"] += 1
        try:
            pack.run(compose_config(SMALL))  # of whatever folder
            believed = next((name for name in whole if contents(root) == whole[name]), None)
            if believed is None:
                raise SystemExit(f"step {counts['steps']}: packed of a split that is a mixture")
            counts[believed] += 1
        except SpoonfulError:
            counts["refused"] += 1
        split.run(configs["new"])
        if contents(root) != whole["new"]:
            raise SystemExit(f"step {counts['steps']}: other bytes than uninterrupted")
        left = {p.name for p in (root / "data").iterdir()} - {"packed", ".split.lock", ".decoded"}
        if left != {"inspect", "origin.json", "raw", "split", "split.csv", "split.json"}:
            raise SystemExit(f"step {counts['steps']}: left {left}")
        shutil.rmtree(root / "data")
        shutil.copytree(before, root / "data", symlinks=True)
    print(json.dumps(counts), file=sys.__stdout__)


if __name__ == "__main__":
    sys.stdout = sys.stderr
    main(Path(sys.argv[1]))
