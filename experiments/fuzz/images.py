"""Damaged images, read as training reads them, and what Pillow and libjpeg say of them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from damage import Target, damaged
from damaged_file import DEVICE, PIPE, put
from layout import layout_of, with_checksums
from numpy.typing import NDArray
from outcome import LIBJPEG, PILLOW, SAME, TWO_WAYS, UNNOTICED, WRONG, Case
from pictures import SUFFIXES, Picture, pictures
from references import libjpeg_warning, pillow_refusal

from spoonful.errors import SpoonfulError
from spoonful.sources.folder import FolderSource
from spoonful.sources.images.decode import decode_image

_SIZES = ((32, 32), (48, 64), (224, 224))
_POLICIES = ("stretch", "fit", "crop")
# Of 255. The same pixels decoded at another reduction differ by less.
_TOLERANCE = 2
_NO_FILE_SHARE = 0.005
_ENDS = {"jpeg": b"\xff\xd9", "png": bytes.fromhex("0000000049454e44ae426082"), "gif": b"\0;"}
_USUAL_END = 16  # bytes: the other formats have no end of their own


@dataclass(frozen=True)
class Way:
    """How an image is asked for."""

    size: tuple[int, int]
    channels: int
    resize: str


@dataclass(frozen=True)
class Made:
    """A damaged image, or the name of what is no file, and how it is asked for."""

    picture: Picture
    data: bytes | str
    way: Way
    suffix: str
    reads_twice: bool


class Images:
    """Damaged images by number.

    Args:
        seed: of the damage.
        folder: where they are written to be read.
    """

    def __init__(self, seed: int, folder: Path) -> None:
        self._seed = seed
        self._root = folder / "images"
        (self._root / "class").mkdir(parents=True, exist_ok=True)
        self._pictures = {
            name: [one for one in pictures() if one.format == name] for name in SUFFIXES
        }
        self._undamaged: dict[tuple[str, str, Way], NDArray[np.uint8]] = {}

    def make(self, number: int) -> tuple[Case, Made]:
        """Return an image by its number; each format comes as often."""
        random = np.random.default_rng((self._seed, 0, number))
        format_name = list(SUFFIXES)[number % len(SUFFIXES)]
        own = self._pictures[format_name]
        picture = own[random.integers(len(own))]
        every = [one for each in self._pictures.values() for one in each]
        other = (own if random.random() < 0.7 else every)[random.integers(len(own))]
        end = _ENDS.get(format_name, picture.data[-_USUAL_END:])
        target = Target(picture.data, layout_of(format_name, picture.data), end, other.data)
        data, damage = damaged(target, random)
        if format_name == "png" and random.random() < 0.5:
            data, damage = with_checksums(data), f"{damage}, checksums renewed"
        content: bytes | str = data
        if random.random() < _NO_FILE_SHARE:
            content = damage = (PIPE, DEVICE)[random.integers(2)]
        sizes = (*_SIZES, picture.size)
        way = Way(
            sizes[random.integers(len(sizes))],
            (1, 3)[random.integers(2)],
            _POLICIES[random.integers(len(_POLICIES))],
        )
        suffix = SUFFIXES[format_name]
        if random.random() < 0.05:
            suffix = tuple(SUFFIXES.values())[random.integers(len(SUFFIXES))]
        made = Made(picture, content, way, suffix, bool(random.random() < 0.25))
        return Case(format_name, picture.variant, damage), made

    def read(self, made: Made) -> Any:
        """Read it as training does; sometimes also by the function for one file."""
        path = self._written(made.data, made.suffix)
        first = self._served(made.way)
        if not made.reads_twice:
            return first, None
        second = np.empty((*made.way.size, made.way.channels), np.uint8)
        try:
            decode_image(path, second, made.way.resize)
        except SpoonfulError as error:
            return first, str(error)
        return first, second

    def names(self, made: Made) -> tuple[str, ...]:
        """Return what a refusal must name: the file."""
        return (f"class/damaged{made.suffix}",)

    def judge(self, made: Made, served: Any) -> tuple[str, str]:
        """Compare what was served with the undamaged image, and ask Pillow and libjpeg."""
        first, second = served
        if isinstance(made.data, str):
            return WRONG, "pixels of what is no file"
        if second is not None and not np.array_equal(first, second):
            return TWO_WAYS, second if isinstance(second, str) else "other pixels"
        if (warning := libjpeg_warning(made.data)) is not None:
            return LIBJPEG, warning
        if (refusal := pillow_refusal(made.data)) is not None:
            return PILLOW, refusal
        undamaged = self._of_undamaged(made)
        difference = np.abs(first.astype(np.int16) - undamaged)
        if difference.max() <= _TOLERANCE:
            return SAME, ""
        return UNNOTICED, f"{(difference > _TOLERANCE).mean():.0%} of its values differ"

    def _of_undamaged(self, made: Made) -> NDArray[np.uint8]:
        key = (made.picture.format, made.picture.variant, made.way)
        if key not in self._undamaged:
            self._written(made.picture.data, SUFFIXES[made.picture.format])
            self._undamaged[key] = self._served(made.way)
        return self._undamaged[key]

    def _written(self, data: bytes | str, suffix: str) -> Path:
        for other in (self._root / "class").iterdir():
            other.unlink()
        path = self._root / "class" / f"damaged{suffix}"
        put(path, data)
        return path

    def _served(self, way: Way) -> NDArray[np.uint8]:
        return FolderSource(self._root, way.size, way.channels, way.resize).read([0])[0]
