"""Where the parts and the numbers of a file lie, so that damage can go for them."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass

_PNG_START = 8
_NO_LENGTH = {0x01, *range(0xD0, 0xDA)}  # JPEG markers that stand alone
_SCAN, _END = 0xDA, 0xD9
_TIFF_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 12: 8}


# Boxes that hold boxes, and where those begin.
_INSIDE = {b"meta": 12, b"iprp": 8, b"ipco": 8, b"jp2h": 8}


@dataclass(frozen=True)
class Number:
    """A number in a file: where, of how many bytes, and in which order they stand."""

    offset: int
    num_bytes: int
    order: str  # "big" or "little"


@dataclass(frozen=True)
class Layout:
    """A file's parts (start, stop), in their order, and its numbers."""

    parts: list[tuple[int, int]]
    numbers: list[Number]


def layout_of(format_name: str, data: bytes) -> Layout:
    """Return the layout of an undamaged file; an empty one for a format that is not known here."""
    find = _FINDERS.get(format_name)
    return Layout([], []) if find is None else find(data)


def with_checksums(data: bytes) -> bytes:
    """Return a PNG whose chunks have the checksums of what now stands in them.

    Damage then reaches what lies behind the checksums.
    """
    fixed = bytearray(data)
    for start, stop in _png(data).parts:
        if stop - start >= 12:
            fixed[stop - 4 : stop] = struct.pack(">I", zlib.crc32(data[start + 4 : stop - 4]))
    return bytes(fixed)


def _jpeg(data: bytes) -> Layout:
    parts, numbers, place = [(0, 2)], [], 2
    while place + 4 <= len(data) and data[place] == 0xFF:
        marker = data[place + 1]
        if marker in _NO_LENGTH:
            stop = place + 2
        else:
            stop = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
            numbers.append(Number(place + 2, 2, "big"))
            if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
                numbers += [Number(place + offset, 2, "big") for offset in (5, 7)]
            # Tables, components, spectral selection: a byte each.
            numbers += [Number(at, 1, "big") for at in range(place + 4, min(stop, place + 20))]
        if marker == _SCAN:
            stop = _scan_end(data, stop)
        parts.append((place, stop))
        place = stop
    return Layout([*parts, (place, len(data))], numbers)


def _scan_end(data: bytes, place: int) -> int:
    """Return where the entropy-coded data ends; restart markers belong to it."""
    while (place := data.find(b"\xff", place)) >= 0:
        if place + 1 < len(data) and data[place + 1] != 0 and not 0xD0 <= data[place + 1] <= 0xD7:
            return place
        place += 2
    return len(data)


def without_stray_bytes(data: bytes) -> bytes:
    """Return a JPEG without the bytes between its segments, behind its scans and behind its end.

    Behind a scan's coded data, only one byte repeated up to the next marker is taken for stray:
    other bytes there are what damage looks like, too.
    """
    kept, place = [data[:2]], 2
    while (place := _next_marker(data, place)) is not None:
        marker = data[place + 1]
        if marker in _NO_LENGTH:
            stop = place + 2
        else:
            stop = place + 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if marker == _SCAN:
            scan, stop = stop, _scan_end(data, stop)
            kept += [data[place:scan], _without_padding(data[scan:stop])]
        else:
            kept.append(data[place:stop])
        if marker == _END:
            break
        place = stop
    return b"".join(kept)


def _without_padding(coded: bytes) -> bytes:
    """Return coded data without a run of one byte at its end."""
    left = coded.rstrip(coded[-1:])
    if left.endswith(b"\xff"):  # 255, 0 stands for a coded 255
        left += coded[len(left) : len(left) + 1]
    return left if len(left) < len(coded) - 1 else coded


def _next_marker(data: bytes, place: int) -> int | None:
    """Return where the next marker begins, of the bytes 255 before it the last."""
    while 0 <= (place := data.find(b"\xff", place)) < len(data) - 1:
        if data[place + 1] not in (0x00, 0xFF):
            return place
        place += 1
    return None


def _png(data: bytes) -> Layout:
    parts, numbers, place = [(0, _PNG_START)], [], _PNG_START
    while place + 12 <= len(data):
        stop = min(place + 12 + int.from_bytes(data[place : place + 4], "big"), len(data))
        numbers.append(Number(place, 4, "big"))
        if data[place + 4 : place + 8] == b"IHDR":
            numbers += [Number(place + 8, 4, "big"), Number(place + 12, 4, "big")]
            numbers += [Number(place + offset, 1, "big") for offset in range(16, 21)]
        parts.append((place, stop))
        place = stop
    return Layout(parts, numbers)


def _webp(data: bytes) -> Layout:
    parts, numbers, place = [(0, 12)], [Number(4, 4, "little")], 12
    while place + 8 <= len(data):
        length = int.from_bytes(data[place + 4 : place + 8], "little")
        stop = min(place + 8 + length + length % 2, len(data))
        numbers.append(Number(place + 4, 4, "little"))
        numbers += [Number(at, 2, "little") for at in range(place + 8, min(place + 20, stop - 1))]
        parts.append((place, stop))
        place = stop
    return Layout(parts, numbers)


def _tiff(data: bytes) -> Layout:
    """Return the entries of the first directory, and what they point at."""
    order = "little" if data[:2] == b"II" else "big"

    def number(offset: int, num_bytes: int) -> int:
        return int.from_bytes(data[offset : offset + num_bytes], order)  # type: ignore[arg-type]

    place = number(4, 4)
    parts, numbers = [(0, 8)], [Number(4, 4, order), Number(place, 2, order)]
    for entry in range(place + 2, place + 2 + 12 * number(place, 2), 12):
        size = _TIFF_BYTES.get(number(entry + 2, 2), 1)
        count = number(entry + 4, 4)
        parts.append((entry, entry + 12))
        numbers += [Number(entry, 2, order), Number(entry + 2, 2, order)]
        numbers += [Number(entry + 4, 4, order), Number(entry + 8, min(4, max(2, size)), order)]
        if size * count > 4:  # where the values lie
            values = number(entry + 8, 4)
            parts.append((values, min(values + size * count, len(data))))
            numbers += [
                Number(values + i * size, min(size, 4), order) for i in range(min(count, 8))
            ]
    return Layout(parts, numbers)


def _bmp(data: bytes) -> Layout:
    start = int.from_bytes(data[10:14], "little")
    places = ((2, 4), (10, 4), (14, 4), (18, 4), (22, 4), (26, 2), (28, 2), (30, 4), (34, 4))
    numbers = [Number(offset, size, "little") for offset, size in (*places, (46, 4), (50, 4))]
    return Layout([(0, 14), (14, 54), (54, start), (start, len(data))], numbers)


def _gif(data: bytes) -> Layout:
    numbers = [Number(6, 2, "little"), Number(8, 2, "little"), Number(10, 1, "little")]
    table = 3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0
    parts, place = [(0, 13), (13, 13 + table)], 13 + table
    while place < len(data) and data[place] in (0x21, 0x2C):
        start = place
        if data[place] == 0x2C:
            numbers += [Number(place + offset, 2, "little") for offset in (1, 3, 5, 7)]
            numbers += [Number(place + 9, 1, "little"), Number(place + 10, 1, "little")]
            table = 3 << ((data[place + 9] & 7) + 1) if data[place + 9] & 0x80 else 0
            place += 11 + table
        else:
            place += 2
        while place < len(data) and data[place]:
            numbers.append(Number(place, 1, "little"))
            place += 1 + data[place]
        place += 1
        parts.append((start, place))
    return Layout([*parts, (place, len(data))], numbers)


def _boxes(data: bytes) -> Layout:
    """Return the boxes of an AVIF or JPEG 2000 file, those inside `meta` and `jp2h` too."""
    parts, numbers = [], []
    left = [(0, len(data))]
    while left:
        place, end = left.pop()
        while place + 8 <= end:
            length = int.from_bytes(data[place : place + 4], "big") or end - place
            stop = min(place + max(8, length), end)
            parts.append((place, stop))
            numbers.append(Number(place, 4, "big"))
            inner = _INSIDE.get(data[place + 4 : place + 8])
            if inner is None:
                numbers += [Number(at, 4, "big") for at in range(place + 8, min(place + 60, stop))]
            else:
                left.append((place + inner, stop))
            place = stop
    return Layout(sorted(parts), [number for number in numbers if number.offset + 4 <= len(data)])


_FINDERS: dict[str, Callable[[bytes], Layout]] = {
    "jpeg": _jpeg,
    "png": _png,
    "webp": _webp,
    "tiff": _tiff,
    "bmp": _bmp,
    "gif": _gif,
    "avif": _boxes,
    "jpeg2000": _boxes,
}
