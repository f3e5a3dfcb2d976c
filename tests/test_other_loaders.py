"""Other loaders behave as docs/coming-from.md says, and Spoonful does not.

Those of ImageDataGenerator are also in the experiment article_generator, whose test looks at each.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from spoonful import BatchGenerator, FolderSource

SIDE = 64
SIZE = (SIDE, SIDE)
NUM_FILES = 36


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """Three class folders of even grey pictures; their names are numbers, which are their greys."""
    for number in range(NUM_FILES):
        folder = tmp_path / "photos" / str(number % 3)
        folder.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", SIZE, (number,) * 3).save(folder / f"{number}.png")
    return tmp_path / "photos"


def image_dataset(root: Path, **settings: Any) -> Any:
    settings = {"image_size": SIZE, "shuffle": False, "verbose": False, **settings}
    return keras.utils.image_dataset_from_directory(root, **settings)


def by_image_dataset(root: Path) -> Any:
    return np.concatenate([x for x, _ in image_dataset(root)]) / 255


def by_tf_data(root: Path) -> Any:
    def load(path: Any) -> Any:
        image = tf.io.decode_image(tf.io.read_file(path), channels=3, expand_animations=False)
        return tf.image.resize(image, SIZE) / 255

    paths = sorted(str(path) for path in root.glob("*/*"))
    return np.stack(list(tf.data.Dataset.from_tensor_slices(paths).map(load).as_numpy_iterator()))


def by_image_folder(root: Path) -> Any:
    datasets = pytest.importorskip("torchvision.datasets", reason="needs torchvision")
    transforms = pytest.importorskip("torchvision.transforms")
    shrink = transforms.Compose([transforms.Resize(SIZE), transforms.ToTensor()])
    images = [np.asarray(image) for image, _ in datasets.ImageFolder(str(root), shrink)]
    return np.stack(images).transpose(0, 2, 3, 1)


def by_spoonful(root: Path) -> Any:
    source = FolderSource(root, SIZE)
    return BatchGenerator(source, 32, shuffle="none", dtype="float32").batch(0)[0]


Reader = Callable[[Path], Any]
OTHERS = [by_image_dataset, by_tf_data, by_image_folder]


def folder_of(root: Path, file: Image.Image, name: str, **how: Any) -> Path:
    (root / "cat").mkdir(exist_ok=True)
    file.save(root / "cat" / name, **how)
    return root


def noise(*shape: int) -> Image.Image:
    random = np.random.default_rng(0)
    return Image.fromarray(random.integers(0, 256, (*shape, 3), dtype=np.uint8))


@pytest.mark.parametrize(("read", "is_up"), [*((r, False) for r in OTHERS), (by_spoonful, True)])
def test_who_turns_a_photograph_upright(read: Reader, is_up: bool, tmp_path: Path) -> None:
    stored = np.zeros((SIDE, SIDE, 3), np.uint8)
    stored[:, : SIDE // 2] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # what is left in the file is up
    pixels = read(folder_of(tmp_path, Image.fromarray(stored), "1.jpg", exif=exif))
    assert (pixels[0, 1, -1].mean() > 0.5) == is_up


@pytest.mark.parametrize("read", OTHERS)
def test_the_others_do_not_name_a_file_that_is_cut_off(read: Reader, tmp_path: Path) -> None:
    folder_of(tmp_path, noise(*SIZE), "only.png")
    path = tmp_path / "cat" / "only.png"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(Exception, match=r"(?i)truncated|invalid") as theirs:
        read(tmp_path)
    assert "only.png" not in str(theirs.value)
    with pytest.raises(Exception, match=r"only\.png"):
        by_spoonful(tmp_path)


def test_only_spoonful_refuses_a_jpeg_that_lacks_its_half(tmp_path: Path) -> None:
    folder_of(tmp_path, noise(*SIZE), "1.jpg")
    path = tmp_path / "cat" / "1.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2] + b"\xff\xd9")
    assert len(by_image_dataset(tmp_path)) == 1
    with pytest.raises(Exception, match=r"1\.jpg"):
        by_spoonful(tmp_path)


@pytest.mark.parametrize(
    ("read", "low", "high"),  # one pixel of 25 varies five times as much as their mean
    [(by_image_dataset, 4, 7), (by_tf_data, 4, 7), (by_image_folder, 0.7, 1.3)],
)
def test_who_averages_what_it_shrinks(
    read: Reader, low: float, high: float, tmp_path: Path
) -> None:
    folder_of(tmp_path, noise(5 * SIDE, 5 * SIDE), "1.png")
    assert low < read(tmp_path).std() / by_spoonful(tmp_path).std() < high


def test_a_hidden_folder_is_a_class_or_an_error_of_image_folder(tmp_path: Path) -> None:
    datasets = pytest.importorskip("torchvision.datasets", reason="needs torchvision")
    folder_of(tmp_path, noise(*SIZE), "1.png")
    (tmp_path / ".ipynb_checkpoints").mkdir()
    with pytest.raises(FileNotFoundError):
        datasets.ImageFolder(str(tmp_path))
    noise(*SIZE).save(tmp_path / ".ipynb_checkpoints" / "1.png")
    assert datasets.ImageFolder(str(tmp_path)).classes == [".ipynb_checkpoints", "cat"]
    assert FolderSource(tmp_path, SIZE).class_names == ("cat",)


def epochs_of(dataset: Any, count: int) -> list[list[int]]:
    """The pictures of each epoch, in order, by their greys."""
    found = []
    for _ in range(count):
        pixels = np.concatenate([x for x, _ in dataset])
        found.append(pixels[:, 0, 0, 0].astype(int).tolist())
    return found


def test_image_dataset_shuffles_in_a_buffer_and_begins_again(photos: Path) -> None:
    def made() -> Any:
        return image_dataset(photos, shuffle=True, seed=1, batch_size=1)

    listed = [int(Path(path).stem) for path in made().file_paths]
    first, second, third = epochs_of(made(), 3)
    assert listed != sorted(listed)
    assert first != second != third
    for epoch in (first, second, third):  # at place p, one of the first p + 8 of the list
        assert all(listed.index(number) < place + 8 for place, number in enumerate(epoch))
    assert epochs_of(made(), 1) == [first]
    ours = BatchGenerator(FolderSource(photos, SIZE), 1, seed=1)
    places = [int(ours.indices(step)[0]) for step in range(0, 20 * len(ours), len(ours))]
    assert max(places) >= 8


def test_tf_data_begins_again_with_the_first_epoch_s_order() -> None:
    def made() -> Any:
        return tf.data.Dataset.range(20).shuffle(5, seed=1)

    first, second = (list(made().as_numpy_iterator()) for _ in range(2))
    dataset = made()
    assert first == second == list(dataset.as_numpy_iterator())
    assert first != list(dataset.as_numpy_iterator())
    assert all(number < place + 5 for place, number in enumerate(first))


def test_one_more_file_moves_others_to_the_other_side_of_image_dataset(photos: Path) -> None:
    def validated() -> set[str]:
        halves = image_dataset(photos, shuffle=True, seed=1, validation_split=0.2, subset="both")
        return {Path(path).name for path in halves[1].file_paths}

    before = validated()
    noise(*SIZE).save(photos / "0" / "-1.png")
    assert before - validated()


def test_image_data_generator_validates_on_the_first_names_of_a_class(photos: Path) -> None:
    generator = tf.keras.preprocessing.image.ImageDataGenerator(validation_split=0.25)
    flow = {"target_size": SIZE, "shuffle": False}
    val = generator.flow_from_directory(str(photos), subset="validation", **flow)
    names = sorted(path.name for path in (photos / "2").iterdir())
    found = [name.removeprefix("2/") for name in val.filenames if name.startswith("2/")]
    assert found == names[: len(names) // 4]
    assert val.workers == 1
