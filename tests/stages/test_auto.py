"""generator.shuffle=auto in real processes, whose memory holds the data at one time only."""

import shutil
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from mlflow.entities import Run

from tests.processes import ForkedSpoonful, command_environment, run_spoonful

pytestmark = pytest.mark.slow

PARTS = Path(__file__).parent / "own" / "my_parts.py"
# Data in files that no memory holds, and in files that take none.
TOO_LARGE, SMALL = {"STORED_BYTES": str(1 << 60)}, {"STORED_BYTES": "1"}
AUTO = "trainer.resume=auto"

Spoonful = Callable[..., Any]


@pytest.fixture
def arguments(digits: Path, tmp_path: Path) -> list[str]:
    """What trains on a source of the user's own, whose size the environment gives."""
    folder = tmp_path / "outside"
    folder.mkdir()
    shutil.copy(PARTS, folder)
    own = ["--config-dir", str(folder), "source._target_=my_parts.StoredDigits"]
    return [*own, "model=mlp", "model.num_units=[8]"]


@pytest.fixture
def train(digits: Path, arguments: list[str]) -> Spoonful:
    """`train(environment, *overrides)`, to its end."""

    def to_its_end(environment: dict[str, str], *overrides: str) -> str:
        done = run_spoonful(digits, "train", *arguments, *overrides, environment=environment)
        assert done.returncode == 0, done.stderr
        return str(done.stdout)

    return to_its_end


def order_of(run: Run) -> str:
    return str(run.data.params["generator.shuffle"])


def test_what_is_chosen_is_printed_and_recorded(processes: Any, train: Spoonful) -> None:
    said = train(TOO_LARGE, "trainer.epochs=1")
    why = "the files of the images take 2,199,023,255,552.0 MiB, more than half of the"
    assert f"\ngenerator.shuffle=auto: block, because {why}" in said
    assert "training mlp-adam-b32-block-s0 on" in said
    (run,) = processes.runs()
    params = run.data.params
    assert (order_of(run), params["generator.shuffle_asked"]) == ("block", "auto")
    assert params["generator.shuffle_reason"].startswith(why)
    train(TOO_LARGE, "trainer.epochs=1", "generator.shuffle=full")
    asked = processes.runs()[0].data.params
    assert asked["generator.shuffle"] == "full"
    assert "generator.shuffle_asked" not in asked


def test_a_resumed_and_a_repeated_run_keep_the_choice(
    digits: Path, processes: Any, arguments: list[str], train: Spoonful
) -> None:
    command = [*arguments, "trainer.epochs=60"]
    environment = {**command_environment(), **SMALL}
    process = ForkedSpoonful(["train", *command, AUTO], digits, environment)
    try:
        moved = partial(processes.have_moved, [])
        assert processes.wait_for(moved, process, "checkpoint"), process.communicate()
        process.send_signal(signal.SIGINT)
        process.communicate(60)
    finally:
        process.kill()
    said = train(TOO_LARGE, "trainer.epochs=60", AUTO)
    (run,) = processes.runs()
    assert f"resuming mlp-adam-b32-full-s0, run {run.info.run_id}" in said
    assert "generator.shuffle=auto: full, because" in said
    assert "MiB of free memory (when the run began)\n" in said
    assert (run.info.status, order_of(run)) == ("FINISHED", "full")

    again = run_spoonful(digits, "reproduce", "--anyway", run.info.run_id, environment=TOO_LARGE)
    assert "config generator.shuffle" not in again.stderr
    assert "generator.shuffle=auto" not in again.stdout
    assert "identical" in again.stdout, again.stdout + again.stderr
    assert order_of(processes.runs()[0]) == "full"


def test_all_points_of_a_sweep_have_the_same_order(
    digits: Path, processes: Any, arguments: list[str], train: Spoonful
) -> None:
    points = [f"sweep.run_name=mine sweep.point={name} trainer.epochs=1" for name in "ab"]
    train(SMALL, *points[0].split(), "seed=0")
    assert "generator.shuffle=auto: full" in train(TOO_LARGE, *points[1].split(), "seed=1")
    done = run_spoonful(
        digits, "sweep", *arguments, "seed=0,1", "trainer.epochs=1", environment=TOO_LARGE
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("generator.shuffle=auto: block") == 1
    orders: dict[str, set[str]] = {}
    for run in processes.runs():
        if "generator.shuffle" in run.data.params:
            orders.setdefault(run.data.tags["sweep.id"], set()).add(order_of(run))
    assert sorted(orders.values(), key=str) == [{"block"}, {"full"}]
