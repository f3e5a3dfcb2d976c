"""The memory that a picture of the largest size takes, in proportion: 1 GiB at Pillow's limit."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from spoonful.sources.images.limits import MAX_PIXELS

LIMIT = 16_000_000
ALLOWED_MIB = 1024 * LIMIT / MAX_PIXELS
CODE = """
import sys, numpy as np, tifffile
from spoonful.sources.images.decode import decode_image
def peak():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024
small = np.zeros((224, 224, 3), np.uint8)
decode_image(sys.argv[2], small)
before = peak()
decode_image(sys.argv[1], small, max_pixels=int(sys.argv[3]))
print(peak() - before)
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("suffix", "weight", "mode", "options"),
    [
        ("jpg", 1, "RGB", {"progressive": True, "subsampling": 0}),
        ("jpg", 4 / 3, "CMYK", {"progressive": True}),
        ("png", 1, "RGBA", {"compress_level": 1}),
        ("bmp", 1, "RGBA", {}),
        ("gif", 1, "P", {}),
        ("ppm", 1, "RGB", {}),
        ("tiff", 1, "RGBA", {"compression": "tiff_adobe_deflate"}),
        ("tiff", 1, "RGB", {}),
        ("webp", 1.5, "RGBA", {"lossless": True, "method": 0, "quality": 0}),
        ("avif", 2, "RGBA", {"speed": 10}),
        ("jp2", 3, "RGBA", {}),
    ],
)
def test_the_largest_picture_stays_below_its_share(
    tmp_path: Path, suffix: str, weight: float, mode: str, options: dict[str, Any]
) -> None:
    side = int((LIMIT / weight) ** 0.5)
    ramp = np.linspace(0, 255, side).astype(np.uint8)
    picture = np.stack([np.broadcast_to(ramp, (side, side)), np.tile(ramp[:, None], side)], axis=2)
    image = Image.fromarray(picture[..., [0, 1, 0]]).convert(mode)
    image.save(tmp_path / f"large.{suffix}", **options)
    image.resize((16, 16)).save(tmp_path / f"small.{suffix}", **options)
    paths = [tmp_path / f"{name}.{suffix}" for name in ("large", "small")]
    done = subprocess.run(
        [sys.executable, "-c", CODE, *paths, str(LIMIT)], capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < ALLOWED_MIB
