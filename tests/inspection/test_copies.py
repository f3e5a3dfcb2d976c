import hashlib
from itertools import product

import numpy as np
import pytest
from PIL import Image, ImageDraw, ImageEnhance, ImageFont
from sklearn.datasets import load_digits

from spoonful.inspection.copies import clusters_of, exact_clusters, first_of_content, members
from spoonful.inspection.measure import measure
from tests.inspection.bad_files import encoded, photo


def clusters(files: list[bytes]) -> list[list[int]]:
    found = [measure(file, hashlib.sha256(file).hexdigest(), 1 << 20) for file in files]
    return members(
        clusters_of(
            [one.sha256 for one in found],
            np.array([one.phash or 0 for one in found], np.uint64),
            np.array([one.phash is not None for one in found]),
            np.array([list(one.thumbnail) for one in found], np.uint8),
        )
    )


def test_the_same_picture_is_found_however_it_was_saved_again() -> None:
    files = [encoded(photo(seed, 300, 400)) for seed in range(40)]
    original = photo(7, 300, 400)
    files += [
        encoded(original, "JPEG", quality=20),
        encoded(original, "WEBP", quality=50),
        encoded(original.resize((200, 150)), "BMP"),
        encoded(original.resize((224, 224)), "JPEG", quality=85),
        encoded(ImageEnhance.Brightness(original).enhance(1.1), "JPEG"),
        files[7],
        files[3],
    ]
    assert clusters(files) == [[3, 46], [7, 40, 41, 42, 43, 44, 45]]


def icon(sign: str) -> Image.Image:
    image = Image.new("RGB", (64, 64), "white")
    draw = ImageDraw.Draw(image)
    draw.ellipse((6, 6, 58, 58), outline="black", width=3)
    draw.text((24, 16), sign, fill="black", font=ImageFont.load_default(28))
    return image


@pytest.mark.parametrize("side", [8, 28, 64])
def test_handwritten_digits_are_no_copies_of_each_other(side: int) -> None:
    digits = (load_digits().images[:400] * 255 / 16).astype(np.uint8)
    images = [Image.fromarray(digit).resize((side, side)) for digit in digits]
    assert clusters([encoded(image) for image in images]) == []


def test_flat_pictures_and_icons_are_no_copies_of_each_other() -> None:
    flat = [Image.new("RGB", (64, 64), rgb) for rgb in product((0, 40, 100, 180, 255), repeat=3)]
    assert clusters([encoded(image) for image in flat]) == []
    assert clusters([encoded(icon(chr(number))) for number in range(48, 91)]) == []
    white = [Image.new("RGB", (side, side), "white") for side in (64, 80, 100)]
    assert clusters([encoded(image) for image in white]) == [[0, 1, 2]]


def test_files_of_the_same_bytes_and_files_that_cannot_be_read() -> None:
    contents = ["b" * 64, None, "a" * 64, "b" * 64, None, "c" * 64, "a" * 64, "b" * 64]
    assert first_of_content(contents).tolist() == [0, 1, 2, 0, 4, 5, 2, 0]
    assert exact_clusters(contents).tolist() == [0, -1, 1, 0, -1, -1, 1, 0]
    assert members(exact_clusters(contents)) == [[0, 3, 7], [2, 6]]
    assert members(exact_clusters([])) == []
