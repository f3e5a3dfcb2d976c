"""Mix 40 damaged and foreign files into photographs, and see that each is found and none is split.

Usage: .venv/bin/python experiments/inspection/photos.py FOLDER

FOLDER is a clone of https://github.com/alexeygrigorev/clothing-dataset-small (public domain).
"""

import argparse
import csv
import io
import json
import os
import shutil
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
WORK = ROOT / "data" / "bench" / "photos"
PHOTOS, PROJECT = WORK / "mine", WORK / "project"
# Files made of a photograph's bytes, of several photographs each, by name.
_OF_A_PHOTO: dict[str, Callable[[bytes], bytes]] = {
    "cut.jpg": lambda jpeg: jpeg[: len(jpeg) // 2],
    "cut_with_end.jpg": lambda jpeg: jpeg[: len(jpeg) // 2] + b"\xff\xd9",
    "hole_0.jpg": lambda jpeg: _with_hole(jpeg, b"\0", 512),
    "hole_ff.jpg": lambda jpeg: _with_hole(jpeg, b"\xff", 512),
    "hole_lzw.tif": lambda jpeg: _with_hole(
        _saved(jpeg, "TIFF", compression="tiff_lzw"), b"\0", 4096
    ),
    "cut.png": lambda jpeg: _saved(jpeg, "PNG")[:-2000],
    "cut.webp": lambda jpeg: _saved(jpeg, "WEBP")[:-500],
}
_EACH = 4
_HEIC = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(200)
_ALONE = {
    "empty.jpg": b"",
    "page.jpg": b"<!DOCTYPE html><title>404</title>",
    "heic.jpg": _HEIC,
}
# Not read, by their names: passed over, counted, and no bad images.
_FOREIGN = {"IMG_1.heic": _HEIC, "clip.mp4": bytes(99), "notes.txt": b"blue\n", "Thumbs.db": b"\0"}


def make(photographs: Path) -> set[str]:
    """Copy the photographs and mix the files in; return the paths of the damaged ones."""
    shutil.rmtree(WORK, ignore_errors=True)
    for split in ("train", "validation", "test"):
        shutil.copytree(photographs / split, PHOTOS / split)
    own = sorted((PHOTOS / "train").glob("*/*.jpg"))
    classes = sorted(path for path in (PHOTOS / "train").iterdir() if path.is_dir())
    bad: list[Path] = []
    for number, (name, change) in enumerate(_OF_A_PHOTO.items()):
        for copy in range(_EACH):
            photo = own[(number * _EACH + copy) * 101]
            bad.append(photo.with_name(f"bad_{copy}_{name}"))
            bad[-1].write_bytes(change(photo.read_bytes()))
    alone = {
        **_ALONE,
        "float.tif": _float_tiff(),
        "huge.png": _huge_png(),
        "length.png": _long_png(),
    }
    for folder, (name, content) in zip(classes, alone.items(), strict=False):
        bad.append(folder / f"bad_{name}")
        bad[-1].write_bytes(content)
    for folder, (name, content) in zip(classes, _FOREIGN.items(), strict=False):
        (folder / name).write_bytes(content)
    bad += [classes[0] / "bad_pipe.jpg", classes[1] / "bad_device.jpg"]
    os.mkfifo(bad[-2])
    bad[-1].symlink_to("/dev/zero")
    return {str(path.relative_to(PHOTOS)) for path in bad}


def _with_hole(content: bytes, filler: bytes, size: int) -> bytes:
    middle = len(content) // 2
    return content[:middle] + filler * size + content[middle + size :]


def _saved(jpeg: bytes, form: str, **options: str) -> bytes:
    target = io.BytesIO()
    Image.open(io.BytesIO(jpeg)).convert("RGB").save(target, form, **options)
    return target.getvalue()


def _float_tiff() -> bytes:
    target = io.BytesIO()
    Image.fromarray(np.linspace(0, 1, 4096, dtype=np.float32).reshape(64, 64)).save(target, "TIFF")
    return target.getvalue()


def _huge_png() -> bytes:
    """30,000 x 30,000 pixels in less than a MB."""
    side, packer = 30_000, zlib.compressobj(9)
    body = b"".join(packer.compress(bytes(side + 1)) for _ in range(side)) + packer.flush()
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", body), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _long_png() -> bytes:
    """A chunk says that it has 3.7 GB."""
    target = io.BytesIO()
    Image.new("L", (16, 16), 90).save(target, "PNG")
    data = bytearray(target.getvalue())
    data[data.index(b"IDAT") - 4] ^= 0xE0
    return bytes(data)


def spoonful(*arguments: str) -> tuple[int, str]:
    """Run a command in the project; return its exit code and what it said last."""
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "spoonful", *arguments],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    took = time.monotonic() - begin
    print(
        f"spoonful {' '.join(arguments[:1])}: exit code {done.returncode}, {took:.0f} s", flush=True
    )
    return done.returncode, done.stdout + done.stderr


def main() -> int:
    """Print what was found; 1 if a damaged file was missed, or anything else was called damaged."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    bad = make(parser.parse_args().folder)
    PROJECT.mkdir()
    shutil.copytree(ROOT / "conf", PROJECT / "conf")
    shutil.copy(ROOT / "dvc.yaml", PROJECT)
    mine = ("dataset=folder", f"dataset.path={PHOTOS}", "dataset.image_size=[32,32]")
    asked, said = spoonful("inspect", str(PHOTOS))
    print(said)
    spoonful("fetch", *mine)
    stopped, _ = spoonful("split", *mine, "dataset.on_leak=warn")
    has_split = (PROJECT / "data" / "split").exists()
    allowed = ("dataset.on_bad_image=quarantine", "dataset.max_bad_fraction=0.02")
    left_out, said = spoonful("split", *mine, "dataset.on_leak=warn", *allowed)
    print(said)
    with (PROJECT / "data" / "inspect" / "bad_files.csv").open(newline="") as file:
        rows = {row["path"]: row for row in csv.DictReader(file)}
    for path in sorted(rows, key=lambda path: rows[path]["reason"]):
        print(f"{Path(path).name}: {rows[path]['reason']}")
    files = {path.name for path in (PROJECT / "data" / "split").rglob("*")}
    num_split = sum(
        json.loads((PROJECT / "data" / "split.json").read_text())["num_images"].values()
    )
    num_bad = sum(name.startswith("bad_") for name in files)
    print(f"damaged: {len(bad)}; listed: {len(rows)}; in a split: {num_bad}; split: {num_split:,}")
    is_right = rows.keys() == bad and not num_bad and not has_split
    return 0 if is_right and (asked, stopped, left_out) == (2, 2, 0) else 1


if __name__ == "__main__":
    raise SystemExit(main())
