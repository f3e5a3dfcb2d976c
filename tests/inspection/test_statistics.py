from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from spoonful.config.compose import compose_config
from spoonful.datasets import RawImage
from spoonful.inspection import inspect
from spoonful.inspection.summary import Findings, lines_of, numbers_of
from spoonful.sources.labels import LabelKind
from tests.inspection.bad_files import encoded, photo


class Files:
    """Raw images that are given as bytes, each with its class and split."""

    label_kind = LabelKind.CLASSIFICATION
    label_names: tuple[str, ...] = ()
    is_table = False

    def __init__(self, *files: tuple[str, str | None, bytes]) -> None:
        self.images = [
            RawImage(name, f"{number}.png", split) for number, (name, split, _) in enumerate(files)
        ]
        self._contents = [content for _, _, content in files]

    def read(self, position: int) -> bytes:
        return self._contents[position]

    def place(self, position: int, target: Path) -> None:
        raise NotImplementedError

    def origin(self, position: int) -> str:
        return self.images[position].file_name


def found_in(project: Path, *files: tuple[str, str | None, bytes]) -> Findings:
    return inspect(Files(*files), project / "data" / "inspect", compose_config([]).dataset, "x")


@pytest.fixture
def place(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(project)
    return project


def test_classes_and_splits_are_counted_and_measured(place: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = [rng.integers(0, high, (20, 30, 3), dtype=np.uint8) for high in (255, 100, 30)]
    one, two, three = (encoded(Image.fromarray(image)) for image in pixels)
    grey = encoded(photo(0, 40, 40).convert("L"), "JPEG")
    found = found_in(
        place,
        *(("b", "train", one), ("b", "train", two), ("b", "train", b"<html>")),
        *(("b", "test", three), ("a", "train", grey)),
    )
    names = [(group.class_name, group.split, group.num_images) for group in found.groups]
    assert names == [("all", "all", 5), ("a", "train", 1), ("b", "test", 1), ("b", "train", 3)]
    group = found.groups[3]
    assert (group.num_bad, group.formats, group.channels) == (1, {"PNG": 2}, {"3": 2})
    assert (group.widths, group.heights, group.aspects) == ((30,) * 3, (20,) * 3, (1.5,) * 3)
    both = np.concatenate(pixels[:2])
    assert group.mean == pytest.approx(both.mean(), abs=1e-3)
    assert group.std == pytest.approx(both.std(), abs=1e-3)
    assert found.imbalance == 3
    assert numbers_of(found)["given_splits"] == {"test": 1, "train": 4}


def test_images_of_one_size_are_used_as_they_are(place: Path) -> None:
    grey = [encoded(photo(seed, 28, 20).convert("L")) for seed in range(12)]
    advice = found_in(place, *(("a", None, content) for content in grey)).advice
    assert advice is not None
    assert (advice.image_size, advice.num_channels, advice.resize) == ((28, 20), 1, "stretch")
    assert advice.raw_bytes == 12 * 28 * 20
    assert advice.jpeg_bytes > 0


def test_the_recommended_size_enlarges_few_images(place: Path) -> None:
    sizes = [(100, 300), (170, 180), *[(400 + seed, 300) for seed in range(18)]]
    files = [encoded(photo(seed, *size), "JPEG") for seed, size in enumerate(sizes)]
    found = found_in(place, *(("a", None, content) for content in files))
    assert found.advice is not None
    assert (found.advice.image_size, found.advice.resize) == ((224, 224), "crop")
    few = found_in(place, *(("a", None, content) for content in files[:4]))
    assert few.advice is not None
    assert few.advice.image_size == (96, 96)


def test_what_is_said_is_short_and_names_what_to_do(place: Path) -> None:
    files = [("many", None, encoded(photo(seed))) for seed in range(30)]
    found = found_in(place, *files, ("few\x1b", None, encoded(photo(99))), ("few\x1b", None, b""))
    lines = lines_of(found, is_here=True)
    assert len(lines) < 10
    said = "\n".join(lines)
    assert "32 images in 2 classes" in said
    assert "bad: 1 that cannot be read" in said
    assert "imbalance: many has 30 images, few\\x1b 1; consider generator.shuffle=balanced" in said
    assert "dataset.image_size=[60,80] dataset.num_channels=3 dataset.resize=stretch" in said
    assert "images/s here" in said
    assert "here" not in "\n".join(lines_of(found, is_here=False))


def test_one_of_a_kind_is_said_as_one(place: Path) -> None:
    one = encoded(photo(0))
    again = encoded(photo(0), "JPEG", quality=90)
    found = found_in(place, ("é", "train", one), ("e\u0301", "train", one), ("é", "val", again))
    said = "\n".join(lines_of(found, is_here=True))
    assert (
        "copies: 1 with the same bytes as another, 1 that only looks the same; 1 group across the "
        "given splits, 1 under several labels" in said
    )
    assert (
        "names that look alike: 1 group of classes, such as 'e\u0301' and 'é' "
        "('e\\u0301' and '\\xe9')" in said
    )
    lonely = found_in(place, ("Cat", None, one), ("cat", None, encoded(photo(5))))
    (line,) = [line for line in lines_of(lonely, is_here=True) if "look alike" in line]
    assert line == "names that look alike: 1 group of classes, such as 'Cat' and 'cat'"
    assert lines_of(found_in(place, ("a", None, one)), is_here=True)[0].startswith("1 image in 1")


def test_files_that_cannot_be_read_are_no_copies(place: Path) -> None:
    bad = [(name, None, content) for name in ("a", "b") for content in (b"", b"<html>", bytes(99))]
    good = encoded(photo(0))
    found = found_in(place, *bad, ("a", None, good), ("b", None, good))
    assert found.groups[0].num_bad == 6
    assert [cluster.rows for cluster in found.copies.clusters] == [[6, 7]]
    numbers = numbers_of(found)["copies"]
    assert (numbers["clusters"], numbers["images"], numbers["exact"]) == (1, 2, 1)


def test_no_readable_image_is_no_division_by_zero(place: Path) -> None:
    found = found_in(place, ("a", None, b""), ("b", None, b"<html>"))
    assert found.advice is None
    assert found.imbalance is None
    assert numbers_of(found)["recommended"] is None
    assert any("bad: 2 that cannot be read" in line for line in lines_of(found, is_here=True))
