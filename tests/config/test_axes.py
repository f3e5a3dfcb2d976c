from pathlib import Path

import pytest

from spoonful.config import axes
from spoonful.config.axes import Interval, Values, check_sweep, first_values, sweep_of
from spoonful.errors import SpoonfulError
from spoonful.project import project_root

OVERLAY = """# @package _global_
hydra:
  sweeper:
    params:
      generator.batch_size: 16,32
      seed: range(3)
"""


@pytest.fixture
def overlay(project: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """An experiment with axes of its own, in a project of its own."""
    (project / "conf" / "experiment" / "sizes.yaml").write_text(OVERLAY)
    monkeypatch.chdir(project)
    project_root.cache_clear()
    return "experiment=sizes"


def test_the_axes_are_the_keys_with_several_values() -> None:
    sweep = sweep_of(["model=mlp", "generator.batch_size=32,64", "seed=choice(0,1)"])
    assert sweep.axes == ("generator.batch_size", "seed")
    assert sweep.points == (
        ("model=mlp", "generator.batch_size=32", "seed=0"),
        ("model=mlp", "generator.batch_size=32", "seed=1"),
        ("model=mlp", "generator.batch_size=64", "seed=0"),
        ("model=mlp", "generator.batch_size=64", "seed=1"),
    )
    assert sweep.num_points == 4


def test_an_overlay_has_axes_and_the_command_line_may_change_them(overlay: str) -> None:
    own = sweep_of([overlay])
    assert own.axes == ("generator.batch_size", "seed")
    assert own.num_points == 6
    assert own.points is not None
    assert own.points[0] == ("generator.batch_size=16", "seed=0", overlay)
    fewer = sweep_of([overlay, "seed=7", "model=mlp,cnn"])
    assert fewer.axes == ("generator.batch_size", "model")
    assert fewer.num_points == 4
    assert fewer.points is not None
    assert all("seed=7" in point for point in fewer.points)


def test_how_the_points_are_trained_is_no_part_of_them() -> None:
    sweep = sweep_of(["seed=0,1", "sweep.num_parallel=2", "sweep.run_name=a"])
    assert sweep.points == (("seed=0",), ("seed=1",))


def test_a_sampler_has_a_space_and_no_points() -> None:
    rates = "optimizer.learning_rate=tag(log,interval(1e-4,1e-1))"
    sizes, model = "generator.batch_size=range(16,64,16)", "model=mlp,cnn"
    asked = ["sweep.sampler=tpe", "sweep.num_trials=7", rates, "seed=interval(0,9)", sizes, model]
    sweep = sweep_of([*asked, "trainer.epochs=choice(3)"])
    assert sweep.points is None
    assert sweep.num_points == 7
    assert sweep.fixed == ("trainer.epochs=3",)
    assert sweep.spaces == {
        "optimizer.learning_rate": Interval(1e-4, 1e-1, is_log=True, is_whole=False),
        "seed": Interval(0, 9, is_log=False, is_whole=True),
        "generator.batch_size": Values(
            tuple(f"generator.batch_size={size}" for size in (16, 32, 48)), are_whole_range=True
        ),
        "model": Values(("model=mlp", "model=cnn")),
    }
    check_sweep(sweep)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["hydra/launcher=joblib"], "hydra/launcher=joblib: .* sweep.num_parallel=2; leave it"),
        (["hydra.launcher.n_jobs=2"], "hydra.launcher.n_jobs=2: .* sweep.num_parallel=2"),
        (["hydra/sweeper=optuna"], "hydra/sweeper=optuna: .* sweep.sampler=tpe sweep.num_trials"),
        (["hydra.sweeper.n_trials=9"], "hydra.sweeper.n_trials=9: .* sweep.sampler=tpe"),
        (["hydra.sweep.dir=a"], "hydra.sweep.dir=a: a sweep's folder is models/sweeps"),
        (["optimizer.learning_rate=interval(0.1,0.2)"], "learning_rate=interval.*add sweep.sampl"),
        (["sweep.sampler=tpe", "trainer.epochs=interval(9,1)"], "epochs=interval.9,1.: expected"),
        (
            ["sweep.sampler=tpe", "optimizer.learning_rate=tag(log,interval(0,1))"],
            "first < last and 0 < first",
        ),
        (["sweep.sampler=tpe", "generator.batch_size=interval(0,9)"], "batch_size=0: expected >="),
        (["generator.batch_size=shuffle(8,16)"], "shuffle.8,16.: .* another order at each start"),
        (["trainer.epochs=shuffle(range(1,4))"], "another order at each start.* list the values"),
        (["sweep.sampler=tpee"], "sweep.sampler=tpee: expected one of grid, tpe, random, cmaes"),
    ],
)
def test_what_no_sweep_can_be_made_of_is_one_line(overrides: list[str], words: str) -> None:
    with pytest.raises(SpoonfulError, match=words) as caught:
        check_sweep(sweep_of([*overrides, "seed=0,1"]))
    assert "\n" not in str(caught.value)


def test_a_sweep_is_explained_with_the_first_of_its_values() -> None:
    given = ["seed=3,4", "model=mlp", "trainer.epochs=range(2,5)", "+tracking.tags.a=1"]
    assert first_values(given) == ["seed=3", "model=mlp", "trainer.epochs=2", "+tracking.tags.a=1"]
    assert first_values(["optimizer.learning_rate=interval(0.1,1)"]) == [
        "optimizer.learning_rate=0.1"
    ]
    assert first_values(["model=mlp"]) == ["model=mlp"]


@pytest.mark.parametrize("overrides", [[], ["model=mlp"], ["seed=3", "sweep.num_parallel=2"]])
def test_without_an_axis_there_is_no_sweep(overrides: list[str]) -> None:
    with pytest.raises(SpoonfulError, match="nothing to sweep over"):
        sweep_of(overrides)


def _count_points(monkeypatch: pytest.MonkeyPatch, overrides: list[str]) -> list[list[str]]:
    seen: list[list[str]] = []
    monkeypatch.setattr(axes, "compose_config", seen.append)
    check_sweep(sweep_of(overrides))
    return seen


def test_the_cost_of_checking_a_sweep_is_a_sum_not_a_product(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    axes = ["seed=range(0,100)", "model=cnn,mlp,resnet", "generator.batch_size=choice(8,16)"]
    points = _count_points(monkeypatch, [*axes, "trainer.epochs=2"])
    assert len(points) == 1 + 99 + 2 + 1
    assert all(len(point) == 4 and "trainer.epochs=2" in point for point in points)
    given = {text for point in points for text in point}
    wanted = {f"seed={seed}" for seed in range(100)} | {"model=cnn", "model=mlp", "model=resnet"}
    assert given == wanted | {"generator.batch_size=8", "generator.batch_size=16", *points[0][3:]}


@pytest.mark.parametrize(
    ("overrides", "part"),
    [
        (["seed=0,1,x"], "seed=x"),
        (["model=cnn,mlp,foo", "seed=0,1"], "model=foo"),
        (["seed=0,1", "generator.batch_size=8,0"], "generator.batch_size=0"),
        (["seed=range(0,0)"], "seed=range(0,0): no values"),
        (["model=glob(*)"], "model=glob(*): no values"),
        (["seed=[1"], "not of the form key=value"),
        (["nope=1,2"], "unknown key nope"),
    ],
)
def test_each_value_of_a_sweep_is_checked(overrides: list[str], part: str) -> None:
    with pytest.raises(SpoonfulError) as caught:
        check_sweep(sweep_of(overrides))
    assert part in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_sweep_of_good_values_passes() -> None:
    check_sweep(sweep_of(["seed=range(0,3)", "model=mlp,cnn", "generator.shuffle=true,false"]))


@pytest.mark.parametrize("values", ["1,{}", "range(1,{})", "choice(1,{})", "interval(1,{})"])
def test_a_number_that_python_cannot_read_names_its_axis(values: str) -> None:
    with pytest.raises(SpoonfulError, match=r"^generator.batch_size=9+\.\.\.: expected a number"):
        sweep_of([f"generator.batch_size={values.format('9' * 5000)}"])


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("generator.shuffle=none,auto", "generator.shuffle=auto"),
        ("dataset.image_size=auto,[8,8]", "dataset.image_size=auto"),
    ],
)
def test_auto_is_no_value_among_others(text: str, value: str) -> None:
    with pytest.raises(SpoonfulError, match=f"^{value}: it stands for a value that may be one of"):
        check_sweep(sweep_of([text, "model=mlp"]))
    check_sweep(sweep_of([value, "model=mlp,cnn"]))  # of every point
