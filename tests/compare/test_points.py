"""Runs of a point are averaged over their seeds, and what is missing is listed."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from spoonful.compare.points import group_by_point, short_names, spread
from spoonful.compare.runs import PointRun, Score, SweepRuns

MakeRun = Callable[..., PointRun]
MakeSweep = Callable[..., SweepRuns]
LOSS = Score("val_loss", is_more_better=False)
SIZES = {"generator.batch_size": (16, 64)}


def without(sweep: SweepRuns, *numbers: int) -> SweepRuns:
    kept = tuple(run for run in sweep.runs if int(run.run_id, 16) not in numbers)
    return replace(sweep, runs=kept)


def changed(sweep: SweepRuns, number: int, **changes: object) -> SweepRuns:
    """The sweep with another run of a number (from 1)."""
    runs = list(sweep.runs)
    runs[number - 1] = replace(runs[number - 1], **changes)  # type: ignore[arg-type]
    return replace(sweep, runs=tuple(runs))


def test_a_point_has_mean_and_sample_deviation_of_its_seeds(grid: SweepRuns) -> None:
    study = group_by_point(grid)
    assert len(study.points) == 6
    assert study.axes == ("generator.batch_size", "generator.shuffle")
    point = next(p for p in study.points if p.values == (16, "full"))
    assert point.label == "batch_size=16 shuffle=full"
    assert point.short_label == "16 · full"
    found = point.spread(study.target)
    assert found is not None
    # 0.95, 0.953, 0.946: mean 0.949667, squares (0.000333, 0.003333, 0.003667)
    assert found.mean == pytest.approx(0.9496667, abs=1e-7)
    assert found.sd == pytest.approx(0.0035119, abs=1e-7)
    assert (found.num, found.low, found.high) == (3, 0.946, 0.953)
    assert not study.missing
    assert study.num_unknown == 0


def test_points_and_values_are_in_the_order_of_numbers(sweep_of: MakeSweep) -> None:
    sweep = sweep_of({"generator.batch_size": (256, 16, 32)}, lambda size, seed: 0.9)
    study = group_by_point(sweep)
    assert [point.values for point in study.points] == [(16,), (32,), (256,)]
    assert study.values_of("generator.batch_size") == [16, 32, 256]


def test_one_seed_has_no_deviation() -> None:
    found = spread([0.9])
    assert found is not None
    assert found.sd is None
    assert spread([]) is None
    assert spread([float("nan")]) is None


def test_the_newest_finished_run_of_a_point_counts(sweep_of: MakeSweep, run_of: MakeRun) -> None:
    sweep = sweep_of(SIZES, lambda size, seed: 0.9)
    settings = {"generator.batch_size": 16, "seed": 0}
    again = run_of(50, settings, 0.8)
    killed = run_of(60, settings, 0.1, status="KILLED")
    study = group_by_point(replace(sweep, runs=(killed, again, *sweep.runs)))
    assert study.points[0].runs[0].run_id == again.run_id
    assert not study.missing
    assert study.num_unknown == 0
    assert study.num_repeats == 1


@pytest.mark.parametrize("num_chosen", [5, 6, 7])
def test_a_search_that_chose_a_point_twice_lacks_none_for_it(
    grid: SweepRuns, run_of: MakeRun, num_chosen: int
) -> None:
    """Of the six points the sampler chose five, one of them twice."""
    runs = [run for run in grid.runs if run.setting("seed") == 0][:5]
    runs.append(run_of(50, runs[0].settings, 0.9))
    sweep = replace(grid, runs=tuple(runs), num_points=num_chosen)
    study = group_by_point(sweep)
    assert study.num_repeats == 1
    assert len(study.points) == 5
    # Where a training is left, it may be that of the sixth point.
    assert len(study.missing) == (1 if num_chosen == 7 else 0)
    assert study.num_unknown == 0


def test_a_failed_point_that_was_tried_again_is_no_repeat(grid: SweepRuns, run_of: MakeRun) -> None:
    failed = run_of(50, grid.runs[0].settings, 0.1, status="FAILED")
    study = group_by_point(replace(grid, runs=(failed, *grid.runs)))
    assert study.num_repeats == 0
    assert not study.missing


def test_a_sweep_of_which_nothing_began_lacks_all(grid: SweepRuns) -> None:
    study = group_by_point(replace(grid, runs=()))
    assert not study.missing
    assert study.num_unknown == 18


@pytest.mark.parametrize("status", ["FAILED", "KILLED", "RUNNING"])
def test_a_point_without_a_finished_run_is_missing_with_its_last_status(
    grid: SweepRuns, status: str
) -> None:
    study = group_by_point(changed(grid, 2, status=status))
    (missing,) = study.missing
    assert missing.words == f"batch_size=16 shuffle=full seed=1: {status}"
    assert missing.run is not None
    assert missing.run.name == "run-2"
    assert set(study.points[0].runs) == {0, 2}


def test_a_run_without_the_metric_is_missing(grid: SweepRuns) -> None:
    sweep = changed(grid, 1, scalars={})
    sweep = changed(sweep, 2, scalars={"best_val_accuracy": float("nan")})
    study = group_by_point(sweep)
    assert [missing.reason for missing in study.missing] == [
        "val_accuracy is not recorded",
        "val_accuracy is not finite",
    ]


def test_a_point_of_the_grid_that_never_began_is_named(grid: SweepRuns) -> None:
    study = group_by_point(without(grid, 3))
    assert [m.words for m in study.missing] == ["batch_size=16 shuffle=full seed=2: never began"]
    assert study.num_unknown == 0


def test_points_with_values_never_seen_are_counted(grid: SweepRuns) -> None:
    first_of_each_size = replace(grid, runs=grid.runs[:3])  # batch_size=16 shuffle=full alone
    study = group_by_point(first_of_each_size)
    assert not study.missing
    assert study.num_unknown == 15


def test_points_of_a_random_search_are_no_grid(sweep_of: MakeSweep) -> None:
    sweep = sweep_of({"optimizer.learning_rate": (0.1, 0.2, 0.3)}, lambda rate, seed: 0.9, (0,))
    runs = [replace(r, settings={**r.settings, "b": n}) for n, r in enumerate(sweep.runs)]
    study = group_by_point(replace(sweep, axes=("optimizer.learning_rate", "b"), runs=tuple(runs)))
    assert len(study.points) == 3
    assert not study.missing
    assert study.num_unknown == 0


def test_the_best_point_has_the_most_seeds(sweep_of: MakeSweep) -> None:
    sweep = sweep_of(SIZES, lambda size, seed: 0.9 if size == 16 else 0.8)
    lucky = without(sweep, 1, 2)  # one seed of batch_size=16 is left
    study = group_by_point(lucky)
    assert study.ranked[0].label == "batch_size=16"
    assert study.best.label == "batch_size=64"


def test_a_smaller_loss_is_better(grid: SweepRuns) -> None:
    study = group_by_point(replace(grid, score=LOSS))
    assert study.metric == "val_loss"
    assert study.best.label == "batch_size=16 shuffle=full"
    assert study.ranked[-1].label == "batch_size=256 shuffle=none"
    other = group_by_point(replace(grid, score=Score("val_loss", is_more_better=True)))
    assert other.ranked[0].label == "batch_size=256 shuffle=none"


def test_a_sweep_of_seeds_alone_is_one_point(sweep_of: MakeSweep) -> None:
    sweep = sweep_of({}, lambda seed: 0.9, score=LOSS)
    study = group_by_point(changed(sweep, 2, status="FAILED"))
    (point,) = study.points
    assert point.label == "all seeds"
    assert set(point.runs) == {0, 2}
    assert [missing.words for missing in study.missing] == ["seed=1: FAILED"]


def test_axes_are_called_by_their_last_word_unless_two_are_alike() -> None:
    assert short_names(["generator.batch_size", "model", "optimizer/schedule"]) == {
        "generator.batch_size": "batch_size",
        "model": "model",
        "optimizer/schedule": "schedule",
    }
    alike = ["generator.batch_size", "evaluation.batch_size"]
    assert short_names(alike) == {name: name for name in alike}


def test_a_sweep_without_runs_has_no_points(grid: SweepRuns) -> None:
    study = group_by_point(replace(grid, runs=()))
    assert not study.points
    assert study.num_unknown == 18
