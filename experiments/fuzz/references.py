"""What Pillow and libjpeg say of a file."""

import io
import os
import tempfile
import warnings

import cv2
import numpy as np
import simplejpeg
from layout import without_stray_bytes
from PIL import Image

# What libjpeg says of a file all of whose pixels are there: of bytes that belong to nothing, and of
# header values that nothing is decoded with.
_HARMLESS = (
    "extraneous bytes before marker",
    "unknown JFIF revision",
    "Unknown Adobe color",
    "Invalid SOS parameters for sequential JPEG",
)


def pillow_refusal(data: bytes) -> str | None:
    """Return why Pillow does not decode a file's first image; None: it does."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(io.BytesIO(data)) as image:
                image.load()
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    return None


def libjpeg_warning(data: bytes) -> str | None:
    """Return what libjpeg-turbo warns of, but for stray bytes; None: nothing, or no JPEG.

    OpenCV's copy of it says the first warning on stderr. simplejpeg's ends at any; where it does,
    it is given the file without the bytes that `without_stray_bytes` takes out.
    """
    if not data.startswith(b"\xff\xd8\xff"):
        return None
    said = _said_to_opencv(data)
    if said and not any(words in said for words in _HARMLESS):
        return said
    if _strict_complaint(data) is None:
        return None
    return _strict_complaint(without_stray_bytes(data))


def _strict_complaint(data: bytes) -> str | None:
    try:
        colour = simplejpeg.decode_jpeg_header(data)[2]
        simplejpeg.decode_jpeg(data, "CMYK" if colour in ("CMYK", "YCCK") else "RGB")
    except KeyError:  # a sampling of the colours that it has no name for
        return None
    except ValueError as error:
        # Bytes before a marker are no longer harmless here: the stray ones were taken out.
        return None if any(words in str(error) for words in _HARMLESS[1:]) else str(error)
    return None


def _said_to_opencv(data: bytes) -> str:
    with tempfile.TemporaryFile() as file:
        kept = os.dup(2)
        os.dup2(file.fileno(), 2)
        try:
            cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE)
        except cv2.error:
            pass
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        file.seek(0)
        return file.read().decode(errors="replace").strip()
