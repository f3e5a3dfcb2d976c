"""A PNG of images with captions, of a size that a terminal's viewer can show.

Small images are enlarged by a whole number, so that every pixel of theirs is in the PNG as it is.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

WIDTH_PX = 1000
# Images are enlarged to at least about the first and reduced to at most the second.
_SMALL_PX, _LARGE_PX = 112, 240
_GAP_PX = 12  # between the cells, and around them
_BESIDE_PX = 4  # between the images of a cell
_LINE_PX = 16
_FONT_PX = 12
_WHITE, _BLACK, _GREY = (255, 255, 255), (0, 0, 0), (96, 96, 96)


@dataclass(frozen=True)
class Cell:
    """What is drawn of one example.

    Attributes:
        images: uint8 [h, w, 1 or 3] or float 0..1, side by side; all of one shape.
        lines: the text below them; a line that is too wide is shortened in its middle.
    """

    images: Sequence[NDArray[np.generic]]
    lines: Sequence[str]


@dataclass(frozen=True)
class Layout:
    """Where the images are.

    Attributes:
        scale: pixels of the PNG per pixel of an image; below 1 for large images.
        size: width and height of an image in the PNG, in px.
        corners: x and y of the top left corner of each image, one list per cell.
        height: of the PNG, in px.
    """

    scale: float
    size: tuple[int, int]
    corners: list[list[tuple[int, int]]]
    height: int


def contact_sheet(title: Sequence[str], cells: Sequence[Cell]) -> bytes:
    """Draw the cells in rows below the lines of a title.

    Returns:
        The bytes of a PNG, `WIDTH_PX` wide; the same for the same input.
    """
    layout = layout_of(title, cells)
    sheet = Image.new("RGB", (WIDTH_PX, layout.height), _WHITE)
    pen = ImageDraw.Draw(sheet)
    for number, line in enumerate(title):
        place = (_GAP_PX, _GAP_PX + number * _LINE_PX)
        pen.text(place, fitted(line, WIDTH_PX - 2 * _GAP_PX), _BLACK, font=_font())
    width, height = layout.size
    for cell, corners in zip(cells, layout.corners, strict=True):
        for image, corner in zip(cell.images, corners, strict=True):
            sheet.paste(_resized(image, layout), corner)
        left, top = corners[0]
        room = corners[-1][0] + width - left
        for number, line in enumerate(cell.lines):
            place = (left, top + height + 2 + number * _LINE_PX)
            pen.text(place, fitted(line, room), _BLACK if number == 0 else _GREY, font=_font())
    file = io.BytesIO()
    sheet.save(file, "PNG")
    return file.getvalue()


def layout_of(title: Sequence[str], cells: Sequence[Cell]) -> Layout:
    """Place the images; every cell has as many as the first."""
    height, width = cells[0].images[0].shape[:2]
    count = len(cells[0].images)
    largest = min(_LARGE_PX, (WIDTH_PX - 2 * _GAP_PX) // count - _BESIDE_PX)
    scale: float = max(1, round(_SMALL_PX / max(height, width)))
    if max(height, width) > largest:
        scale = largest / max(height, width)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pitch_x = count * (size[0] + _BESIDE_PX) - _BESIDE_PX + _GAP_PX
    pitch_y = size[1] + max(len(cell.lines) for cell in cells) * _LINE_PX + _GAP_PX
    columns = max(1, (WIDTH_PX - _GAP_PX) // pitch_x)
    first_y = 2 * _GAP_PX + len(title) * _LINE_PX
    corners = []
    for number in range(len(cells)):
        row, column = divmod(number, columns)
        x, y = _GAP_PX + column * pitch_x, first_y + row * pitch_y
        corners.append([(x + place * (size[0] + _BESIDE_PX), y) for place in range(count)])
    return Layout(scale, size, corners, first_y + -(-len(cells) // columns) * pitch_y)


def fitted(text: str, width: int) -> str:
    """Return a text, shortened in its middle until it is at most so many px wide."""
    kept = len(text)
    shown = text
    while _font().getlength(shown) > width and kept > 1:
        kept -= max(1, kept // 16)
        shown = f"{text[: (kept + 1) // 2]}…{text[len(text) - kept // 2 :]}"
    return shown


def _resized(image: NDArray[np.generic], layout: Layout) -> Image.Image:
    pixels = image
    if image.dtype != np.uint8:
        pixels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
    if pixels.shape[-1] == 1:
        pixels = np.repeat(pixels, 3, axis=-1)
    way = Image.Resampling.NEAREST if layout.scale >= 1 else Image.Resampling.BOX
    return Image.fromarray(np.ascontiguousarray(pixels)).resize(layout.size, way)


@cache
def _font() -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Return Matplotlib's font, which has the letters of most languages; else Pillow's own."""
    from matplotlib import get_data_path

    path = Path(get_data_path()) / "fonts" / "ttf" / "DejaVuSans.ttf"
    return ImageFont.truetype(path, _FONT_PX) if path.is_file() else ImageFont.load_default()
