"""What a sampler chooses, and what a study keeps, without any training."""

import math
from pathlib import Path

import optuna
import pytest

from spoonful.config.axes import sweep_of
from spoonful.config.compose import compose_config
from spoonful.errors import SpoonfulError
from spoonful.sweep.folder import FAILED, FINISHED, PRUNED, PlannedPoint, PointRecord
from spoonful.sweep.folder import SweepFolder as Folder
from spoonful.sweep.search import Search, check_search

OWN = ["sweep.sampler=tpe", "sweep.num_trials=14", "trainer.epochs=9"]
ASKED = [
    *OWN,
    "optimizer.learning_rate=tag(log,interval(1e-4,1e-1))",
    "generator.batch_size=range(16,64,16)",
    "model=mlp,cnn",
]


def search(folder: Path, *more: str) -> Search:
    folder.mkdir(exist_ok=True)
    return Search(sweep_of([*ASKED, *more]), compose_config([*OWN, *more]), Folder(folder))


def ended(planned: PlannedPoint, status: str = FINISHED) -> PointRecord:
    """Say how a point ended; its value follows from its overrides."""
    value = sum(map(ord, "".join(planned.overrides))) / 1000
    return PointRecord(
        number=planned.number,
        label="",
        overrides=planned.overrides,
        status=status,
        run_id="r",
        value=math.nan if status == FAILED else value,
        metrics={},
        error=None,
        duration_s=1.0,
    )


def all_points(one: Search) -> list[list[str]]:
    points = []
    while (planned := one.next_point()) is not None:
        points.append(planned.overrides)
        one.told(ended(planned))
    return points


@pytest.mark.slow
def test_a_study_that_was_interrupted_chooses_as_if_it_had_not_been(tmp_path: Path) -> None:
    whole = all_points(search(tmp_path / "a"))
    assert len(whole) == 14
    assert whole != all_points(search(tmp_path / "other", "sweep.sampler_seed=1"))
    first = search(tmp_path / "b")
    found = []
    for _ in range(11):  # beyond the ten that TPE draws by chance
        planned = first.next_point()
        assert planned is not None
        found.append(planned.overrides)
        first.told(ended(planned))
    lost = first.next_point()  # killed while it trains
    assert lost is not None
    rest = all_points(search(tmp_path / "b"))
    assert rest[0] == lost.overrides
    assert [*found, *rest] == whole


def test_a_point_that_failed_is_tried_again_with_its_values(tmp_path: Path) -> None:
    first = search(tmp_path / "a")
    tasks = [first.next_point() for _ in range(3)]
    for planned, status in zip(tasks, (FINISHED, FAILED, PRUNED), strict=True):
        assert planned is not None
        assert planned.trial is not None
        planned.trial.is_hopeless(1, 9, 0.5)
        first.told(ended(planned, status))
    again = search(tmp_path / "a")
    planned = again.next_point()
    assert planned is not None
    assert tasks[1] is not None
    assert (planned.number, planned.overrides) == (1, tasks[1].overrides)
    again.told(ended(planned))
    assert again.best() is not None
    database = f"sqlite:///{tmp_path / 'a' / 'study.db'}"
    trials = optuna.load_study(study_name="a", storage=database).trials
    assert [trial.state.name for trial in trials] == ["COMPLETE", "FAIL", "PRUNED", "COMPLETE"]
    assert trials[3].intermediate_values == {1: 0.5}


def test_what_a_killed_sweep_did_not_tell_is_told(tmp_path: Path) -> None:
    first = search(tmp_path / "a")
    planned = first.next_point()
    assert planned is not None
    Folder(tmp_path / "a").write_point(ended(planned))
    following = search(tmp_path / "a").next_point()
    assert following is not None
    assert following.number == 1


@pytest.mark.slow
@pytest.mark.parametrize("pruner", ["median", "hyperband", "asha"])
def test_a_pruner_ends_a_point_that_is_far_behind(tmp_path: Path, pruner: str) -> None:
    one = search(tmp_path / "a", f"sweep.pruner={pruner}")
    hopeless = []
    for number in range(8):
        planned = one.next_point()
        assert planned is not None
        assert planned.trial is not None
        value = 9.0 if number == 7 else 1.0 - number / 100
        hopeless.append(any(planned.trial.is_hopeless(epoch, 9, value) for epoch in range(1, 4)))
        one.told(ended(planned, PRUNED if hopeless[-1] else FINISHED))
    assert hopeless[7]
    assert not all(hopeless)


@pytest.mark.parametrize("name", ["ö '\"[=,$#{: x", "a%41b?c"])
def test_a_study_lies_in_any_folder(tmp_path: Path, name: str) -> None:
    one = search(tmp_path / name)
    planned = one.next_point()
    assert planned is not None
    assert planned.trial is not None
    assert not planned.trial.is_hopeless(1, 9, 0.5)
    assert (tmp_path / name / "study.db").is_file()


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["sweep.sampler=grid", "sweep.num_trials=null", "sweep.storage=a"], "sweep.storage=a: a"),
        (["sweep.num_trials=null"], "sweep.sampler=tpe: say how many points"),
        (["trainer.early_stopping.metric=loss,val_loss"], "needs one metric for all points"),
    ],
)
def test_what_does_not_go_together_is_one_line(more: list[str], words: str) -> None:
    asked = [text for text in ASKED if more[0] != "sweep.sampler=grid" or "interval" not in text]
    config = compose_config([*OWN, *(text for text in more if "," not in text)])
    with pytest.raises(SpoonfulError, match=words) as caught:
        check_search(sweep_of([*asked, *more]), config.sweep)
    assert "\n" not in str(caught.value)
