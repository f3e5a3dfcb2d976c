"""`spoonful sweep`: train every point of a sweep; finished points are not repeated."""

import itertools
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from spoonful import progress
from spoonful.config.axes import Sweep, check_sweep, sweep_of
from spoonful.config.components import check_slow_targets
from spoonful.config.compose import compose_config
from spoonful.config.fields import AUTO
from spoonful.config.own_data import with_noted_path
from spoonful.config.schema import Config
from spoonful.config.settings import with_absolute_paths
from spoonful.errors import SpoonfulError
from spoonful.output import say_last
from spoonful.record.metrics import VAL_METRICS
from spoonful.sources import Source
from spoonful.sweep.folder import (
    FAILED,
    FINISHED,
    PRUNED,
    PlannedPoint,
    PointRecord,
    SweepFolder,
    SweepRecord,
    without_logins,
)
from spoonful.sweep.point import NO_ROOM, PlacedPoint, failed_record, train_point
from spoonful.sweep.processes import TERMINATED, Processes, start_server
from spoonful.sweep.search import Search, check_search
from spoonful.sweep.start import begun, command_of, counted
from spoonful.tracking.store import where_recorded
from spoonful.workflow.data import open_train_and_val
from spoonful.workflow.interrupted import remove_run_folder
from spoonful.workflow.shuffle_choice import shuffle_choice
from spoonful.workflow.train_words import say_what_is_chosen
from spoonful.workflow.unsent import UNSENT, end_if_unsent, kept_for_the_server, settle_store

POINT_FAILED = 1
# Groups that do not affect which data is read.
_NO_DATA = ("model", "optimizer", "trainer", "callbacks", "generator", "seed=", "sweep.")

_NOT_IN_A_SWEEP = {
    "trainer.resume": "a sweep is resumed by sweep.resume",
    "trainer.accept_changed_data": (
        "a sweep compares settings on the same data, so with other data a new sweep begins"
    ),
    "sweep.point": "it makes one `spoonful train` a point, a sweep's points are numbered",
}


def sweep(overrides: list[str]) -> None:
    """Train every point; exit with 1 if one failed.

    Args:
        overrides: from the command line; with those of the overlay they define the axes.

    Raises:
        SpoonfulError: bad overrides, at any point; no data that any point could train on; a sweep
            to resume that does not exist.
    """
    asked = sweep_of(overrides)
    configs = check_sweep(asked)
    check_slow_targets(configs)
    for key, why in _NOT_IN_A_SWEEP.items():
        if any(text.startswith(f"{key}=") for text in overrides):
            raise SpoonfulError(f"{key}: {why}; leave it out")
    config = with_noted_path(with_absolute_paths(configs[0]))
    check_search(asked, config.sweep)
    sources = _check_data(asked)
    print(f"recording in {where_recorded(config.tracking, overrides)}", flush=True)
    settle_store(config.tracking)
    start_server()  # it does slow imports while this process does the same
    folder, record = begun(config, asked, overrides, configs)
    with folder.held():
        record = counted(folder, _with_choice(record, configs, sources))
        grid = asked.points
        chooser = _Grid(grid, folder) if grid is not None else Search(asked, config, folder)
        numbers = itertools.count(record.num_done + 1)
        _Run(config, folder, record, chooser, overrides, numbers).run()


def _with_choice(
    record: SweepRecord, configs: Sequence[Config], sources: tuple[Source, Source]
) -> SweepRecord:
    """Return the record with what was chosen for generator.shuffle=auto, and print that."""
    asked = next((c for c in configs if c.generator.shuffle == AUTO), configs[0])
    choice = record.choice or shuffle_choice(asked, sources)
    say_what_is_chosen(asked, choice, is_begun=record.choice is not None)
    return replace(record, choice=choice)


def _check_data(asked: Sweep) -> tuple[Source, Source]:
    """Check that the data exists, and matches at least one point; return that data."""
    errors: list[SpoonfulError] = []
    first = tuple(texts[0] for texts in asked.candidates)
    all_points = (first,) if asked.points is None else asked.points
    points = ([t for t in point if not t.startswith(_NO_DATA)] for point in all_points)
    # Composing a config takes 70 ms, and a sweep may have hundreds of points.
    for point in dict.fromkeys(map(tuple, points)):
        try:
            return open_train_and_val(with_absolute_paths(compose_config(list(point))))
        except SpoonfulError as error:
            errors.append(error)
    raise errors[0]


class _Grid:
    """Every combination of the axes' values, in order; finished ones are left out."""

    def __init__(self, points: Sequence[Sequence[str]], folder: SweepFolder) -> None:
        self._left = [
            PlannedPoint(number, list(overrides))
            for number, overrides in enumerate(points)
            if (done := folder.point(number)) is None or done.overrides != without_logins(overrides)
        ]
        for done in folder.points():
            if done.run_id is not None:
                remove_run_folder(done.run_id)  # if it was killed before it could do so

    def next_point(self) -> PlannedPoint | None:
        """Return the next point; None: no more points."""
        return self._left.pop(0) if self._left else None

    def told(self, record: PointRecord) -> None:
        """Ignore how a point ended: no other point depends on it."""

    def best(self) -> tuple[int, float] | None:
        """Return None: `spoonful compare` finds the best point, over the seeds."""
        return None


@dataclass(frozen=True)
class _Run:
    """A sweep that trains its points."""

    config: Config
    folder: SweepFolder
    sweep: SweepRecord
    chooser: "_Grid | Search"
    overrides: list[str]
    numbers: "itertools.count[int]"  # number of ended points, including the next one

    def run(self) -> None:
        """Train the points, and set the final status of the sweep's run."""
        from spoonful.tracking.parent import end_children, end_sweep, mark_parent

        tracking, run_id = self.config.tracking, self.sweep.run_id
        num_done = self.sweep.num_done
        how = f"continuing, {num_done} of them finished" if num_done else "begins"
        print(f"sweep {self.sweep.name}, run {run_id}: {self.sweep.num_points} points, {how}")
        sys.stdout.flush()
        end_children(tracking, run_id, "KILLED")  # of a sweep that was killed with its processes
        mark_parent(tracking, run_id, "RUNNING")
        try:
            with progress.silence():  # the points print their own output
                processes = Processes(train_point, self.config.sweep.num_parallel)
                processes.run(self._next, self._ended)
        except (KeyboardInterrupt, SystemExit):
            end_sweep(tracking, run_id, "KILLED")
            ended = f"{len(self.folder.points())} of {self.sweep.num_points} points"
            command = command_of(self.overrides)
            say_last(f"spoonful: sweep ended after {ended}; continue it with\n  {command}")
            raise
        except BaseException:
            end_sweep(tracking, run_id, "FAILED")
            raise
        failed = [point for point in self.folder.points() if point.status == FAILED]
        mark_parent(tracking, run_id, "FAILED" if failed else "FINISHED")
        self._summarise()
        end_if_unsent(kept_for_the_server(), POINT_FAILED if failed else UNSENT)
        if failed:
            sys.exit(POINT_FAILED)

    def _next(self) -> PlacedPoint | None:
        planned = self.chooser.next_point()
        if planned is None:
            return None
        return PlacedPoint(planned, self.sweep, self.folder.path, Path.cwd())

    def _ended(self, placed: PlacedPoint, exit_code: int) -> None:
        """Record how a point ended; also in MLflow if its process could not."""
        if exit_code == NO_ROOM:
            raise SpoonfulError(
                f"the sweep ended at the point {placed.label}, because the disk is full; make "
                "room, then run the same command again: it resumes at this point"
            )
        record = self.folder.point(placed.planned.number)
        if record is None:
            from spoonful.tracking.parent import end_children

            error = _cause(exit_code)
            number, run_id = placed.planned.number, self.sweep.run_id
            status = "KILLED" if exit_code == TERMINATED else "FAILED"
            end_children(self.config.tracking, run_id, status, number, error)
            record = failed_record(placed, error)
            self.folder.write_point(record)
        self.chooser.told(record)
        self._say(record)

    def _say(self, record: PointRecord) -> None:
        """Print how a point ended, and how long the rest takes."""
        ended, width = next(self.numbers), len(str(self.sweep.num_points))
        if record.status == FAILED:
            outcome = f"failed: {record.error}"
        elif record.status == PRUNED:
            outcome = f"pruned after epoch {record.pruned_after}"
        else:
            score = f"{VAL_METRICS}{self.config.task.score}"
            outcome = f"{score} {record.metrics[score]:.4f}"
        left = round(self.sweep.left_s(ended))
        print(
            f"[{ended:>{width}}/{self.sweep.num_points}] {record.label}: {outcome}, "
            f"{record.duration_s:.0f} s" + (f"; left {left // 60}:{left % 60:02d}" if left else ""),
            file=sys.stderr if record.status == FAILED else sys.stdout,
            flush=True,
        )

    def _summarise(self) -> None:
        """Print the results of the sweep."""
        from spoonful.compare.wording import counted_noun

        points = self.folder.points()
        of = {s: [p for p in points if p.status == s] for s in (FINISHED, PRUNED, FAILED)}
        run_id = self.sweep.run_id
        print(
            f"sweep {self.sweep.name}, run {run_id}: {counted_noun(len(of[FINISHED]), 'point')} "
            "finished" + "".join(f", {len(of[s])} {s}" for s in (PRUNED, FAILED) if of[s])
        )
        for point in of[FAILED]:
            print(f"  failed: {point.label}: {point.error}")
        best = self.chooser.best()
        if best is not None:
            metric = self.config.trainer.early_stopping.metric
            label = next(point.label for point in points if point.number == best[0])
            print(f"best: {label}: {metric} {best[1]:.4f}, point {best[0]}")
        if of[FAILED]:
            print(f"try them again: {command_of(self.overrides)}")
        print(f"compare them: spoonful compare compare.sweep={run_id}", flush=True)


def _cause(exit_code: int) -> str:
    """Return in words why a process ended that could not report it itself."""
    if exit_code == TERMINATED:
        return "ended by SIGTERM"
    if exit_code >= 0:
        return f"its process ended with exit code {exit_code}"
    name = signal.Signals(-exit_code).name
    maybe = ", perhaps out of memory" if -exit_code == signal.SIGKILL else ""
    return f"killed by {name}{maybe}"
