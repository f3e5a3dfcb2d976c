"""The article's generator has its bug; its corrected form, Keras' and ours have not."""

import importlib
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
import pytest

from spoonful import ArraySource, BatchGenerator
from spoonful.files.tables import read_csv
from spoonful.models.build import build_model
from spoonful.models.mlp import Mlp

FOLDER = Path(__file__).resolve().parents[1] / "experiments" / "article_generator"
BATCH_SIZE = 32
NUM_IMAGES = 2 * BATCH_SIZE + 5
Generators = dict[str, Any]


@pytest.fixture(scope="module")
def experiment() -> Iterator[Any]:
    """Imports a module of the experiment, whose folder is no package."""
    known = set(sys.modules)
    sys.path.insert(0, str(FOLDER))
    yield importlib.import_module
    sys.path.remove(str(FOLDER))
    for name in set(sys.modules) - known:
        if Path(getattr(sys.modules[name], "__file__", None) or "/").parent == FOLDER:
            del sys.modules[name]


@pytest.fixture
def digits() -> tuple[Any, Any]:
    random = np.random.default_rng(0)
    images = random.integers(1, 256, (NUM_IMAGES, 4, 4), dtype=np.uint8)
    return images, random.integers(0, 10, NUM_IMAGES).astype(np.uint8)


@pytest.fixture
def generators(experiment: Any, digits: tuple[Any, Any], tmp_path: Path) -> Generators:
    images, labels = digits
    for row, (image, label) in enumerate(zip(images, labels.tolist(), strict=True)):
        folder = tmp_path / str(label)
        folder.mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"{row}.png"), image)
    source = ArraySource(images, labels, [str(number) for number in range(10)])
    return {
        "article": experiment("article").ArticleGenerator(images, labels, BATCH_SIZE),
        "corrected": experiment("corrected").CorrectedGenerator(images, labels, BATCH_SIZE),
        "keras": experiment("keras_folder").keras_generator(tmp_path, BATCH_SIZE, (4, 4)),
        "ours": BatchGenerator(source, BATCH_SIZE),
    }


def seen_by_the_network(generators: Generators, name: str, index: int) -> tuple[Any, Any, Any]:
    """What the layer after the scaling gets, the labels, and which images they are."""
    generator = generators[name]
    x, y = generator[index]
    if name == "ours":
        network = build_model(
            Mlp([2], 0.0), partial(keras.layers.Dense, 10, name="last"), (4, 4, 1)
        )
        scaled = keras.Model(network.input, network.get_layer("scale_pixels").output)
        return scaled(x).numpy()[..., 0], y.argmax(axis=1), generator.indices(index)
    if name == "keras":
        rows = importlib.import_module("keras_folder").file_numbers(generator, index)
    else:
        rows = generator.rows(index)
    return x[..., 0], y.argmax(axis=1), rows


@pytest.mark.parametrize("index", [0, 1])
def test_the_article_divides_each_place_once_more_than_the_next(
    generators: Generators, digits: tuple[Any, Any], index: int
) -> None:
    pixels, _, rows = seen_by_the_network(generators, "article", index)
    assert pixels.shape == (BATCH_SIZE, 4, 4)
    assert pixels.dtype == np.float32
    smallest = float(np.finfo(np.float32).tiny)
    for place, (found, row) in enumerate(zip(pixels, rows, strict=True)):
        expected = digits[0][row].astype(np.float64) / 255.0 ** (BATCH_SIZE - place)
        has_all_digits = expected > smallest  # below, float32 loses digits, and then the number
        np.testing.assert_allclose(found[has_all_digits], expected[has_all_digits], rtol=1e-5)
        assert np.all(found[~has_all_digits] < 2 * smallest)
    np.testing.assert_allclose(pixels[-1], digits[0][rows[-1]] / 255, rtol=1e-6)
    assert np.all(pixels[-2] < 1 / 255 + 1e-6)
    assert np.all(pixels[:10] == 0)


@pytest.mark.parametrize("name", ["corrected", "keras", "ours"])
@pytest.mark.parametrize("index", [0, 1])
def test_the_corrected_form_keras_and_ours_divide_every_place_once(
    generators: Generators, digits: tuple[Any, Any], name: str, index: int
) -> None:
    pixels, _, rows = seen_by_the_network(generators, name, index)
    assert pixels.dtype == np.float32
    np.testing.assert_allclose(pixels, digits[0][rows] / 255, rtol=1e-6)


@pytest.mark.parametrize("name", ["article", "corrected", "keras", "ours"])
def test_each_image_comes_with_its_label(
    generators: Generators, digits: tuple[Any, Any], name: str
) -> None:
    _, labels, rows = seen_by_the_network(generators, name, 1)
    assert labels.tolist() == digits[1][rows].tolist()


@pytest.mark.parametrize(
    ("name", "num_left_out"), [("article", 5), ("corrected", 5), ("keras", 0), ("ours", 0)]
)
def test_the_last_smaller_batch_is_left_out_by_the_article(
    experiment: Any, generators: Generators, name: str, num_left_out: int
) -> None:
    rows = experiment("contenders").served_rows(generators[name])
    assert NUM_IMAGES - len(np.unique(rows)) == num_left_out
    assert len(np.unique(rows)) == len(rows)


def test_the_article_draws_its_order_from_the_generator_that_all_share(experiment: Any) -> None:
    made = experiment("article").ArticleGenerator
    orders = []
    for num_draws in (0, 0, 1):
        np.random.seed(0)
        np.random.random(num_draws)
        orders.append(made(np.zeros((100, 4, 4), np.uint8), np.zeros(100, np.uint8), 10).order)
    assert orders[0].tolist() == orders[1].tolist()
    assert orders[0].tolist() != orders[2].tolist()


def test_the_faults_are_counted_as_they_are(
    experiment: Any, generators: Generators, digits: tuple[Any, Any]
) -> None:
    scales = experiment("faults").scales
    assert scales(generators["article"], digits[0]) == (2, 2 * 13)
    assert scales(generators["corrected"], digits[0]) == (2 * BATCH_SIZE, 0)
    assert scales(generators["keras"], digits[0]) == (NUM_IMAGES, 0)
    assert scales(generators["ours"], digits[0]) == (NUM_IMAGES, 0)


@pytest.mark.parametrize(("seed", "is_elsewhere_seen"), [(None, True), (1, False)])
def test_keras_draws_its_order_from_the_generator_that_all_share(
    experiment: Any, generators: Generators, seed: int | None, is_elsewhere_seen: bool
) -> None:
    module, folder = experiment("keras_folder"), Path(generators["keras"].directory)
    orders = []
    for num_draws in (0, 1):
        np.random.seed(1)
        np.random.random(num_draws)
        made = module.keras_generator(folder, BATCH_SIZE, (4, 4), seed=seed)
        orders.append(module.file_numbers(made, 0).tolist())
    assert (orders[0] != orders[1]) == is_elsewhere_seen


def test_files_that_are_not_well_are_what_the_results_say(experiment: Any) -> None:
    found = experiment("files").found()
    published = read_csv(FOLDER / "results" / "files.csv")
    assert found == published
    assert all(row["keras"] != row["spoonful_files"] for row in found)


def test_the_readme_shows_what_the_results_say(experiment: Any) -> None:
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    shown = experiment("readme").contents(FOLDER / "results")
    assert list(shown) == ["machine", "training", "feeding", "faults", "files"]
    for name, content in shown.items():
        begin, end = f"<!-- {name}: written by the command -->", f"<!-- end of {name} -->"
        assert f"{begin}\n{content}\n{end}" in text
