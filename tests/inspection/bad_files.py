"""Files in a class folder that are no good images, one of each kind, and words of the reason."""

import io
import os
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

REASONS = {
    "broken_link.jpg": "a link to nowhere.jpg, which is not there",
    "cut.jpg": "a damaged JPEG image",
    "cut.png": "a damaged PNG image",
    "device.jpg": "a character device",
    "empty.jpg": "an empty file",
    "float.tif": "floating-point pixels",
    "heic.jpg": "a HEIC (HEIF) image",
    "huge.png": "30000x30000 = 900,000,000 pixels, more than the 89,478,485",
    "page.jpg": "an HTML page",
    "pipe.jpg": "a pipe (FIFO)",
    "zeros.png": "a file of zeros alone",
}


def photo(seed: int, height: int = 60, width: int = 80) -> Image.Image:
    """A smooth picture unlike that of any other seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def encoded(image: Image.Image, form: str = "PNG", **options: int) -> bytes:
    target = io.BytesIO()
    image.save(target, form, **options)
    return target.getvalue()


def write_photo(path: Path, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encoded(photo(seed)))


def write_bad_files(folder: Path) -> None:
    """Write one file of each kind."""
    folder.mkdir(parents=True, exist_ok=True)
    jpeg, png = encoded(photo(1), "JPEG"), encoded(photo(1))
    header = b"IHDR" + struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    chunk = struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))
    for name, content in {
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "cut.png": png[: len(png) // 2],
        "empty.jpg": b"",
        "float.tif": encoded(Image.fromarray(np.zeros((9, 9), np.float32)), "TIFF"),
        "heic.jpg": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(99),
        "huge.png": png[:8] + chunk + png[33:],
        "page.jpg": b"<!DOCTYPE html><title>404</title>",
        "zeros.png": bytes(5000),
    }.items():
        (folder / name).write_bytes(content)
    os.mkfifo(folder / "pipe.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "broken_link.jpg").symlink_to("nowhere.jpg")
