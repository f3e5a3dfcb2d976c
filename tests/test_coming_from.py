"""The lines of docs/coming-from.md run, and both sides of each section serve the same images."""

import re
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
from PIL import Image

from spoonful import BatchGenerator, FolderSource
from spoonful.config.compose import compose_config
from tests.pages import COMING_FROM, blocks, python_blocks, sections

SIDE = 64
CLASSES = ("Zebra", "ant", "9")  # in no order that sorting gives
NUM_TRAIN, NUM_VAL = 36, 6
EPOCHS = 2
SECTIONS = sections(COMING_FROM)
TORCH = "PyTorch's `ImageFolder`"
TOOLS = ("`ImageDataGenerator`", "`image_dataset_from_directory`", "tf.data", TORCH)
RESIZED = 4 / 255  # how far the pixels of smooth pictures are from each other where both resize
Served = tuple[Any, Any]


def picture(number: int, height: int, width: int) -> Any:
    """A smooth picture that its mean tells from the others, and its sides from each other."""
    grey = 20 + 6 * number + np.linspace(-8, 8, width)[np.newaxis, :, np.newaxis]
    return np.broadcast_to(grey, (height, width, 3)).round().astype(np.uint8)


def class_of(number: int) -> str:
    return CLASSES[number % len(CLASSES)]


def is_resized(number: int) -> bool:
    return number % 2 == 1


def save(number: int, folder: Path) -> Path:
    """Keep a picture: every other one as PNG in its final size, those between as larger JPEG."""
    folder = folder / class_of(number)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{number}.{'jpg' if is_resized(number) else 'png'}"
    shape = (80, 96) if is_resized(number) else (SIDE, SIDE)
    Image.fromarray(picture(number, *shape)).save(path, quality=95)
    return path


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folders and the table that the page's lines read, in the current folder."""
    lines = ["path,label"]
    for number in range(NUM_TRAIN):
        path = save(number, tmp_path / "photos" / "train")
        lines.append(f"{path.relative_to(tmp_path)},{class_of(number)}")
    for number in range(NUM_VAL):
        save(number, tmp_path / "photos" / "val")
    (tmp_path / "photos.csv").write_text("\n".join(lines), encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos" / "train"


def run(block: str) -> dict[str, Any]:
    """Run lines of the page as it says: with a `network` that takes floats from 0 to 1."""
    network = keras.Sequential([keras.Input((SIDE, SIDE, 3)), keras.layers.Flatten()])
    network.add(keras.layers.Dense(len(CLASSES), "softmax"))
    names: dict[str, Any] = {"network": network}
    exec(block, names)
    return names


def served(train: Any) -> Served:
    """Read an epoch: pixels [n, h, w, 3], 0..1, and class numbers [n], both sorted by picture."""
    is_indexed = isinstance(train, keras.utils.PyDataset)
    batches = [train[i] for i in range(len(train))] if is_indexed else list(train)
    pixels = np.concatenate([np.asarray(x, np.float64) for x, _ in batches])
    labels = np.concatenate([np.asarray(y) for _, y in batches])
    if pixels.shape[1] == 3:
        pixels = pixels.transpose(0, 2, 3, 1)
    if pixels.max() > 1:
        pixels /= 255
    numbers = labels.argmax(axis=1) if labels.ndim == 2 else labels
    order = pixels.mean(axis=(1, 2, 3)).argsort()
    return pixels[order], numbers[order]


def needs_torch(tool: str) -> None:
    if tool == TORCH:
        pytest.importorskip("torchvision", reason="PyTorch's lines need torchvision")


@pytest.mark.parametrize("tool", TOOLS)
def test_what_spoonful_serves_is_what_is_there(tool: str, photos: Path) -> None:
    names = run(blocks(SECTIONS[tool])[1])
    pixels, numbers = served(names["train"])
    assert numbers.tolist() == [sorted(CLASSES).index(class_of(i)) for i in range(NUM_TRAIN)]
    for number, found in enumerate(pixels):
        expected = picture(number, SIDE, SIDE) / 255
        limit = RESIZED if is_resized(number) else 1e-7
        np.testing.assert_allclose(found, expected, atol=limit)
    if "model" in names:  # it was trained on all of both epochs
        assert int(names["model"].optimizer.iterations) == EPOCHS * len(names["train"])
    else:
        assert names["step"] == EPOCHS * len(names["train"]) - 1
        assert names["images"].dtype == np.uint8
        assert names["labels"].dtype == np.int64
    assert not Path("checkpoints").exists()


@pytest.mark.parametrize("tool", TOOLS)
def test_both_blocks_of_a_section_serve_the_same(tool: str, photos: Path) -> None:
    needs_torch(tool)
    theirs, ours = (run(block)["train"] for block in blocks(SECTIONS[tool]))
    (pixels, numbers), (our_pixels, our_numbers) = served(theirs), served(ours)
    assert numbers.tolist() == our_numbers.tolist()
    assert len(numbers) == NUM_TRAIN
    for number, (one, other) in enumerate(zip(pixels, our_pixels, strict=True)):
        mirrored = abs(one[:, ::-1] - other).max() if "flip" in SECTIONS[tool] else np.inf
        difference = min(abs(one - other).max(), mirrored)
        assert difference <= (RESIZED if is_resized(number) else 1e-7)


def test_each_section_has_their_lines_and_ours() -> None:
    assert [tool for tool in SECTIONS if blocks(SECTIONS[tool])] == list(TOOLS)
    assert len(python_blocks(COMING_FROM)) == 2 * len(TOOLS)
    assert "spoonful" not in "".join(blocks(SECTIONS[tool])[0] for tool in TOOLS)


def test_torch_s_loop_gets_the_page_s_conversion_of_our_batches(photos: Path) -> None:
    torch = pytest.importorskip("torch", reason="needs PyTorch")
    images, _ = BatchGenerator(FolderSource(photos, (SIDE, SIDE)), 4).batch(0)
    expression = "torch.from_numpy(images).permute(0, 3, 1, 2) / 255"
    assert expression in SECTIONS[TORCH]
    converted = eval(expression, {"torch": torch, "images": images})
    assert converted.dtype == torch.float32
    assert tuple(converted.shape) == (4, 3, SIDE, SIDE)
    assert float(converted.max()) <= 1


def test_the_config_keys_of_the_page_exist() -> None:
    section = SECTIONS["The same as config keys"]
    table = re.findall(r"^\| .* \| `([^`|]+)` \|$", section, re.MULTILINE)
    plain = compose_config(["dataset=folder"])
    assert len(table) == 13
    for overrides in table:
        config = compose_config(["dataset=folder", *overrides.split()])
        assert config != plain or overrides == "source=packed"  # the default
    for command in blocks(section, "sh")[0].splitlines():
        program, stage, *overrides = command.split()
        assert (program, stage in ("fetch", "split", "pack", "train")) == ("spoonful", True)
        compose_config(overrides)
