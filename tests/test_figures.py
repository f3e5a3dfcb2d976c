import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray

from spoonful.evaluation.classification import CalibrationBin
from spoonful.figures import (
    calibration_figure,
    confusion_figure,
    image_grid,
    learning_curves,
    prediction_figure,
    save,
)

ODD_NAMES = ("$^$", "<b>", "a_b", "%s{}", "\\frac", "two\nlines", "$x$")


def rendered(figure: Figure) -> NDArray[np.uint8]:
    """The figure's pixels, uint8 [h, w, 4]; it must not be blank."""
    canvas: Any = figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    canvas.draw()  # type: ignore[no-untyped-call]
    pixels = np.asarray(canvas.buffer_rgba(), dtype=np.uint8)  # type: ignore[no-untyped-call]
    assert pixels.shape[0] > 100
    assert len(np.unique(pixels)) > 2
    return pixels


def captions(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def history_of(num_epochs: int) -> list[dict[str, float]]:
    return [
        {"loss": 1 / (e + 1), "accuracy": 0.5, "val_loss": 1.0, "val_accuracy": e / num_epochs}
        for e in range(num_epochs)
    ]


@pytest.mark.parametrize("num_epochs", [1, 2, 40])
def test_learning_curves_show_every_epoch_and_the_one_kept(num_epochs: int) -> None:
    history = history_of(num_epochs)
    figure = learning_curves(history, num_epochs, ("loss", "accuracy"))
    loss, accuracy = figure.axes
    assert (loss.get_title(), accuracy.get_title()) == ("loss", "accuracy")
    train, val, kept = loss.get_lines()
    assert list(np.asarray(train.get_xdata())) == list(range(1, num_epochs + 1))
    assert list(np.asarray(train.get_ydata())) == [h["loss"] for h in history]
    assert list(np.asarray(val.get_ydata())) == [h["val_loss"] for h in history]
    assert list(np.asarray(kept.get_xdata())) == [num_epochs, num_epochs]
    rendered(figure)


@pytest.mark.parametrize("names", [("loss",), ("loss", "a_b", "$x^$")])
def test_learning_curves_have_a_field_for_each_metric(names: tuple[str, ...]) -> None:
    history = [{name: 1.0 for one in names for name in (one, f"val_{one}")}] * 2
    figure = learning_curves(history, 1, names)
    assert tuple(axes.get_title() for axes in figure.axes) == names
    rendered(figure)


@pytest.mark.parametrize(("num_values", "num_fields"), [(1, 1), (3, 3), (5, 5), (40, 12)])
def test_predicted_numbers_are_drawn_against_the_actual(num_values: int, num_fields: int) -> None:
    actual = np.arange(num_values * 3, dtype=np.float64).reshape(3, num_values)
    names = [f"$y_{number}$" for number in range(num_values)]
    figure = prediction_figure(actual, actual[::-1], names)
    assert [axes.get_title() for axes in figure.axes] == names[:num_fields]
    for place, axes in enumerate(figure.axes):
        points = np.asarray(axes.collections[0].get_offsets())
        np.testing.assert_array_equal(
            points, np.column_stack([actual, actual[::-1]])[:, [place, place + num_values]]
        )
        (right,) = axes.get_lines()  # where both are the same
        assert list(np.asarray(right.get_xdata())) == list(np.asarray(right.get_ydata()))
    rendered(figure)


def test_constant_numbers_are_drawn_too() -> None:
    rendered(prediction_figure(np.zeros((3, 1)), np.zeros((3, 1)), ["value"]))


def test_the_confusion_matrix_shows_counts_and_shares_of_each_row() -> None:
    confusion = np.array([[9, 1, 0], [0, 5, 0], [0, 0, 0]])  # no image of the last class
    figure = confusion_figure(confusion, ("a", "b", "c"))
    (axes,) = figure.axes
    counts = {text.get_position(): text.get_text() for text in axes.texts}
    assert counts == {(0, 0): "9", (1, 0): "1", (1, 1): "5"}
    shares = np.asarray(axes.images[0].get_array())
    np.testing.assert_allclose(shares, [[0.9, 0.1, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 0.0]])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    rendered(figure)


def test_many_classes_are_drawn_without_numbers_in_a_figure_of_bounded_size() -> None:
    figure = confusion_figure(np.eye(300, dtype=np.int64), [f"class {i}" for i in range(300)])
    assert len(figure.axes[0].texts) == 0
    assert rendered(figure).shape[0] <= 12 * 110


def test_names_are_drawn_as_they_are() -> None:
    confusion = np.eye(len(ODD_NAMES), dtype=np.int64)
    rendered(confusion_figure(confusion, ODD_NAMES))
    images = np.zeros((len(ODD_NAMES), 4, 4, 1), np.uint8)
    figure = image_grid(images, ODD_NAMES, "title")
    rendered(figure)
    assert captions(figure) == list(ODD_NAMES)


@pytest.mark.filterwarnings("error")
def test_a_character_that_the_font_lacks_is_no_warning(tmp_path: Path) -> None:
    save(confusion_figure(np.eye(2, dtype=np.int64), ("\N{DOG FACE}", "cat")), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 1000


def test_calibration_shows_the_bins_that_hold_images() -> None:
    bins = [CalibrationBin(0, 0.5, 0.4, 0.25, 4), CalibrationBin(0.5, 1, 0.0, 0.0, 0)]
    figure = calibration_figure(bins, 0.15)
    (axes,) = figure.axes
    offsets = np.asarray(axes.collections[0].get_offsets())
    np.testing.assert_allclose(offsets, [[0.4, 0.25]])
    assert "0.1500" in axes.get_title()
    rendered(figure)


def test_calibration_without_any_image_is_drawn_too() -> None:
    rendered(calibration_figure([CalibrationBin(0, 1, 0.0, 0.0, 0)], 0.0))


@pytest.mark.parametrize(
    "images",
    [
        np.full((5, 4, 4, 1), 255, np.uint8),
        np.full((5, 4, 4, 3), 255, np.uint8),
        np.full((5, 4, 4, 1), 1.0, np.float32),
        np.full((5, 4, 4, 3), 1.5, np.float32),  # augmented beyond its range
    ],
    ids=lambda images: f"{images.dtype}-{images.shape[-1]}",
)
def test_a_grid_shows_bytes_and_shares_alike(images: NDArray[np.generic]) -> None:
    figure = image_grid(images, [str(i) for i in range(5)], "five")
    shown = figure.axes[0].images
    assert len(shown) == 5
    for image in shown:
        assert float(np.max(np.asarray(image.get_array()))) == 1.0
    rendered(figure)


@pytest.mark.parametrize("number", [1, 2, 9, 25])
def test_a_grid_holds_every_image_in_order(number: int) -> None:
    images = np.arange(number, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 3, 1))
    figure = image_grid(images.astype(np.uint8), [f"c{i}" for i in range(number)], "all")
    assert captions(figure) == [f"c{i}" for i in range(number)]
    for place, image in enumerate(figure.axes[0].images):
        np.testing.assert_allclose(np.asarray(image.get_array()), place / 255)


@pytest.mark.parametrize(("height", "width"), [(8, 8), (4, 16), (16, 4)])
def test_images_of_a_grid_keep_their_shape_and_do_not_overlap(height: int, width: int) -> None:
    figure = image_grid(np.zeros((5, height, width, 1), np.uint8), list("abcde"), "five")
    rendered(figure)
    boxes = [image.get_window_extent() for image in figure.axes[0].images]
    texts = [text.get_window_extent() for text in figure.axes[0].texts]
    for box in boxes:
        assert box.height / box.width == pytest.approx(height / width, rel=0.01)
    for one, other in itertools.combinations(boxes + texts, 2):
        # A caption touches its own image.
        assert not one.padded(-1).overlaps(other.padded(-1))


def test_no_mistakes_are_a_figure_that_says_so() -> None:
    figure = image_grid(np.zeros((0, 4, 4, 1), np.uint8), [], "worst of 0 test mistakes")
    assert [text.get_text() for text in figure.texts if text.get_text() == "none"] == ["none"]
    rendered(figure)


def test_images_and_captions_must_match() -> None:
    with pytest.raises(ValueError, match="zip"):
        image_grid(np.zeros((2, 4, 4, 1), np.uint8), ["one"], "title")
