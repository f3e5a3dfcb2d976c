"""Random crops are part of the pure function: whatever reads, and however often."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from spoonful import (
    ArraySource,
    BatchGenerator,
    FolderSource,
    ManifestSource,
    PackedSource,
    RandomCrop,
    Source,
    SpoonfulError,
    pack,
)
from spoonful.generator.chunks import Batch
from spoonful.sources.images.cut import Crop, Cut
from spoonful.sources.images.placing import cut
from spoonful.sources.images.resize import Box

NUM, SIDE, BATCH = 23, 12, 5
CROP = RandomCrop(scale=(0.1, 0.9))


def pictures(side: int = SIDE) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (NUM, side, side, 3), dtype=np.uint8)


def arrays() -> ArraySource:
    return ArraySource(pictures(), np.arange(NUM) % 2, ("0", "1"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The pictures as files of several formats, in the order of their numbers."""
    with (tmp_path / "table.csv").open("w") as table:
        table.write("path,label\n")
        for number, picture in enumerate(pictures()):
            kind = "png" if number % 3 else "bmp"
            path = tmp_path / "images" / str(number % 2) / f"{number:02}.{kind}"
            path.parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(path), picture[..., ::-1])
            table.write(f"{path.relative_to(tmp_path)},{number % 2}\n")
    return tmp_path


class Own(Source):
    """A source of the user's own, read by one thread at a time."""

    class_names = ("0", "1")
    image_shape = (SIDE, SIDE, 3)
    labels = np.arange(NUM) % 2

    def __len__(self) -> int:
        return NUM

    def read(self, indices: Sequence[int] | NDArray[Any]) -> NDArray[np.uint8]:
        return pictures().take(indices, axis=0)


class LargerOwn(Own):
    """A source that has more pixels than it serves."""

    max_useful_threads = 2

    def read_crops_into(
        self,
        indices: Sequence[int] | NDArray[Any],
        crops: Sequence[Crop],
        images: NDArray[np.uint8],
    ) -> None:
        larger = pictures(4 * SIDE)
        for index, crop, image in zip(indices, crops, images, strict=True):
            cut(larger[index], crop, image)


def sources(folder: Path) -> dict[str, Source]:
    pack(arrays(), folder / "raw", encoding="raw")
    return {
        "manifest": ManifestSource(folder / "table.csv", (SIDE, SIDE)),
        "packed": PackedSource(folder / "raw"),
        "packed, not loaded": PackedSource(folder / "raw", loaded_mb=0),
        "own": Own(),
    }


def batches(source: Source, steps: Sequence[int] = range(12), **settings: Any) -> list[Batch]:
    settings = {"batch_size": BATCH, "seed": 3, "crop": CROP, **settings}
    generator = BatchGenerator(source, **settings)
    return [generator.batch(step) for step in steps]


def same(one: Sequence[Batch], other: Sequence[Batch]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(np.array_equal(a, b) for pair in pairs for a, b in zip(*pair, strict=True))


def test_every_source_serves_the_same_parts(folder: Path) -> None:
    expected = batches(arrays())
    for name, source in sources(folder).items():
        assert same(batches(source), expected), name
    # A folder sorts by class: other examples at the same positions, from the same places.
    by_class = np.argsort(np.arange(NUM) % 2, kind="stable")
    sorted_arrays = ArraySource(pictures()[by_class], np.arange(NUM)[by_class] % 2, ("0", "1"))
    assert same(batches(FolderSource(folder / "images", (SIDE, SIDE))), batches(sorted_arrays))
    pack(arrays(), folder / "jpeg", encoding="jpeg")
    jpeg = PackedSource(folder / "jpeg")
    stored = ArraySource(jpeg.read(range(NUM)), jpeg.labels.astype(np.int64), ("0", "1"))
    assert same(batches(jpeg), batches(stored))


def test_a_batch_shows_what_was_drawn_for_its_positions() -> None:
    generator = BatchGenerator(arrays(), BATCH, seed=3, crop=CROP, dtype="float32")
    for step in (0, 4, 7):  # 4: the last, smaller one of epoch 0
        epoch, number = divmod(step, len(generator))
        indices = generator.indices(step)
        start = number * BATCH
        crops = CROP.draw(3, epoch, np.arange(start, start + len(indices)))
        expected = np.empty((len(indices), SIDE, SIDE, 3), np.uint8)
        for index, crop, image in zip(indices, crops, expected, strict=True):
            cut(pictures()[index], crop, image)
        x, _ = generator.batch(step)
        assert np.allclose(x, expected / 255)
        assert not np.allclose(x, pictures()[indices] / 255)


def test_no_way_of_reading_changes_a_part(folder: Path) -> None:
    expected = batches(arrays())
    sources_of_it = sources(folder).values()
    for source in (*sources_of_it, arrays()):
        for num_threads in (0, 1, 3):
            generator = BatchGenerator(
                source, BATCH, seed=3, crop=CROP, num_threads=num_threads, prefetch_batches=4
            )
            stream = generator.stream(start_step=4)  # resumed inside an epoch
            assert same([stream[number] for number in range(8)], expected[4:])
            stream.close()
            assert same([generator[number] for number in range(5)], expected[:5])
            generator.on_epoch_end()


def test_processes_serve_slices_of_the_same_batches() -> None:
    expected = batches(arrays())
    parts = [batches(arrays(), process_index=index, process_count=3) for index in range(3)]
    joined = [
        tuple(np.concatenate(values) for values in zip(*shares, strict=True))
        for shares in zip(*parts, strict=True)
    ]
    assert all(same([a], [b]) for a, b in zip(joined, expected, strict=True))  # type: ignore[list-item]


def test_epochs_seeds_and_settings_draw_other_parts() -> None:
    one = batches(arrays(), [0], shuffle="none")
    for other in (
        batches(arrays(), [5], shuffle="none"),
        batches(arrays(), [0], shuffle="none", seed=4),
        batches(arrays(), [0], shuffle="none", crop=RandomCrop()),
        batches(arrays(), [0], shuffle="none", crop=None),
    ):
        assert not np.array_equal(one[0][0], other[0][0])
        assert np.array_equal(one[0][1], other[0][1])


def test_a_source_with_more_pixels_shows_them() -> None:
    generator = BatchGenerator(LargerOwn(), BATCH, shuffle="none", crop=CROP)
    expected = np.empty((BATCH, SIDE, SIDE, 3), np.uint8)
    for picture, crop, image in zip(
        pictures(4 * SIDE), CROP.draw(0, 0, np.arange(BATCH)), expected, strict=False
    ):
        cut(picture, crop, image)
    assert np.array_equal(generator.batch(0)[0], expected)


def test_the_digest_and_the_state_tell_crops_apart() -> None:
    generators = [
        BatchGenerator(arrays(), BATCH, crop=crop)
        for crop in (None, CROP, RandomCrop(scale=(0.1, 0.8)), RandomCrop((0.1, 0.9), flip=False))
    ]
    assert len({generator.digest(0) for generator in generators}) == len(generators)
    for one in generators:
        for other in generators:
            if one is other:
                one.check_state(other.state(3))
                continue
            with pytest.raises(SpoonfulError, match=r"crop \(saved .*now "):
                one.check_state(other.state(3))
    before_there_were_crops = generators[0].state(3)
    del before_there_were_crops["crop"]
    generators[0].check_state(before_there_were_crops)


class Broken:
    def __init__(self, draw: Callable[[Any], Sequence[Crop]]) -> None:
        self.draw = lambda seed, epoch, positions: draw(positions)


@pytest.mark.parametrize(
    ("crop", "message"),
    [
        ("random", "crop='random': expected None, spoonful.RandomCrop"),
        (Broken(lambda positions: []), r"Broken.draw returned 0 crops for 5 positions"),
        (
            Broken(lambda positions: [lambda h, w: Cut(Box(0, 0, h + 1, w), False)] * 5),
            r"batch 0 of epoch 1 .*12x12 px returned Box\(top=0, left=0, height=13",
        ),
    ],
)
def test_a_wrong_crop_is_one_line(crop: Any, message: str) -> None:
    with pytest.raises(SpoonfulError, match=message) as caught:
        _ = BatchGenerator(arrays(), BATCH, crop=crop)[0]
    assert "\n" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_named(folder: Path) -> None:
    source = ManifestSource(folder / "table.csv", (SIDE, SIDE))
    os.truncate(folder / "images" / "1" / "07.png", 30)
    generator = BatchGenerator(source, BATCH, shuffle="none", crop=CROP)
    with pytest.raises(SpoonfulError, match=r"batch 1 of epoch 1 .*images/1/07\.png"):
        _ = [generator[number] for number in range(2)]
