"""Identify a file that is not a readable image by its first bytes.

A table of files that people find among their images. puremagic was tried: it calls a file of zeros
an embroidery and any zip file a Word document, and does not know a Git LFS pointer.
"""

import re

_DOWNLOAD = "download it again, or remove it"
_CONVERT = "convert it, for example to PNG or JPEG"
_REMOVE = "remove it"
_UNPACK = "unpack it"
_LFS = b"version https://git-lfs.github.com/spec"
# Pattern of the beginning, what it is, what to do.
_KINDS: tuple[tuple[bytes, str, str], ...] = (
    (rb"....ftyp(hei[cxms]|hev[cmsx]|mif1|msf1)", "a HEIC (HEIF) image", _CONVERT),
    (rb"....ftypcrx ", "a Canon RAW (CR3) image", "develop it to JPEG or TIFF"),
    (rb"\xff\x0a|\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL image", _CONVERT),
    (rb"....ftyp|\x1aE\xdf\xa3|RIFF....AVI ", "a video", "extract its frames"),
    (rb"(II\*\0....CR|IIU\0|IIRO|IIRS|FUJIFILMCCD-RAW)", "a camera RAW image", "develop it"),
    (rb"8BPS", "a Photoshop (PSD) image", "export it to PNG or JPEG"),
    (rb"gimp xcf", "a GIMP (XCF) image", "export it to PNG or JPEG"),
    (
        rb"\s*(<\?xml[^>]*>\s*)?(<!--.*?-->\s*|<!DOCTYPE svg[^>]*>\s*)*<svg",
        "an SVG drawing",
        _CONVERT,
    ),
    (rb"%PDF", "a PDF document", "convert its pages to PNG"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing", _CONVERT),
    (rb"v/1\x01", "an OpenEXR image of floating-point pixels", _CONVERT),
    (rb"#\?(RADIANCE|RGBE)", "a Radiance HDR image of floating-point pixels", _CONVERT),
    (rb"P[Ff]\s", "a PFM image of floating-point pixels", _CONVERT),
    (rb"II\xbc", "a JPEG XR image", _CONVERT),
    (rb"\0\0[\x01\x02]\0", "an icon (ICO)", _CONVERT),
    (rb"icns", "an icon (ICNS)", _CONVERT),
    (rb"DDS ", "a DDS texture", _CONVERT),
    (rb"SIMPLE  =", "a FITS image", _CONVERT),
    (rb"qoif", "a QOI image", _CONVERT),
    (rb".{128}DICM", "a DICOM image", _CONVERT),
    (rb"PK\x03\x04|PK\x05\x06", "a zip archive", _UNPACK),
    (
        rb"\x1f\x8b|BZh|\xfd7zXZ\0|7z\xbc\xaf|Rar!|\x28\xb5\x2f\xfd",
        "a compressed file",
        _UNPACK,
    ),
    (rb".{257}ustar", "a tar archive", _UNPACK),
    (rb"\0\x05\x16[\0\x07]", "the resource fork of a macOS file, not its picture", _REMOVE),
    (re.escape(_LFS), "a Git LFS pointer, not the file itself", "run `git lfs pull`"),
    (
        rb"(\xef\xbb\xbf)?\s*(<!--.*?-->\s*)?<(!doctype html|html|head|body)",
        "an HTML page",
        _DOWNLOAD,
    ),
    (rb"(\xef\xbb\xbf)?\s*<", "an XML or HTML text", _DOWNLOAD),
    (rb"(\xef\xbb\xbf)?\s*[\[{]\s*([\"\[{\]}\d]|-|true|false|null)", "a JSON text", _DOWNLOAD),
    (rb"\x89HDF|CDF[\x01\x02]", "an HDF5 or NetCDF file", "export its images"),
    (rb"\x93NUMPY", "a NumPy array", "save its images as PNG"),
    (rb"\x7fELF|MZ", "a program", _REMOVE),
)
_LOOKED_AT = 1024


def identify(encoded: bytes) -> tuple[str, str]:
    """Return what a file is and what to do about it, for a file that no decoder accepts."""
    if not encoded:
        return "an empty file", _DOWNLOAD
    start = encoded[:_LOOKED_AT]
    if not any(start) and not any(encoded[:: max(1, len(encoded) // 4096)]):
        return "a file of zeros alone", _DOWNLOAD
    for pattern, what, todo in _KINDS:
        if re.match(pattern, start, re.S | re.I):
            return what, todo
    if _is_text(start):
        return "a text", _DOWNLOAD
    return "no image of a format that is known", "convert it, download it again, or remove it"


def _is_text(start: bytes) -> bool:
    try:
        text = start[: start.rfind(b" ") if len(start) == _LOOKED_AT else None].decode()
    except UnicodeDecodeError:
        return False
    return all(letter.isprintable() or letter in "\r\n\t\f" for letter in text)
