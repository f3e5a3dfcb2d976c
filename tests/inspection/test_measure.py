import hashlib
import io

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageOps

from spoonful.inspection.measure import Measured, from_bytes, measure, to_bytes
from tests.inspection.bad_files import encoded, photo

MAX_PIXELS = 10_000


def measured(content: bytes) -> Measured:
    return measure(content, hashlib.sha256(content).hexdigest(), MAX_PIXELS)


@pytest.mark.parametrize(
    ("mode", "form", "channels"),
    [
        ("RGB", "JPEG", 3),
        ("L", "JPEG", 1),
        ("CMYK", "JPEG", 4),
        ("RGBA", "PNG", 4),
        ("P", "PNG", 1),
        ("RGB", "WEBP", 3),
        ("RGB", "TIFF", 3),
        ("1", "BMP", 1),
        ("RGB", "DIB", 3),
    ],
)
def test_what_a_file_is_and_how_large(mode: str, form: str, channels: int) -> None:
    found = measured(encoded(photo(0).convert(mode), form))
    assert found.fault is None
    assert (found.format, found.mode, found.channels) == (form, mode, channels)
    assert (found.width, found.height) == (80, 60)
    assert found.phash is not None
    assert len(found.thumbnail) == 768


def test_mean_and_deviation_are_those_of_the_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    found = measured(encoded(Image.fromarray(pixels)))
    assert found.mean == pytest.approx(pixels.mean(), abs=1e-3)
    assert found.std == pytest.approx(pixels.std(), abs=1e-3)
    assert found.phash is None  # too small for one


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_measured_as_it_is_shown(form: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    content = encoded(photo(0), form, exif=exif.tobytes())  # type: ignore[arg-type]
    found = measured(content)
    with Image.open(io.BytesIO(content)) as image:
        upright = ImageOps.exif_transpose(image).convert("RGB")
    assert upright.size == ((60, 80) if orientation >= 5 else (80, 60))
    assert (found.width, found.height) == upright.size
    # The size of WebP is only asked for once it is decoded, so it is enlarged.
    differ = 0.5 if form == "WEBP" else 1e-3
    assert found.mean == pytest.approx(np.asarray(upright).mean(), abs=differ)
    assert found.std == pytest.approx(np.asarray(upright).std(), abs=differ)


def test_a_turned_tiff_that_pillow_does_not_know_has_the_size_that_is_shown() -> None:
    target = io.BytesIO()
    pixels = np.zeros((60, 80, 2), np.uint16)
    turned = [(274, 3, 1, 6, True)]
    tifffile.imwrite(
        target, pixels, photometric="minisblack", planarconfig="contig", extratags=turned
    )
    found = measured(target.getvalue())
    assert (found.mode, found.width, found.height) == ("MINISBLACK;16", 60, 80)


def test_a_bad_file_has_its_reason_and_what_to_do_and_nothing_else() -> None:
    content = encoded(photo(0), "JPEG")[:700]
    found = measured(content)
    assert found.fault is not None
    assert found.fault.startswith("a damaged JPEG image: ")
    assert found.fault.endswith("copy or download it again, or remove it")
    sha256 = hashlib.sha256(content).hexdigest()
    assert found == Measured(num_bytes=700, sha256=sha256, fault=found.fault)
    large = measured(encoded(photo(0, 101, 100)))
    assert "more than the 10,000 that dataset.max_pixels=10000 allows" in str(large.fault)


@pytest.mark.parametrize("content", [b"", encoded(photo(3)), b"<html>"])
def test_a_result_is_kept_as_bytes_and_damage_to_them_is_noticed(content: bytes) -> None:
    found = measured(content)
    kept = to_bytes(found)
    assert from_bytes(kept) == found
    for damaged in (b"", b"{}", b"[1]\n", kept[:-2], kept + b"x", kept[5:], b"{" + kept):
        assert from_bytes(damaged) != found
