"""How large a picture may be, and how it is refused."""

from spoonful.errors import SpoonfulError

# Pillow's limit. The most memory that a picture of this size takes is below 1 GiB, measured for
# each format (tests/sources/test_memory.py).
MAX_PIXELS = 89_478_485
_COPY_AGAIN = "copy or download it again, or remove it"
# Messages of Pillow that say nothing of the file, and when it gives them.
_MEANT = {
    "not identified by this driver": "its header gives no size, or colours that are not known",
    "could not create decoder object": "its data end early, or its header is altered",
}
# A file may have this many bytes per pixel of the limit: 8 bits RGBA, not compressed.
_MAX_FILE_BYTES_A_PIXEL = 4


class RefusedError(Exception):
    """An image file that is not read.

    Args:
        reason: what was found, as the end of a sentence that begins with the file's name.
        remedy: what to do about it.
    """

    def __init__(self, reason: str, remedy: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.remedy = remedy


def damaged(kind: str, fault: str | Exception) -> RefusedError:
    """Return the error for a damaged image; an exception's first line is shown."""
    return RefusedError(f"a damaged {kind} image: {_words_of(fault)}", _COPY_AGAIN)


def _words_of(fault: str | Exception) -> str:
    """Return what a decoder says, or what is meant where it says only a number or its own state."""
    words = next(iter(str(fault).strip().splitlines()), "")
    if words in _MEANT:
        return _MEANT[words]
    if any(letter.isalpha() for letter in words):
        return words
    # Mostly of a KeyError or an IndexError, about a part that should be there.
    return f"a part of it is missing or altered ({' '.join([type(fault).__name__, words]).strip()})"


def check_pixels(height: int, width: int, max_pixels: int, what: str, weight: float = 1) -> None:
    """Check a picture's size before any memory is allocated for it.

    Args:
        height: rows.
        width: columns.
        max_pixels: the limit.
        what: the format, for the message.
        weight: memory per pixel of this format, relative to a common picture.

    Raises:
        RefusedError: it has more pixels, or none.
    """
    if min(height, width) < 1:
        raise RefusedError(f"{what} of {width}x{height} pixels: no picture", "remove it")
    limit = int(max_pixels / weight)
    if height * width > limit:
        share = "" if weight == 1 else f" for {what}, whose decoder takes more memory"
        raise RefusedError(
            f"{what} of {width}x{height} = {height * width:,} pixels, more than the "
            f"{limit:,} that dataset.max_pixels={max_pixels} allows{share}",
            "shrink or remove it, or raise dataset.max_pixels",
        )


def checked_max_pixels(max_pixels: int) -> int:
    """Return a limit for pixels.

    Raises:
        SpoonfulError: it is not a whole number >= 1.
    """
    if isinstance(max_pixels, bool) or not isinstance(max_pixels, int) or max_pixels < 1:
        raise SpoonfulError(f"max_pixels={max_pixels!r}: expected a whole number from 1 on")
    return max_pixels


def max_file_bytes(max_pixels: int) -> int:
    """Return the largest size of a file in bytes."""
    return (1 << 20) + _MAX_FILE_BYTES_A_PIXEL * max_pixels
