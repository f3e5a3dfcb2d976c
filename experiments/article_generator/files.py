"""Give Keras' generator and ours class folders that are not all well, and tell what each does.

Ends with a line of JSON. Run by run.py, in a process of its own.
"""

import io
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from cases import KERAS, OURS_FILES
from keras_folder import keras_generator
from PIL import Image

from spoonful import BatchGenerator, FolderSource
from spoonful.sources.images.background import WHITE

SIDE = 64
SIZE = (SIDE, SIDE)
SHRUNK = (SIDE // 4, SIDE // 4)
_NUM_DRAWS = 10
_ORIENTATION = 0x0112  # the EXIF tag
Pixels = Callable[..., Any]


def main() -> None:
    """Look at each, and print what was found."""
    print(json.dumps({"found": found()}))


def found() -> list[dict[str, str]]:
    """Return what happens with each folder, a row a case: in words, for both generators."""
    rows = []
    for what, look in LOOKS.items():
        row = {"what": what}
        for name, pixels in ((KERAS, keras_pixels), (OURS_FILES, our_pixels)):
            with tempfile.TemporaryDirectory() as folder:
                row[name] = look(class_folders(Path(folder)), pixels)
        rows.append(row)
    return rows


def class_folders(root: Path) -> Path:
    """Make the folders of two classes with an image each, and return that of the first class."""
    for name in ("cat", "dog"):
        (root / name).mkdir()
        Image.fromarray(noise()).save(root / name / "1.png")
    return root / "cat"


def noise() -> Any:
    """Return a picture without any order, uint8 [h, w, 3]."""
    return np.random.default_rng(0).integers(0, 256, (*SIZE, 3), dtype=np.uint8)


def keras_pixels(root: Path, size: tuple[int, int] = SIZE, num_channels: int = 3) -> Any:
    """Return the only batch, in the order of the names: pixels 0..1 and one-hot labels."""
    color_mode = "rgb" if num_channels == 3 else "grayscale"
    return keras_generator(root, 32, size, color_mode, shuffle=False)[0]


def our_pixels(root: Path, size: tuple[int, int] = SIZE, num_channels: int = 3) -> Any:
    """Return the only batch as keras_pixels does."""
    source = FolderSource(root, size, num_channels)
    return BatchGenerator(source, 32, shuffle="none", dtype="float32")[0]


def _outcome(folder: Path, pixels: Pixels, name: str) -> str:
    try:
        pixels(folder.parent)
    except Exception as error:
        return f"an error that {'names' if name in str(error) else 'does not name'} the file"
    return "served, no error"


def cut_png(folder: Path, pixels: Pixels) -> str:
    """Cut a file in the middle, as a copy does that was interrupted."""
    whole = (folder / "1.png").read_bytes()
    (folder / "2.png").write_bytes(whole[: len(whole) // 2])
    return _outcome(folder, pixels, "2.png")


def no_image(folder: Path, pixels: Pixels) -> str:
    """Keep a page that says "not found" under an image's name."""
    (folder / "2.png").write_text("<html>not found</html>", encoding="utf-8")
    return _outcome(folder, pixels, "2.png")


def holed_jpeg(folder: Path, pixels: Pixels) -> str:
    """Cut a JPEG file and close it with its end marker, as programs do that mend files."""
    (folder / "2.jpg").write_bytes(holed(jpeg(noise())))
    return _outcome(folder, pixels, "2.jpg")


def jpeg(picture: Any) -> bytes:
    """Return a picture as a JPEG file."""
    file = io.BytesIO()
    Image.fromarray(picture).save(file, "jpeg")
    return file.getvalue()


def holed(file: bytes) -> bytes:
    """Return a JPEG file whose second half is missing, with the end marker."""
    return file[: len(file) // 2] + b"\xff\xd9"


def turned_photograph(folder: Path, pixels: Pixels) -> str:
    """Take a photograph upright whose camera stores it on its side and says so in EXIF."""
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[:, : SIDE // 2] = 255  # as stored: the left half is white
    exif = Image.Exif()
    exif[_ORIENTATION] = 6  # to be shown turned to the right: what was left is up
    Image.fromarray(picture).save(folder / "2.jpg", exif=exif)
    shown, _ = pixels(folder.parent)
    return "upright" if shown[1, 0, -1].mean() > 0.5 else "on its side"


def webp(folder: Path, pixels: Pixels) -> str:
    """Add a WebP file."""
    Image.fromarray(noise()).save(folder / "2.webp")
    images, _ = pixels(folder.parent)
    return "read" if len(images) == 3 else "left out, not mentioned"


def hidden_folder(folder: Path, pixels: Pixels) -> str:
    """Let a program put a hidden folder beside those of the classes."""
    (folder.parent / ".ipynb_checkpoints").mkdir()
    _, labels = pixels(folder.parent)
    num_classes, first = labels.shape[1], int(labels[0].argmax())
    return f"{num_classes} classes; cat is number {first}"


def sixteen_bits(folder: Path, pixels: Pixels) -> str:
    """Save a grey picture with 16 bits a pixel, white at its brightest."""
    grey = np.linspace(0, 2**16 - 1, SIDE * SIDE).astype(np.uint16).reshape(SIZE)
    Image.fromarray(grey).save(folder / "2.png")
    images, _ = pixels(folder.parent, num_channels=1)
    return f"{images[1].max():.3g}"


def transparent(folder: Path, pixels: Pixels) -> str:
    """Make a picture of which all is transparent, red below that."""
    picture = np.zeros((*SIZE, 4), np.uint8)
    picture[..., 0] = 255
    Image.fromarray(picture).save(folder / "2.png")
    images, _ = pixels(folder.parent)
    color = tuple((255 * images[1, 0, 0]).round().astype(int).tolist())
    return {WHITE: "white", (255, 0, 0): "red"}.get(color, str(color))


def stripes(folder: Path, pixels: Pixels) -> str:
    """Shrink white and black stripes of a pixel each to a quarter: grey, from afar."""
    picture = np.zeros((*SIZE, 3), np.uint8)
    picture[:, ::2] = 255
    Image.fromarray(picture).save(folder / "2.png")
    images, _ = pixels(folder.parent, SHRUNK)
    darkest, brightest = images[1].min(), images[1].max()
    if darkest == brightest:
        return f"an even {darkest:.2g}"
    return f"{darkest:.2g} to {brightest:.2g}"


def drawn_elsewhere(folder: Path, pixels: Pixels) -> str:
    """Count the draws of a program, seeded differently twice, that are equal: one a batch."""
    draws = []
    for seed in (1, 2):
        np.random.seed(seed)
        if pixels is keras_pixels:
            generator: Any = keras_generator(folder.parent, 1, SIZE, "rgb", seed=0)
        else:
            generator = BatchGenerator(FolderSource(folder.parent, SIZE), 1, seed=0)
        drawn = []
        for step in range(_NUM_DRAWS):
            generator[step % len(generator)]
            drawn.append(np.random.random())
        draws.append(drawn)
    num_equal = sum(one == other for one, other in zip(*draws, strict=True))
    return f"{num_equal} of {_NUM_DRAWS}"


LOOKS: dict[str, Callable[[Path, Pixels], str]] = {
    "a PNG file that is cut in the middle": cut_png,
    "a web page named .png": no_image,
    "half a JPEG file with an end marker": holed_jpeg,
    "a photograph that its camera stored on its side (EXIF)": turned_photograph,
    "a WebP file": webp,
    "a hidden folder beside those of `cat` and `dog`": hidden_folder,
    "the brightest pixel of a grey PNG file of 16 bits, of 1 at most": sixteen_bits,
    "a transparent picture, red below": transparent,
    "pixels of stripes of 0 and 1, a pixel wide, shrunk to a quarter": stripes,
    "numbers that NumPy draws for another part of a program, equal in two runs that seed it "
    "differently (the generator's own seed is 0)": drawn_elsewhere,
}


if __name__ == "__main__":
    main()
