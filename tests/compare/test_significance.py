"""The tests say what can be computed by hand, and are wrong as rarely as they promise."""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import pytest

from spoonful.compare.points import Study, group_by_point
from spoonful.compare.runs import Score, SweepRuns
from spoonful.compare.significance import (
    ALONE,
    CONSTANT,
    EXCEEDS,
    IDENTICAL,
    NO_PAIR,
    ONE_PAIR,
    WITHIN,
    Difference,
    against_best,
    axis_differences,
    holm,
    point_differences,
    smallest_visible,
)

MakeSweep = Callable[..., SweepRuns]
SIZE = "generator.batch_size"
LEVEL = 0.05


def study_of(sweep_of: MakeSweep, values: Mapping[int, Mapping[int, float]]) -> Study:
    """A study of one axis: batch size, seed, accuracy; a seed that is not there has not run."""
    seeds = sorted({seed for by_seed in values.values() for seed in by_seed})
    sweep = sweep_of(
        {SIZE: tuple(values)}, lambda size, seed: values[size].get(seed, -1.0), seeds=seeds
    )
    runs = tuple(run for run in sweep.runs if run.scalars["best_val_accuracy"] >= 0)
    return group_by_point(replace(sweep, runs=runs))


def only_difference(sweep_of: MakeSweep, values: Mapping[int, Mapping[int, float]]) -> Difference:
    (difference,) = point_differences(study_of(sweep_of, values), LEVEL)
    return difference


def test_the_paired_t_test_is_that_of_the_textbook(sweep_of: MakeSweep) -> None:
    # Differences 0.01, 0.02, 0.03: mean 0.02, deviation 0.01, standard error 0.01 / sqrt(3),
    # t = 3.46410 with 2 degrees of freedom. There p = 1 - t / sqrt(t^2 + 2) = 1 - 3.46410 /
    # sqrt(14), and 97.5 % of the distribution lie below 4.302653.
    found = only_difference(
        sweep_of, {16: {0: 0.91, 1: 0.92, 2: 0.93}, 64: {0: 0.90, 1: 0.90, 2: 0.90}}
    )
    assert (found.a, found.b, found.num_pairs) == ("batch_size=64", "batch_size=16", 3)
    assert found.mean == pytest.approx(-0.02)
    assert found.p_value == pytest.approx(1 - 12**0.5 / 14**0.5)
    assert found.p_holm == pytest.approx(found.p_value)
    half = 4.302653 * 0.01 / 3**0.5
    assert found.low == pytest.approx(-0.02 - half, abs=1e-7)
    assert found.high == pytest.approx(-0.02 + half, abs=1e-7)
    assert found.verdict == WITHIN


def test_a_difference_far_above_the_noise_exceeds_it(sweep_of: MakeSweep) -> None:
    found = only_difference(
        sweep_of, {16: {0: 0.95, 1: 0.953, 2: 0.946}, 64: {0: 0.50, 1: 0.502, 2: 0.497}}
    )
    assert found.verdict == EXCEEDS
    assert found.mean == pytest.approx(-0.45)


def test_noise_that_the_seeds_share_is_no_noise_of_the_difference(sweep_of: MakeSweep) -> None:
    shared = {0: 0.0, 1: 0.1, 2: -0.1, 3: 0.05}
    own = {0: 0.0, 1: 0.0004, 2: -0.0003, 3: 0.0001}
    found = only_difference(
        sweep_of,
        {
            16: {seed: 0.85 + noise for seed, noise in shared.items()},
            64: {seed: 0.84 + noise + own[seed] for seed, noise in shared.items()},
        },
    )
    assert found.verdict == EXCEEDS  # although each point deviates by eight times the difference


def test_only_seeds_that_both_have_are_paired(sweep_of: MakeSweep) -> None:
    found = only_difference(
        sweep_of,
        {16: {0: 0.91, 1: 0.92, 2: 0.93, 3: 0.1}, 64: {1: 0.90, 2: 0.90, 0: 0.90, 7: 0.99}},
    )
    assert found.num_pairs == 3
    assert abs(found.mean or 0) == pytest.approx(0.02)


def test_holm_is_that_of_the_textbook() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.04, 0.01, 0.03]) == pytest.approx([0.06, 0.03, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([0.02]) == [0.02]
    assert holm([]) == []


def test_all_pairs_are_corrected_for_as_the_best_is_picked_from_the_same_runs(
    sweep_of: MakeSweep,
) -> None:
    study = study_of(
        sweep_of,
        {
            16: {0: 0.95, 1: 0.953, 2: 0.946},
            64: {0: 0.91, 1: 0.9125, 2: 0.9049},
            256: {0: 0.87, 1: 0.8741, 2: 0.8662},
        },
    )
    found = point_differences(study, LEVEL)
    assert [(d.a[11:], d.b[11:]) for d in found] == [("64", "16"), ("256", "16"), ("256", "64")]
    p_values = [d.p_value for d in found if d.p_value is not None]
    assert [d.p_holm for d in found] == pytest.approx(holm(p_values))
    assert min(d.p_holm or 0 for d in found) == pytest.approx(3 * min(p_values))
    assert [d.a[11:] for d in against_best(found)] == ["64", "256"]


def test_what_holds_before_the_correction_alone_is_said_so(sweep_of: MakeSweep) -> None:
    step = 0.02 * 3**0.5 / 5  # so that t is 5 and p = 1 - 5 / sqrt(27)
    values = {
        16: {0: 0.92 - step, 1: 0.92, 2: 0.92 + step},
        64: dict.fromkeys(range(3), 0.9),
        256: {0: 0.89, 1: 0.912, 2: 0.895},
    }
    found = point_differences(study_of(sweep_of, values), LEVEL)
    (first,) = (d for d in found if (d.a, d.b) == ("batch_size=64", "batch_size=16"))
    assert first.p_value == pytest.approx(1 - 5 / 27**0.5)
    assert first.p_holm == pytest.approx(3 * (1 - 5 / 27**0.5))
    assert first.verdict == ALONE


@pytest.mark.parametrize(
    ("a", "b", "verdict", "num_pairs"),
    [
        ({0: 0.9}, {0: 0.8}, ONE_PAIR, 1),
        ({0: 0.9}, {0: 0.9}, ONE_PAIR, 1),
        ({0: 0.9, 1: 0.91}, {2: 0.8, 3: 0.81}, NO_PAIR, 0),
        ({0: 0.9, 1: 0.91}, {0: 0.9, 1: 0.91}, IDENTICAL, 2),
        ({0: 0.9, 1: 0.9}, {0: 0.9, 1: 0.9}, IDENTICAL, 2),
        ({0: 0.9, 1: 0.91}, {0: 0.8, 1: 0.81}, CONSTANT, 2),
        # Equal but for the rounding of float32 numbers.
        ({0: 0.9, 1: 0.91}, {0: 0.8 + 3e-8, 1: 0.81}, CONSTANT, 2),
        ({0: 0.9, 1: 0.91}, {0: 0.9 + 3e-8, 1: 0.91}, IDENTICAL, 2),
    ],
)
def test_where_there_is_nothing_to_test_the_reason_is_given(
    sweep_of: MakeSweep, a: dict[int, float], b: dict[int, float], verdict: str, num_pairs: int
) -> None:
    found = only_difference(sweep_of, {16: a, 64: b})
    assert (found.verdict, found.num_pairs) == (verdict, num_pairs)
    assert (found.low, found.high, found.p_value, found.p_holm) == (None, None, None, None)
    if num_pairs:
        assert found.mean == pytest.approx(-abs(a[0] - b[0]), abs=1e-7)
    else:
        assert found.mean is None


def test_what_cannot_be_tested_is_not_counted_by_the_correction(sweep_of: MakeSweep) -> None:
    study = study_of(
        sweep_of,
        {
            16: {0: 0.95, 1: 0.953, 2: 0.946},
            64: {0: 0.90, 1: 0.9011, 2: 0.8990},
            256: {9: 0.5},
        },
    )
    (tested,) = (d for d in point_differences(study, LEVEL) if d.p_value is not None)
    assert tested.p_holm == tested.p_value


def test_values_of_an_axis_are_paired_over_all_else(grid: SweepRuns) -> None:
    study = group_by_point(grid)
    (shuffle,) = axis_differences(study, "generator.shuffle", LEVEL)
    # 0.5 apart for each of 3 batch sizes and 3 seeds
    assert (shuffle.axis, shuffle.a, shuffle.b) == ("generator.shuffle", "none", "full")
    assert (shuffle.num_pairs, shuffle.verdict) == (9, CONSTANT)
    assert shuffle.mean == pytest.approx(-0.5)
    sizes = axis_differences(study, SIZE, LEVEL)
    assert [(d.a, d.b) for d in sizes] == [("64", "16"), ("256", "16"), ("256", "64")]
    assert {d.num_pairs for d in sizes} == {6}
    # 64 minus 16 is -0.01 + 0.0011 x seed, for both shuffles.
    assert sizes[0].mean == pytest.approx(-0.01 + 0.0011)
    deviation = np.std([0.0, 0.0011, 0.0022] * 2, ddof=1)
    half = 2.570582 * deviation / 6**0.5  # 97.5 % of t with 5 degrees of freedom
    assert sizes[0].high == pytest.approx(-0.0089 + half, abs=1e-7)
    assert sizes[0].verdict == EXCEEDS


def test_the_best_value_of_an_axis_is_that_of_pairs_all_values_have(grid: SweepRuns) -> None:
    # Of batch size 64 the bad shuffle has failed: its mean over the rest says nothing.
    runs = tuple(
        replace(run, status="FAILED")
        if run.settings[SIZE] == 64 and run.settings["generator.shuffle"] == "none"
        else run
        for run in grid.runs
    )
    study = group_by_point(replace(grid, runs=runs))
    found = axis_differences(study, SIZE, LEVEL)
    assert found[0].b == "16"
    assert {(d.a, d.b): d.num_pairs for d in found} == {
        ("64", "16"): 3,
        ("256", "16"): 6,
        ("256", "64"): 3,
    }


def test_a_smaller_loss_is_the_better_value(grid: SweepRuns) -> None:
    study = group_by_point(replace(grid, score=Score("val_loss", is_more_better=False)))
    (shuffle,) = axis_differences(study, "generator.shuffle", LEVEL)
    assert shuffle.b == "full"
    assert shuffle.mean == pytest.approx(0.5)
    assert point_differences(study, LEVEL)[0].b == "batch_size=16 shuffle=full"


def false_alarms(
    sweep_of: MakeSweep, num_points: int, num_seeds: int, trials: int
) -> tuple[float, float]:
    """Shares of sweeps without any difference: some found, and the first pair's p < 0.05."""
    generator = np.random.default_rng(5)
    some = single = 0
    for _ in range(trials):
        values = generator.normal(0.9, 0.01, (num_points, num_seeds))
        by_size = {
            16 + point: {seed: float(values[point, seed]) for seed in range(num_seeds)}
            for point in range(num_points)
        }
        found = point_differences(study_of(sweep_of, by_size), LEVEL)
        some += any(d.verdict == EXCEEDS for d in against_best(found))
        pair = {"batch_size=16", "batch_size=17"}
        (first,) = (d for d in found if {d.a, d.b} == pair)
        single += (first.p_value or 0.0) < LEVEL
    return some / trials, single / trials


def test_two_points_without_a_difference_are_told_apart_in_one_of_twenty(
    sweep_of: MakeSweep,
) -> None:
    some, single = false_alarms(sweep_of, num_points=2, num_seeds=4, trials=600)
    # 0.05 +- 3 standard errors of 600 trials
    assert 0.023 < some < 0.077
    assert some == single


@pytest.mark.slow
@pytest.mark.parametrize("num_seeds", [3, 5])
def test_picking_the_best_point_raises_no_false_alarms(sweep_of: MakeSweep, num_seeds: int) -> None:
    some, single = false_alarms(sweep_of, num_points=6, num_seeds=num_seeds, trials=1500)
    assert some < 0.05 + 3 * (0.05 * 0.95 / 1500) ** 0.5
    assert 0.033 < single < 0.067  # each test alone is wrong as often as it says


def test_the_smallest_difference_to_pass_is_the_limit_of_the_test(sweep_of: MakeSweep) -> None:
    needed = smallest_visible(3, 1, LEVEL)
    assert needed == pytest.approx(4.302653 / 3**0.5, abs=1e-6)
    for factor, verdict in ((1.01, EXCEEDS), (0.99, WITHIN)):
        mean = 0.01 * needed * factor  # deviation 0.01
        differences = (mean - 0.01, mean, mean + 0.01)
        found = only_difference(
            sweep_of,
            {16: {s: 0.9 + d for s, d in enumerate(differences)}, 64: dict.fromkeys(range(3), 0.9)},
        )
        assert found.verdict == verdict
    assert smallest_visible(3, 15, LEVEL) > 2 * needed
    assert smallest_visible(10, 1, LEVEL) < needed / 3
