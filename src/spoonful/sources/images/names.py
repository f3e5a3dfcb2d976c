"""Which files are images by name: those that can be read, and those that are only known."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePath

# Names of JPEG, TIFF and Pillow's other formats; see `decode.py`.
IMAGE_SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".apng", ".gif", ".bmp", ".dib", ".webp"),
    *(".avif", ".tif", ".tiff", ".jp2", ".j2k", ".jpc", ".j2c", ".jpf", ".jpx"),
    *(".ppm", ".pgm", ".pbm", ".pnm"),
)
READABLE = "jpg, png, gif, bmp, webp, avif, tiff, jp2 or pnm"

_HEIC = "HEIC, convert with `heif-convert` or Pillow and pillow-heif"
_JXL = "JPEG XL, convert with `djxl`"
_RAW = "camera RAW, develop them to JPEG or TIFF"
_VECTOR = "drawings, render them to PNG"
_EDITED = "layered pictures, export them to PNG"
_CONVERT = "convert them to PNG"
_VIDEO = "videos, extract their frames"
# Other files that people keep among their images.
_OTHER = {
    **dict.fromkeys((".heic", ".heif", ".hif"), _HEIC),
    ".jxl": _JXL,
    **dict.fromkeys((".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".raf"), _RAW),
    **dict.fromkeys((".pef", ".srw", ".raw"), _RAW),
    **dict.fromkeys((".svg", ".svgz", ".eps", ".ai", ".wmf", ".emf", ".pdf"), _VECTOR),
    **dict.fromkeys((".psd", ".xcf", ".kra"), _EDITED),
    **dict.fromkeys((".tga", ".ico", ".icns", ".pcx", ".dds", ".sgi", ".ras"), _CONVERT),
    **dict.fromkeys((".exr", ".hdr", ".pfm", ".jxr", ".wdp", ".fits", ".dcm", ".mpo"), _CONVERT),
    **dict.fromkeys((".mp4", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".m4v"), _VIDEO),
}
# Folders that systems and programs put among the user's own, in small letters.
_JUNK_FOLDERS = (
    *("__macosx", "@eadir", "@recycle", "#recycle", "$recycle.bin", "recycler", "lost+found"),
    *("system volume information", "__pycache__", "thumbnails", "_thumbnails"),
)


def is_junk_folder(name: str) -> bool:
    """Return whether a folder is not one of the user's images: hidden, trash, thumbnails, ..."""
    return name.startswith(".") or name.lower() in _JUNK_FOLDERS


def is_image_name(name: str) -> bool:
    """Return whether a name is that of a readable image, by its suffix; hidden files are not."""
    return name.lower().endswith(IMAGE_SUFFIXES) and not name.startswith(".")


def is_known_image_name(name: str) -> bool:
    """Return whether a path's name is that of an image or video of an unsupported kind."""
    path = PurePath(name)
    return path.suffix.lower() in _OTHER and not path.name.startswith(".")


def passed_over(paths: Iterable[str]) -> str:
    """Describe files that are not read; only the names of the paths are used."""
    return described(endings_of(paths))


def endings_of(paths: Iterable[str]) -> dict[str, int]:
    """Count files by the ending of their names, such as ".heic"; "hidden" if they are."""
    return dict(
        Counter(
            "hidden" if path.name.startswith(".") else path.suffix.lower() or "without a suffix"
            for path in map(PurePath, paths)
        )
    )


def described(endings: Mapping[str, int]) -> str:
    """Describe counted files that are not read, most frequent first: "12 .heic (HEIC, ...)"."""
    parts = []
    for ending, count in sorted(endings.items(), key=lambda item: (-item[1], item[0])):
        known = f" ({_OTHER[ending]})" if ending in _OTHER else ""
        parts.append(f"{count:,} {ending}{known}")
    return ", ".join(parts)
