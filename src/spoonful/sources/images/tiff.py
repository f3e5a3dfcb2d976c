"""TIFF files to pixels, with tifffile and imagecodecs, which report damage.

Of 720 files with a hole, a flipped bit or a cut, in nine compressions, they refused 57 that Pillow
read with different pixels, and read none that Pillow refused. They print nothing.
"""

import io
import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spoonful.sources.images.background import on_background
from spoonful.sources.images.jpeg import check_jpeg
from spoonful.sources.images.limits import RefusedError, check_pixels, damaged

if TYPE_CHECKING:
    from tifffile import TiffFile, TiffPage

TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _CMYK, _YCBCR = 0, 1, 2, 3, 5, 6
_JPEG = 7
_ORIENTATION, _JPEG_TABLES = 274, 347
_ASSOCIATED, _UNASSOCIATED = 1, 2
_UNSIGNED = 1
_SEPARATE = 2
_BAND_PIXELS = 1 << 20
# Bits per sample. Other numbers are rarely written, and mostly come from a damaged directory.
_GREY_BITS, _COLOUR_BITS = (1, 2, 4, 8, 12, 16), (8, 16)
_BITS = {_MIN_IS_WHITE: _GREY_BITS, _MIN_IS_BLACK: _GREY_BITS, _RGB: _COLOUR_BITS}
_BITS |= {_PALETTE: (1, 2, 4, 8), _CMYK: (8,), _YCBCR: (8,)}
_REQUIRED = ("ImageWidth", "ImageLength", "PhotometricInterpretation")
# The tags that say where the pixels are and what they mean are whole numbers: of type BYTE, SHORT,
# LONG, IFD, LONG8 or IFD8.
_WHOLE_TYPES = (1, 3, 4, 13, 16, 18)
_STRUCTURE = {*range(256, 260), 262, 273, *range(277, 280), 284, 317, *range(320, 326), 338, 339}
# None, CCITT (three), LZW, JPEG, deflate (two), packbits: every libtiff has them.
_IN_LIBTIFF = (1, 2, 3, 4, 5, _JPEG, 8, 32946, 32773)
_CONVERT = "convert it to 8 bits RGB or grey"
# What a sample may take besides the 8 bits that are kept: 16 bits, and the segments.
_WEIGHT_A_BYTE = 0.25
# tifffile's messages do not name the file; what is wrong with it is raised as well.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


def decode_tiff(
    encoded: bytes, channels: int, background: Sequence[int], max_pixels: int
) -> tuple[NDArray[np.uint8], int]:
    """Decode the first picture of a TIFF file.

    Of 9 to 16 bits per colour, the upper 8 are used. Transparent parts show the background.

    Args:
        encoded: the file's bytes.
        channels: 1 (grey) or 3 (RGB).
        background: (red, green, blue) behind transparent parts.
        max_pixels: the limit for height x width.

    Returns:
        Pixels as stored, uint8 [h, w, channels], and the orientation.

    Raises:
        RefusedError: the file is damaged, of an unsupported kind, or too large.
    """
    try:
        return _decoded(encoded, channels, background, max_pixels)
    except RefusedError:
        raise
    except Exception as error:  # a damaged file makes them raise nearly anything
        raise damaged("TIFF", error) from error


def _decoded(
    encoded: bytes, channels: int, background: Sequence[int], max_pixels: int
) -> tuple[NDArray[np.uint8], int]:
    import tifffile  # 0.1 s

    with tifffile.TiffFile(io.BytesIO(encoded)) as file:
        page = _first_page(file, len(encoded))
        _check_directory(page)
        _check_kind(page)
        _check_size(page, max_pixels)
        _check_segments(page, encoded)
        if int(page.compression) in _IN_LIBTIFF:
            import imagecodecs

            # libtiff finds damage that tifffile does not: codes after a segment's last row, or a
            # fax line that is too long. Of 5,000 damaged files (experiments/fuzz), 7 that it
            # refuses were served without this check.
            imagecodecs.tiff_decode(encoded, index=0)
        values = page.asarray(squeeze=False, maxworkers=1)
        turn = page.tags.valueof(_ORIENTATION, 1)
        palette = page.colormap
        kind = int(page.photometric), page.bitspersample, int(page.compression)
        extra = [int(sample) for sample in page.extrasamples]
    # [separate samples, depth, height, width, samples beside each other] -> [height, width, k]
    values = np.moveaxis(values[:, 0], 0, -1) if values.shape[0] > 1 else values[0, 0]
    values = values.reshape(*values.shape[:2], -1)
    image = np.empty((*values.shape[:2], channels), np.uint8)
    rows = max(1, _BAND_PIXELS // values.shape[1])
    for top in range(0, len(values), rows):
        band = _rgb_or_grey(values[top : top + rows], kind, palette, extra, background)
        if (band.ndim == 2) != (channels == 1):  # converted as for every other format
            band = np.asarray(Image.fromarray(band).convert("L" if channels == 1 else "RGB"))
        image[top : top + rows] = band.reshape(*band.shape[:2], channels)
    return image, turn if isinstance(turn, int) and 1 <= turn <= 8 else 1


def _first_page(file: "TiffFile", num_bytes: int) -> "TiffPage":
    """Return the first picture's directory.

    Most programs write it behind the pixels, so that a file that was cut has none.
    """
    try:
        return file.pages.first
    except IndexError as error:
        file.filehandle.seek(
            file.tiff.offsetsize
        )  # of the first offset itself: its place is as long
        where = file.filehandle.read(file.tiff.offsetsize)
        start = int.from_bytes(where, "little" if file.byteorder == "<" else "big")
        words = "its directory is missing"
        if start >= num_bytes:
            words = f"its data end early, before its directory at byte {start:,}"
        raise damaged("TIFF", words) from error


def _check_directory(page: "TiffPage") -> None:
    """Check that the picture's directory is complete and has the required tags.

    tifffile skips tags that it cannot read, and uses a default for missing ones.
    """
    file = page.parent
    file.filehandle.seek(page.offset)
    number = file.filehandle.read(file.tiff.tagnosize)
    num_entries = int.from_bytes(number, "little" if file.byteorder == "<" else "big")
    size = file.tiff.tagnosize + num_entries * file.tiff.tagsize + file.tiff.offsetsize
    if len(page.tags) != num_entries or page.offset + size > file.filehandle.size:
        readable = f"{len(page.tags)} of {num_entries} entries of its directory"
        raise damaged("TIFF", f"{readable} can be read")
    required = (*_REQUIRED, "BitsPerSample") if page.samplesperpixel > 1 else _REQUIRED
    for tag in page.tags:
        if tag.code in _STRUCTURE and int(tag.dtype) not in _WHOLE_TYPES:
            raise damaged("TIFF", f"{tag.name} is not a whole number in its directory")
    missing = [name for name in required if name not in page.tags]
    if missing:
        raise damaged("TIFF", f"{missing[0]} is not in its directory")


def _check_kind(page: "TiffPage") -> None:
    """Refuse pictures without a well-defined 8 bits per colour."""
    bits, form = page.bitspersample, page.sampleformat
    if form == 3:
        raise RefusedError(
            f"a TIFF image of floating-point pixels ({bits} bits), expected whole numbers of up to "
            "16 bits",
            _CONVERT,
        )
    if form != _UNSIGNED or not 1 <= bits <= 16:
        signed = "signed " if form == 2 else "" if form == _UNSIGNED else "complex or untyped "
        raise RefusedError(
            f"a TIFF image of {signed}{bits}-bit pixels, expected unsigned ones of up to 16 bits",
            _CONVERT,
        )
    if page.imagedepth != 1:
        raise RefusedError(
            f"a TIFF volume of {page.imagedepth} slices, expected a picture", _CONVERT
        )
    colours = {_MIN_IS_WHITE: 1, _MIN_IS_BLACK: 1, _RGB: 3, _PALETTE: 1, _CMYK: 4, _YCBCR: 3}
    photometric = int(page.photometric)
    num_declared = colours.get(photometric, 1 << 16) + len(page.extrasamples)
    # Hardly any program writes a sample in its own plane; with 16 bits, Pillow refuses it.
    is_odd = page.samplesperpixel == 1 and page.planarconfig == _SEPARATE and bits > 8
    if page.samplesperpixel != num_declared or bits not in _BITS.get(photometric, ()) or is_odd:
        raise RefusedError(
            f"a TIFF image whose colours are {_name(photometric)} with {page.samplesperpixel} "
            f"samples of {bits} bits, expected grey, RGB, a palette, CMYK or YCbCr",
            _CONVERT,
        )


def _name(photometric: int) -> str:
    from tifffile import PHOTOMETRIC

    known = photometric in [member.value for member in PHOTOMETRIC]
    return PHOTOMETRIC(photometric).name if known else f"number {photometric}"


def _check_size(page: "TiffPage", max_pixels: int) -> None:
    num_bytes = page.samplesperpixel * (2 if page.bitspersample > 8 else 1)
    weight = max(1.0, _WEIGHT_A_BYTE * num_bytes)
    check_pixels(page.imagelength, page.imagewidth, max_pixels, "a TIFF image", weight)
    if page.is_tiled:
        check_pixels(page.tilelength, page.tilewidth, max_pixels, "a TIFF image with tiles", weight)


def _check_segments(page: "TiffPage", encoded: bytes) -> None:
    """Check that every strip or tile is present, and check JPEG ones strictly."""
    places = list(zip(page.dataoffsets, page.databytecounts, strict=True))
    expected = int(np.prod(page.chunked))
    if len(places) < expected:
        raise damaged("TIFF", f"{len(places)} strips or tiles, expected {expected}")
    for offset, count in places[:expected]:
        if count < 1 or offset < 1 or offset + count > len(encoded):
            raise damaged("TIFF", "a strip or tile is missing")
        if int(page.compression) == _JPEG:
            tables = page.tags.valueof(_JPEG_TABLES) or b""
            segment = encoded[offset : offset + count]
            check_jpeg(segment[:2] + tables[2:-2] + segment[2:])


def _rgb_or_grey(
    values: NDArray[Any],
    kind: tuple[int, int, int],
    palette: NDArray[Any] | None,
    extra: list[int],
    background: Sequence[int],
) -> NDArray[np.uint8]:
    """Turn samples [h, w, k] into uint8 [h, w] grey or [h, w, 3] RGB."""
    photometric, bits, compression = kind
    if photometric == _PALETTE:
        if palette is None:
            raise damaged("TIFF", "its palette is missing")
        colours = (palette >> 8) if palette.max() > 255 else palette
        return np.ascontiguousarray(colours.T.astype(np.uint8)[values[..., 0]])
    samples = _eight_bits(values, bits)
    if photometric == _CMYK:
        return _converted(samples[..., :4], "CMYK")
    if photometric == _YCBCR and compression != _JPEG:  # JPEG is already decoded to RGB
        return _converted(samples[..., :3], "YCbCr")
    num_colours = 3 if photometric in (_RGB, _YCBCR) else 1
    colours = samples[..., :num_colours]
    if photometric == _MIN_IS_WHITE:
        colours = 255 - colours
    if extra and extra[0] in (_ASSOCIATED, _UNASSOCIATED) and samples.shape[2] > num_colours:
        rgb = np.broadcast_to(colours, (*colours.shape[:2], 3))
        rgba = np.concatenate([rgb, samples[..., num_colours : num_colours + 1]], axis=2)
        return on_background(rgba, background, is_premultiplied=extra[0] == _ASSOCIATED)
    return colours[..., 0] if num_colours == 1 else np.ascontiguousarray(colours)


def _eight_bits(values: NDArray[Any], bits: int) -> NDArray[np.uint8]:
    """Scale fewer than 8 bits to 0..255; take the upper 8 of more."""
    if bits == 8:
        return values.astype(np.uint8, copy=False)
    if bits > 8:
        return (values >> (bits - 8)).astype(np.uint8)
    return (values.astype(np.uint16) * 255 // ((1 << bits) - 1)).astype(np.uint8)


def _converted(samples: NDArray[np.uint8], mode: str) -> NDArray[np.uint8]:
    height, width, _ = samples.shape
    stored = Image.frombytes(mode, (width, height), np.ascontiguousarray(samples).tobytes())
    return np.asarray(stored.convert("RGB"))
