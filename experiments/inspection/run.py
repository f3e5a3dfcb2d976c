"""Generate many small image files, inspect them twice, and print seconds, images/s and memory.

Usage: .venv/bin/python experiments/inspection/run.py --count 100000
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "data" / "bench" / "inspection"
_NUM_CLASSES = 20
_SIDE_PX = 48
_A_FOLDER = 5_000
# Of a thousand files: one is cut, one is a copy, one is the same picture as a JPEG file.
_EVERY = 1_000


def make(count: int) -> Path:
    """Write the images, smooth and each unlike the others; return their folder."""
    images = FOLDER / f"{count}"
    if (images / "done").exists():
        return images
    shutil.rmtree(images, ignore_errors=True)
    for number in range(count):
        random = np.random.default_rng(number)
        coarse = random.integers(0, 256, (6, 6, 3), dtype=np.uint8)
        pixels = cv2.resize(coarse, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_CUBIC)
        content = cv2.imencode(".png", pixels)[1].tobytes()
        place = images / f"{number % _NUM_CLASSES:02}" / f"{number // _A_FOLDER:04}"
        place.mkdir(parents=True, exist_ok=True)
        if number % _EVERY == 0:
            (place / f"{number:07}_copy.png").write_bytes(content)
            (place / f"{number:07}_cut.png").write_bytes(content[: len(content) // 2])
            jpeg = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
            (place / f"{number:07}_near.jpg").write_bytes(jpeg)
        (place / f"{number:07}.png").write_bytes(content)
    (images / "done").touch()
    return images


def inspect(images: Path, project: Path) -> dict[str, float]:
    """Run `spoonful inspect` in a process of its own; return its seconds and peak memory."""
    begin = time.monotonic()
    command = [sys.executable, "-m", "spoonful", "inspect", str(images)]
    command += ["experiment=inspection"]
    process = subprocess.Popen(command, cwd=project, stdout=sys.stderr)
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"spoonful inspect ended with {os.waitstatus_to_exitcode(status)}")
    return {"seconds": time.monotonic() - begin, "peak_mb": usage.ru_maxrss / 1024}


def main() -> None:
    """Print the table of both inspections, and what was found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--count", type=int, default=100_000)
    count = parser.parse_args().count
    images = make(count)
    project = FOLDER / "project"
    shutil.rmtree(project, ignore_errors=True)
    project.mkdir(parents=True)
    shutil.copytree(ROOT / "conf", project / "conf")
    shutil.copy(ROOT / "dvc.yaml", project)
    summary = project / "data" / f"inspect_{images.name}" / "summary.json"
    for name in ("first", "again"):
        found = inspect(images, project)
        num_images = json.loads(summary.read_text(encoding="utf-8"))["num_images"]
        print(
            f"| {name} | {num_images:,} | {found['seconds']:.0f} | "
            f"{num_images / found['seconds']:,.0f} | {found['peak_mb']:,.0f} |",
            flush=True,
        )
    found = json.loads(summary.read_text(encoding="utf-8"))
    print(json.dumps({"num_bad": found["num_bad"], "copies": found["copies"]}))


if __name__ == "__main__":
    main()
