"""Params come back as what they were; axes are found where none were recorded."""

from collections.abc import Callable

import pytest

from spoonful.compare.runs import (
    DEFAULT_SCORE,
    PointRun,
    Score,
    Setting,
    SweepRuns,
    inferred_axes,
    score_of,
    shown_setting,
    typed_setting,
)
from spoonful.record.tags import SCORE_MODE_TAG, SCORE_TAG

MakeRun = Callable[..., PointRun]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("null", None),
        ("True", True),
        ("False", False),
        ("16", 16),
        ("-3", -3),
        ("1e-05", 1e-05),
        ("0.1", 0.1),
        ("full", "full"),
        ("[32, 64]", "[32, 64]"),
        ("none", "none"),
        ("", ""),
    ],
)
def test_a_param_stands_for_a_value(text: str, value: Setting) -> None:
    found = typed_setting(text)
    assert (type(found), found) == (type(value), value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (16, "16"),
        (0.001, "0.001"),
        (1e-5, "1e-05"),
        (0.12345678, "0.12345678"),  # all its figures, or two values would look alike
        (64.0, "64"),
        ("full", "full"),
    ],
)
def test_a_value_is_written_as_on_the_command_line(value: Setting, text: str) -> None:
    assert shown_setting(value) == text


def test_the_value_of_a_group_is_the_name_of_its_choice(run_of: MakeRun) -> None:
    settings = {"model": "cnn", "optimizer.schedule": "constant", "seed": 0}
    run = run_of(1, settings, 0.9)
    assert run.setting("model") == "cnn"
    assert run.setting("optimizer/schedule") == "constant"
    assert run.setting("seed") == 0
    assert run.setting("generator.batch_size") is None


def test_epochs_are_in_order_however_they_were_recorded(run_of: MakeRun) -> None:
    run = run_of(1, {}, 0.9, metrics={"loss": {10: 0.1, 2: 0.2, 1: 0.3}})
    assert run.epochs("loss") == [0.3, 0.2, 0.1]
    assert run.epochs("accuracy") == []


def test_axes_are_what_the_runs_differ_in(grid: SweepRuns) -> None:
    assert inferred_axes(grid.runs) == ("seed", "generator.batch_size", "generator.shuffle")


def test_keys_that_differ_alike_are_one_axis(run_of: MakeRun) -> None:
    runs = [
        run_of(
            number,
            {
                "seed": seed,
                "generator.seed": seed,
                "generator.batch_size": size,
                "optimizer.learning_rate": size / 1000,
                "trainer.epochs": 5,
                "tracking.run_name": str(number),
                "sweep.point": str(number),
            },
            0.9,
        )
        for number, (seed, size) in enumerate([(0, 16), (1, 16), (0, 64), (1, 64)])
    ]
    assert inferred_axes(runs) == ("seed", "generator.batch_size")


def test_another_choice_of_a_group_is_one_axis_whatever_keys_it_has(run_of: MakeRun) -> None:
    runs = [
        run_of(1, {"model": "cnn", "model.num_units": "[8]", "model.dropouts": 1}, 0.9),
        run_of(2, {"model": "mlp", "model.num_units": "[9]"}, 0.9),
        run_of(3, {"model": "mlp", "model.num_units": "[8]"}, 0.9),
    ]
    assert inferred_axes(runs) == ("model",)


def test_without_runs_there_are_no_axes() -> None:
    assert inferred_axes(()) == ()


OF_REGRESSION = {SCORE_TAG: "val_mean_absolute_error", SCORE_MODE_TAG: "min"}


@pytest.mark.parametrize(
    ("asked", "tags", "score"),
    [
        (None, {}, DEFAULT_SCORE),  # of a run that recorded none
        (None, OF_REGRESSION, Score("val_mean_absolute_error", is_more_better=False)),
        ("val_macro_f1", OF_REGRESSION, Score("val_macro_f1", is_more_better=True)),
        ("val_loss", {}, Score("val_loss", is_more_better=False)),
        ("val_mean_absolute_error", {}, Score("val_mean_absolute_error", is_more_better=False)),
        # What the task itself says decides, whatever its score is called.
        ("gain_error", {SCORE_TAG: "gain_error", SCORE_MODE_TAG: "max"}, Score("gain_error", True)),
    ],
)
def test_points_are_ranked_by_what_is_asked_or_by_the_score_of_their_task(
    asked: str | None, tags: dict[str, str], score: Score
) -> None:
    assert score_of(asked, tags) == score
