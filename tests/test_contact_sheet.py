"""A PNG of images: their pixels as they are, and any text."""

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spoonful.contact_sheet import WIDTH_PX, Cell, contact_sheet, fitted, layout_of

RNG = np.random.default_rng(0)
TITLE = ["a title", "and more"]


def opened(png: bytes) -> NDArray[np.uint8]:
    assert png.startswith(b"\x89PNG")
    return np.asarray(Image.open(io.BytesIO(png)))


def cells_of(shape: tuple[int, int, int], number: int, per_cell: int = 2) -> list[Cell]:
    return [
        Cell(list(RNG.integers(0, 256, (per_cell, *shape), dtype=np.uint8)), ["label", f"{i}.png"])
        for i in range(number)
    ]


@pytest.mark.parametrize(
    "shape", [(8, 8, 1), (28, 28, 1), (96, 96, 3), (224, 224, 3), (20, 60, 3), (1, 1, 3)]
)
@pytest.mark.parametrize("per_cell", [1, 2])
def test_every_pixel_is_in_it_as_it_is(shape: tuple[int, int, int], per_cell: int) -> None:
    cells = cells_of(shape, 5, per_cell)
    sheet, layout = opened(contact_sheet(TITLE, cells)), layout_of(TITLE, cells)
    assert sheet.shape == (layout.height, WIDTH_PX, 3)
    scale = int(layout.scale)
    assert scale == layout.scale >= 1
    for cell, corners in zip(cells, layout.corners, strict=True):
        for image, (x, y) in zip(cell.images, corners, strict=True):
            width, height = layout.size
            block = sheet[y : y + height, x : x + width]
            shown = np.broadcast_to(image, (*shape[:2], 3))
            assert np.array_equal(block, shown.repeat(scale, axis=0).repeat(scale, axis=1))


def test_the_images_overlap_neither_each_other_nor_the_border() -> None:
    layout = layout_of(TITLE, cells_of((100, 50, 3), 20))
    width, height = layout.size
    covered = np.zeros((layout.height, WIDTH_PX), int)
    for x, y in (corner for corners in layout.corners for corner in corners):
        assert 0 <= x <= WIDTH_PX - width
        assert 0 <= y <= layout.height - height
        covered[y : y + height, x : x + width] += 1
    assert covered.max() == 1
    assert covered.sum() == 40 * width * height


def test_large_images_are_reduced_and_keep_their_aspect() -> None:
    layout = layout_of(TITLE, cells_of((1200, 600, 3), 2))
    assert layout.size == (120, 240)
    flat = [Cell([np.full((1200, 600, 3), 77, np.uint8)], ["a"])]
    sheet, (((x, y),), *_) = opened(contact_sheet(TITLE, flat)), layout_of(TITLE, flat).corners
    assert np.all(sheet[y : y + 240, x : x + 120] == 77)


def test_floats_are_from_0_to_1_and_clipped() -> None:
    values = np.array([[[-0.5], [0.0], [0.5], [1.0], [1.5]]], np.float32)
    cells = [Cell([values], ["a"])]
    sheet, layout = opened(contact_sheet(TITLE, cells)), layout_of(TITLE, cells)
    x, y = layout.corners[0][0]
    step = int(layout.scale)
    assert sheet[y, x : x + layout.size[0] : step, 0].tolist() == [0, 0, 128, 255, 255]


def test_it_is_the_same_every_time() -> None:
    cells = cells_of((8, 8, 1), 3)
    assert contact_sheet(TITLE, cells) == contact_sheet(TITLE, cells)
    other = [Cell(cells[0].images, ["another"]), *cells[1:]]
    assert contact_sheet(TITLE, other) != contact_sheet(TITLE, cells)


@pytest.mark.parametrize("text", ["", "a", "名前.png", "é" * 500, "=cmd()<b>$x^2$" * 40])
def test_a_text_is_shortened_in_its_middle(text: str) -> None:
    shown = fitted(text, 100)
    if shown != text:
        begin, end = shown.split("…")
        assert text.startswith(begin)
        assert text.endswith(end)
        assert len(begin) >= len(end) > 0
    contact_sheet([text], [Cell([np.zeros((8, 8, 1), np.uint8)], [text, text])])
