"""Charts show what was measured, alike in every chart, and none is empty."""

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from spoonful.compare.charts.bars import bar_chart
from spoonful.compare.charts.curves import loss_curves
from spoonful.compare.charts.facets import MAX_FACETS
from spoonful.compare.charts.heat_map import heat_maps
from spoonful.compare.charts.theme import Chart
from spoonful.compare.charts.time_chart import time_charts
from spoonful.compare.points import Study, group_by_point
from spoonful.compare.quantities import Quantity
from spoonful.compare.report import all_charts
from spoonful.compare.runs import DEFAULT_SCORE, PointRun, Score, SweepRuns

MakeSweep = Callable[..., SweepRuns]
SIZE, SHUFFLE, RATE = "generator.batch_size", "generator.shuffle", "optimizer.learning_rate"
LOSS = Score("val_loss", is_more_better=False)
SIZES = {SIZE: (16, 64, 256)}


def words(chart: Chart) -> list[str]:
    """The texts of a chart."""
    return [text.strip() for text in re.findall(r"<text[^>]*>([^<]*)</text>", chart.svg)]


def study_of(sweep: SweepRuns, score: Score = DEFAULT_SCORE) -> Study:
    return group_by_point(replace(sweep, score=score))


def named(study: Study, name: str) -> Quantity:
    return next(q for q in study.quantities if q.name == name)


def changed(sweep: SweepRuns, change: Callable[[PointRun], PointRun]) -> SweepRuns:
    return replace(sweep, runs=tuple(change(run) for run in sweep.runs))


def without_metrics(sweep: SweepRuns, *names: str) -> SweepRuns:
    return changed(
        sweep,
        lambda run: replace(run, metrics={n: v for n, v in run.metrics.items() if n not in names}),
    )


def colour_of(chart: Chart, label: str) -> str:
    """The colour of the line beside a label in the legend."""
    legend = chart.svg[chart.svg.index('legend_1"') :]
    before = legend[: legend.index(f">{label}</text>")]
    found: list[str] = re.findall(r"var\(--(series-\d)\)", before)
    return found[-1]


def test_a_heat_map_has_mean_and_deviation_in_each_cell(grid: SweepRuns) -> None:
    (chart,) = heat_maps(study_of(grid))
    found = words(chart)
    for text in ("94.97", "± 0.35", "44.97", "16", "64", "256", "full", "none", "batch_size"):
        assert text in found
    assert sum("±" in text for text in found) == 6
    assert chart.svg.count("fill: var(--heat)") == 6


def test_a_cell_without_a_result_says_so(grid: SweepRuns) -> None:
    runs = tuple(r for r in grid.runs if (r.settings[SIZE], r.settings[SHUFFLE]) != (64, "none"))
    (chart,) = heat_maps(study_of(replace(grid, runs=runs)))
    assert words(chart).count("missing") == 1
    assert chart.svg.count("fill: var(--heat)") == 5


def test_the_better_cell_is_the_stronger(grid: SweepRuns) -> None:
    for score in (DEFAULT_SCORE, LOSS):
        (chart,) = heat_maps(study_of(grid, score))
        strengths = [
            float(text)
            for text in re.findall(r"fill: var\(--heat\); opacity: ([0-9.]+)", chart.svg)
        ]
        assert strengths[0] == max(strengths) == 0.55  # full shuffle, batch size 16
        assert strengths[-1] == min(strengths) == 0.05  # no shuffle, batch size 256


def test_one_axis_makes_no_heat_map(sweep_of: MakeSweep) -> None:
    assert heat_maps(study_of(sweep_of(SIZES, lambda size, seed: 0.9))) == []


def test_a_third_axis_makes_a_chart_of_each_of_its_values(sweep_of: MakeSweep) -> None:
    axes = {**SIZES, SHUFFLE: ("full", "none"), RATE: (0.1, 0.2)}
    study = study_of(sweep_of(axes, lambda *values: 0.9, (0,)))
    titles = ["val_accuracy, %, learning_rate=0.1", "val_accuracy, %, learning_rate=0.2"]
    assert [chart.title for chart in heat_maps(study)] == titles
    assert len(time_charts(study)) == 2


def test_many_charts_are_cut_and_it_is_said(sweep_of: MakeSweep) -> None:
    axes = {SIZE: (16, 64), RATE: tuple(range(1, 14))}
    sweep = without_metrics(sweep_of(axes, lambda *values: 0.9, (0,)), "loss")
    by_rate, by_size = loss_curves(study_of(sweep)).values()
    assert len(by_rate) == 2
    assert len(by_size) == MAX_FACETS
    said = "The first 12 of 13 charts; points.csv and runs.csv have all."
    assert {chart.note for chart in by_size} == {said}
    assert {chart.note for chart in by_rate} == {""}


def test_time_is_drawn_with_a_line_of_each_shuffle_and_the_sizes_beside_it(grid: SweepRuns) -> None:
    whole, better = time_charts(study_of(grid))
    found = words(whole)
    assert found.count("256") == found.count("64") == 2
    assert {"full", "none", "shuffle", "training time, s"} <= set(found)
    assert "Labels: batch_size." in whole.note
    # The shuffle that fails presses the others together: they are shown again alone.
    assert better.title == "val_accuracy against training time, the better half"
    assert "none" not in words(better)
    assert colour_of(better, "full") == colour_of(whole, "full")


def test_without_times_there_is_no_chart_of_them(grid: SweepRuns) -> None:
    assert time_charts(study_of(without_metrics(grid, "train_time_s"))) == []


def test_losses_are_drawn_by_each_axis_with_a_band_of_each_line(grid: SweepRuns) -> None:
    groups = loss_curves(study_of(grid))
    assert list(groups) == ["Loss by batch_size", "Loss by shuffle"]
    by_size, by_shuffle = groups.values()
    for chart in by_size:  # an epoch has as many images in all runs
        assert {"images seen", "1k", "2k", "3k"} <= set(words(chart))
    assert [chart.title for chart in by_size] == [
        f"{loss}, shuffle={shuffle}, over epochs"
        for shuffle in ("full", "none")
        for loss in ("training loss", "validation loss")
    ]
    assert len(by_shuffle) == 6
    validation = by_size[1]
    assert {"epoch", "16", "64", "256", "batch_size"} <= set(words(validation))
    assert validation.svg.count("FillBetweenPolyCollection") == 3


def test_one_seed_has_no_band(sweep_of: MakeSweep) -> None:
    (group,) = loss_curves(study_of(sweep_of(SIZES, lambda size, seed: 0.9, (0,)))).values()
    assert "FillBetween" not in group[1].svg


def test_images_seen_have_charts_of_their_own_where_epochs_differ(sweep_of: MakeSweep) -> None:
    def fewer(run: PointRun) -> PointRun:
        images = 1000 - float(run.settings[SIZE] or 0)
        seen = {epoch: images * epoch for epoch in (1, 2, 3)}
        return replace(run, metrics={**run.metrics, "images_seen": seen})

    sweep = sweep_of(SIZES, lambda size, seed: 0.9, (0,))
    (charts,) = loss_curves(study_of(changed(sweep, fewer))).values()
    assert [chart.title.rpartition(", ")[2] for chart in charts] == [
        "over epochs",
        "over images seen",
    ] * 2
    assert "images seen" not in words(charts[0])
    assert "images seen" in words(charts[1])
    assert "epoch" not in words(charts[1])


def test_a_loss_that_is_not_finite_leaves_the_rest_of_its_line(sweep_of: MakeSweep) -> None:
    broken = {1: 2.0, 2: float("inf"), 3: float("nan")}
    sweep = changed(
        sweep_of(SIZES, lambda size, seed: 0.9),
        lambda run: replace(run, metrics={**run.metrics, "loss": broken}),
    )
    (group,) = loss_curves(study_of(sweep)).values()
    assert group[0].title == "training loss, over epochs"
    assert not {"nan", "inf"} & {word for chart in group for word in words(chart)}


def test_a_line_has_the_same_look_in_every_chart(grid: SweepRuns) -> None:
    sweep = replace(
        grid,
        runs=tuple(r for r in grid.runs if (r.settings[SIZE], r.settings[SHUFFLE]) != (16, "none")),
    )
    (full, none), _ = loss_curves(study_of(without_metrics(sweep, "loss"))).values()
    assert "16" not in words(none)
    assert colour_of(none, "64") == colour_of(full, "64") == "series-1"


def test_losses_without_records_have_no_charts(grid: SweepRuns) -> None:
    assert not any(loss_curves(study_of(without_metrics(grid, "loss", "val_loss"))).values())
    sweep = without_metrics(replace(grid, runs=grid.runs[:6]), "loss")
    (group,) = loss_curves(study_of(sweep)).values()
    assert {chart.title.split(",")[0] for chart in group} == {"validation loss"}


def test_a_bar_says_its_value(grid: SweepRuns) -> None:
    study = study_of(grid)
    chart = bar_chart(study, named(study, "images_per_s"))
    assert chart is not None
    found = words(chart)
    assert found.count("1,050") == 6
    assert "16 · full" in found
    assert "batch_size · shuffle" in found


def test_what_no_run_recorded_has_no_bars(grid: SweepRuns) -> None:
    quantity = named(study_of(grid), "peak_rss_mb")
    assert bar_chart(study_of(without_metrics(grid, "peak_rss_mb")), quantity) is None


@pytest.mark.parametrize(
    ("axes", "score"),
    [
        ({}, DEFAULT_SCORE),
        ({RATE: (0.1, 0.01)}, LOSS),
        ({SIZE: (16,), SHUFFLE: ("full",)}, DEFAULT_SCORE),
        ({"model": ("cnn", "mlp"), "optimizer/schedule": (None, "$a_b$ <x>")}, LOSS),
    ],
)
def test_any_axes_make_charts_with_something_in_them(
    sweep_of: MakeSweep, axes: dict[str, tuple[object, ...]], score: Score
) -> None:
    study = study_of(sweep_of(axes, lambda *values: 0.9), score)
    groups = all_charts(study)
    assert {"Speed and memory", score.metric} <= set(groups)
    names = [chart.name for charts in groups.values() for chart in charts]
    assert len(names) == len(set(names))
    for charts in groups.values():
        assert charts
        for chart in charts:
            assert len(words(chart)) > 3
            assert "<path" in chart.svg


def test_runs_that_recorded_nothing_else_make_no_charts(sweep_of: MakeSweep) -> None:
    sweep = changed(sweep_of({}, lambda seed: 0.9), lambda run: replace(run, metrics={}))
    assert all_charts(study_of(sweep)) == {}
