"""The findings are said in plain words, and no "nan" is ever among them."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest

from spoonful.compare.points import group_by_point
from spoonful.compare.report import findings
from spoonful.compare.runs import DEFAULT_SCORE, Score, SweepRuns
from spoonful.compare.significance import Difference
from spoonful.compare.wording import point_assumption, shown_interval, shown_p

MakeSweep = Callable[..., SweepRuns]
MINUS = "\N{MINUS SIGN}"
SIZE = "generator.batch_size"


def words_of(sweep: SweepRuns, score: Score = DEFAULT_SCORE) -> list[str]:
    return findings(group_by_point(replace(sweep, score=score)), 0.05).words()


def test_the_best_point_and_what_is_worse_are_named(grid: SweepRuns) -> None:
    words = words_of(grid)
    assert words[0] == (
        "Best: batch_size=16 shuffle=full with val_accuracy 94.97 ± 0.35 % (3 seeds)."
    )
    assert words[1] == (
        "4 of the 5 other points are worse by more than the seed noise: "
        f"batch_size=64 shuffle=full ({MINUS}0.89 pp), "
        f"batch_size=256 shuffle=full ({MINUS}2.07 pp), "
        f"batch_size=64 shuffle=none ({MINUS}50.89 pp), "
        f"batch_size=256 shuffle=none ({MINUS}52.07 pp)."
    )
    assert words[2] == (
        "1 could not be tested (the same difference in every pair, so no noise to compare with): "
        f"batch_size=16 shuffle=none ({MINUS}50.00 pp)."
    )
    assert words[3] == (
        "batch_size, over all else: 16 is best. Both other values are worse by more than the "
        f"spread of the pairs: 64 ({MINUS}0.89 pp), 256 ({MINUS}2.07 pp)."
    )
    assert words[-1].startswith("shuffle, over all else: full is best. ")


def test_one_seed_is_said_to_allow_no_test(sweep_of: MakeSweep) -> None:
    words = words_of(sweep_of({SIZE: (16, 64)}, lambda size, seed: 0.9 + size / 1000, (0,)))
    assert words == [
        "Best: batch_size=64 with val_accuracy 96.40 % (1 seed).",
        f"1 could not be tested (one pair alone): batch_size=16 ({MINUS}4.80 pp).",
    ]


def test_the_seed_alone_leaves_nothing_to_compare(sweep_of: MakeSweep) -> None:
    assert words_of(sweep_of({}, lambda seed: 0.9)) == [
        "Best: all seeds with val_accuracy 90.00 ± 0.00 % (3 seeds).",
        "The seed alone was swept: there is nothing to compare.",
    ]


def test_one_point_alone_is_compared_with_none(grid: SweepRuns) -> None:
    words = words_of(replace(grid, runs=grid.runs[:3]))
    assert words[1:] == ["There is no other point to compare it with."]


def test_a_better_mean_of_fewer_seeds_is_named(sweep_of: MakeSweep) -> None:
    sweep = sweep_of({SIZE: (16, 64)}, lambda size, seed: 0.9 if size == 16 else 0.8)
    words = words_of(replace(sweep, runs=sweep.runs[2:]))
    assert words[0].startswith("Best: batch_size=64 ")
    assert words[1] == "batch_size=16 has 90.00 %, but of 1 seed alone."


def test_losses_have_no_unit(grid: SweepRuns) -> None:
    assert words_of(grid, Score("val_loss", is_more_better=False))[0] == (
        "Best: batch_size=16 shuffle=full with val_loss 0.0503 ± 0.0035 (3 seeds)."
    )


def test_many_points_are_counted_and_the_first_named(sweep_of: MakeSweep) -> None:
    noise = [0.0, 0.001, -0.001, 0.0005]
    sweep = sweep_of(
        {SIZE: tuple(range(10, 20))},
        lambda size, seed: 0.99 - 0.05 * (size - 10) + noise[seed] * (size - 9),
        (0, 1, 2, 3),
    )
    (worse,) = (s for s in words_of(sweep) if "worse by more" in s)
    assert worse.startswith("All 9 other points are worse by more than the seed noise: batch_size=")
    assert worse.count("batch_size=") == 6
    assert worse.endswith(" and 3 more.")


@pytest.mark.parametrize(
    ("value", "text"), [(None, ""), (0.04321, "0.043"), (0.00321, "0.0032"), (1e-7, "< 0.0001")]
)
def test_p_values_are_short(value: float | None, text: str) -> None:
    assert shown_p(value) == text


def test_an_interval_has_signs(grid: SweepRuns) -> None:
    target = group_by_point(grid).target
    difference = Difference("point", "a", "b", 3, "within", -0.01, -0.0251, 0.0049)
    assert shown_interval(target, difference) == f"{MINUS}2.51 to +0.49"


def test_the_assumption_names_its_numbers(grid: SweepRuns) -> None:
    study = group_by_point(grid)
    found: Sequence[Difference] = findings(study, 0.05).points
    words = point_assumption(study, found, 0.05)
    assert "independent from seed to seed and about normally distributed; 3 seeds" in words
    assert "all 15 pairs of points" in words
    num_tests = sum(d.p_value is not None for d in found)
    assert f"With 3 seeds and {num_tests} tests" in words


@pytest.mark.parametrize("seeds", [(0,), (0, 1), (0, 1, 2)])
@pytest.mark.parametrize("level", [0.5, 0.05, 1e-9])
def test_no_number_that_is_none_is_shown(
    sweep_of: MakeSweep, seeds: tuple[int, ...], level: float
) -> None:
    for accuracy in (lambda size, seed: 0.9, lambda size, seed: 0.9 + 0.01 * seed * size / 64):
        study = group_by_point(sweep_of({SIZE: (16, 64)}, accuracy, seeds))
        found = findings(study, level)
        text = " ".join([*found.words(), point_assumption(study, found.points, level)])
        assert not {"nan", "inf", "None"} & set(text.replace(",", " ").split())
