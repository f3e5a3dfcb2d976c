"""Stray bytes of a JPEG file: which may be removed so that all pixels are still proven.

Cameras pad between segments, and other programs between the last coded byte and the end marker;
libjpeg complains about such bytes as it does about damage. `without_stray_bytes` removes them and
adds nothing. A strict decoder then checks the rest: if it has no complaint, every block was decoded
from the file's own coded data, and no coded byte was left over.

- Between segments, any bytes may go. A hole over a whole segment would look the same, so each table
  that a scan uses must be in the file (libjpeg has defaults), and the meaning of its colours.
- Behind coded data, only one byte repeated up to the next marker goes, all of it. A tail that was
  overwritten with zeros is refused: its data is missing, even where zeros can be decoded. Other
  remaining bytes cannot be told from coded data after a damaged place, and are kept.
"""

from dataclasses import dataclass, field

_START_OF_SCAN, _END = 0xDA, 0xD9
_HUFFMAN, _APP0, _APP1, _APP14 = 0xC4, 0xE0, 0xE1, 0xEE
_FIRST_MARKER = 0xC0  # below are TEM, which no file has and Pillow refuses, and non-markers
_SOI_AND_RESTARTS = range(0xD0, 0xD9)
_FRAMES = (0xC0, 0xC1, 0xC2)  # baseline, extended, progressive; Huffman coded
_PROGRESSIVE = 0xC2
_WHOLE_SPECTRUM = b"\0\x3f\0"
_ALL_KNOWN = b"JFIF\0", b"Exif\0\0", b"Adobe"


@dataclass
class _Found:
    """What the scan over the file has found so far."""

    kept: list[bytes] = field(default_factory=list)
    is_changed: bool = False
    has_stray_segment_bytes: bool = False
    frame: int = 0
    num_components: int = 0
    says_colours: bool = False
    tables: set[int] = field(default_factory=set)  # class and number of each Huffman table


def without_stray_bytes(encoded: bytes) -> bytes | None:
    """Return the file without stray bytes, for a strict decoder to check.

    Also corrects values that libjpeg complains about and no decoder uses: the revision of JFIF, and
    the spectral range of a scan that is not progressive.

    Returns:
        None where there is no such byte or no proof: the file is refused.
    """
    found = _Found(kept=[encoded[:2]])
    position = 2
    while True:
        marker_at = _next_marker(encoded, position)
        if marker_at is None:
            return None
        if marker_at > position:
            found.is_changed = found.has_stray_segment_bytes = True
        marker = encoded[marker_at + 1]
        if marker == _END:
            found.kept.append(encoded[marker_at : marker_at + 2])
            break
        end = marker_at + 2 + int.from_bytes(encoded[marker_at + 2 : marker_at + 4], "big")
        if marker < _FIRST_MARKER or marker in _SOI_AND_RESTARTS or end > len(encoded):
            return None
        segment = encoded[marker_at:end]
        if not _note_segment(segment, found):
            return None
        position = end
        if marker == _START_OF_SCAN:
            position = _keep_scan(encoded, end, found)
    if found.has_stray_segment_bytes and not (found.says_colours or found.num_components == 1):
        return None
    return b"".join(found.kept) if found.is_changed else None


def _next_marker(encoded: bytes, position: int) -> int | None:
    """Return where the next marker begins; fill bytes of 0xFF before it are skipped."""
    while True:
        position = encoded.find(b"\xff", position)
        if position < 0 or position + 1 >= len(encoded):
            return None
        if encoded[position + 1] not in (0x00, 0xFF):
            return position
        position += 1


def _note_segment(segment: bytes, found: _Found) -> bool:
    """Keep a segment; False where a scan uses a table that the file does not have."""
    marker, content = segment[1], segment[4:]
    if marker == _APP0 and content.startswith(b"JFIF\0") and content[5:6] != b"\1":
        segment = segment[:9] + b"\1" + segment[10:]
        found.is_changed = True
    if marker in (_APP0, _APP1, _APP14):
        found.says_colours |= content.startswith(_ALL_KNOWN)
    elif marker == _HUFFMAN:
        found.tables.update(_huffman_tables(content))
    elif marker in _FRAMES:
        found.frame, found.num_components = marker, content[5] if len(content) > 5 else 0
    elif marker == _START_OF_SCAN:
        if found.frame not in _FRAMES or not _has_tables(content, found):
            return False
        if found.frame != _PROGRESSIVE and not segment.endswith(_WHOLE_SPECTRUM):
            segment = segment[:-3] + _WHOLE_SPECTRUM
            found.is_changed = True
    found.kept.append(segment)
    return True


def _huffman_tables(content: bytes) -> list[int]:
    """Return class and number of each table that a DHT segment defines."""
    tables, place = [], 0
    while place + 17 <= len(content):
        tables.append(content[place])
        place += 17 + sum(content[place + 1 : place + 17])
    return tables


def _has_tables(scan: bytes, found: _Found) -> bool:
    """Return whether the file holds the Huffman tables that a scan's header names."""
    count = scan[0] if scan else 0
    if len(scan) != 2 * count + 4:
        return False
    first, last, refinement = scan[2 * count + 1], scan[2 * count + 2], scan[2 * count + 3] >> 4
    is_progressive = found.frame == _PROGRESSIVE
    for chosen in scan[2 : 2 * count + 1 : 2]:
        needs_dc = not is_progressive or (first == 0 and refinement == 0)
        needs_ac = not is_progressive or last > 0
        if (needs_dc and chosen >> 4 not in found.tables) or (
            needs_ac and 0x10 + (chosen & 15) not in found.tables
        ):
            return False
    return True


def _keep_scan(encoded: bytes, start: int, found: _Found) -> int:
    """Keep a scan's coded data without a run of one byte at its end; return where it ends."""
    end = start
    while True:
        marker_at = _next_marker(encoded, end)
        if marker_at is None:
            end = len(encoded)
            break
        if encoded[marker_at + 1] in _SOI_AND_RESTARTS and encoded[marker_at + 1] != 0xD8:
            end = marker_at + 2
            continue
        end = marker_at
        break
    data = encoded[start:end]
    kept = data.rstrip(data[-1:]) if data else data
    if kept.endswith(b"\xff") and data[len(kept) : len(kept) + 1] == b"\0":
        kept += b"\0"  # the zero that says that this 0xFF is data
    if len(kept) < len(data) - 1:  # a single byte is the last coded one
        found.is_changed = True
        found.kept.append(kept)
    else:
        found.kept.append(data)
    return end
