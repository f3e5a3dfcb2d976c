"""A case's uninterrupted run, and its runs that are killed over and over."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from cases import Case
from life import Life
from moments import END, KINDS, VALIDATION, Blow, Pace, measured_pace, strike
from outcome import Outcome, Store, compare, differences
from scratch import Scratch

_THREADS = (0, 1, 2, 3)
_EVERY_STEPS = (3, 5, 10)
_MOST_LIVES = 60


@dataclass
class Kill:
    """One life that was ended, and what became of it.

    Attributes:
        case: its name.
        run: number of the run, from 1.
        life: number of the life in its run, from 1.
        kind: where it was hit, one of KINDS.
        exit_code: of the process; -9: SIGKILL.
        status: of the run in MLflow after it.
        num_threads: that read its batches.
        every_steps: how often it wrote checkpoints.
        began_at_step: the checkpoint that it went on from; 0: the beginning.
        checkpoint_step: the newest checkpoint in place that it left; 0: none.
        resumed_at_step: the checkpoint that the next life went on from (a later one where the kill
            came between the end of its write and its renaming); -1: the run was over.
    """

    case: str
    run: int
    life: int
    kind: str
    exit_code: int
    status: str
    num_threads: int
    every_steps: int
    began_at_step: int
    checkpoint_step: int
    resumed_at_step: int = -1


@dataclass
class Result:
    """What came of a case.

    Attributes:
        case: its name.
        epochs: trained, of how many asked for.
        runs: that were killed over and over.
        lives: processes of these runs.
        steps: of the training.
        same: for each part of the outcome, whether all runs have the bits of the uninterrupted one.
        kills: all.
    """

    case: str
    epochs: str = ""
    runs: int = 0
    lives: int = 0
    steps: int = 0
    same: dict[str, bool] = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)


class Trials:
    """All runs of one case.

    Args:
        case: what is trained.
        scratch: where.
        seed: decides the moments of the kills.
    """

    def __init__(self, case: Case, scratch: Scratch, seed: int) -> None:
        self._case = case
        self._scratch = scratch
        self._store = Store(scratch)
        self._random = Random(f"{seed} {case.name}")
        self._kept = scratch.root / "finished-checkpoint"

    def result(self, plans: Sequence[Sequence[str]]) -> Result:
        """Train once in peace, then once for each plan, and compare.

        Args:
            plans: for each run the kinds of its kills.
        """
        case, result = self._case, Result(self._case.name)
        reference, pace = self._uninterrupted()
        trained, asked = reference.num_epochs, int(reference.run.data.params["trainer.epochs"])
        if (trained < asked) != case.stops_early:
            raise SystemExit(f"{case.name}: trained {trained} of {asked} epochs: change the case")
        result.epochs = f"{trained} of {asked}"
        result.steps = reference.finished.step
        print(f"{case.name}: {result.epochs} epochs in peace, {pace}", flush=True)
        waiting: list[str] = []
        for plan in plans:
            waiting = self._killed_run(result, [*waiting, *plan], reference, pace)
        while waiting:
            waiting = self._killed_run(result, waiting, reference, pace)
        return result

    def control(self) -> dict[str, bool]:
        """Compare with a training that must differ: of another seed."""
        reference, _ = self._uninterrupted()
        other, _ = self._uninterrupted("seed=1")
        return compare(reference, other)

    def _uninterrupted(self, *overrides: str) -> tuple[Outcome, Pace]:
        known = self._begin()
        # Without checkpoints inside the epochs: writing them must change nothing, either.
        more = ("trainer.checkpoint_every_steps=null", *overrides)
        life = Life(self._scratch, (*self._case.command, *more), self._kept)
        marks = {}
        for name, condition in (
            ("begun", life.has_begun),
            ("first", lambda: life.newest_step() > 0),
            ("finished", life.has_finished),
        ):
            if not life.wait_until(condition):
                raise SystemExit(f"{self._case.name}: ended early:\n{life.log()}")
            marks[name] = life.age_s()
        self._check_end(life, life.finish())
        outcome = self._outcome(known)
        marks["recorded"] = marks["finished"] + outcome.ending_s
        val_times = [seconds for _, seconds in outcome.series["epoch_val_s"]]
        return outcome, measured_pace(life, val_times, marks)

    def _killed_run(
        self, result: Result, kinds: list[str], reference: Outcome, pace: Pace
    ) -> list[str]:
        """Kill and resume one run until it has finished; return the kinds not hit."""
        known = self._begin()
        result.runs += 1
        waiting = sorted(kinds, key=lambda kind: (kind == END, self._random.random()))
        num_lives = len(waiting) + 1
        for life_number in range(1, _MOST_LIVES + 1):
            result.lives += 1
            kill = self._life(result, life_number, waiting[:1], pace, num_lives)
            if kill is None:
                break
            result.kills.append(kill)
            if kill.kind in waiting:
                waiting.remove(kill.kind)
            if kill.status == "FINISHED":  # all was done but removing its checkpoints
                break
        else:
            raise SystemExit(f"{self._case.name}: not finished after {_MOST_LIVES} lives")
        outcome = self._outcome(known)
        same = compare(reference, outcome)
        for name, value in same.items():
            result.same[name] = result.same.get(name, True) and value
        print(f"{self._case.name} run {result.runs}: {life_number} lives, {same}", flush=True)
        if not all(same.values()):
            print("\n".join(differences(reference, outcome)), flush=True)
        return [kind for kind in waiting if kind != END]

    def _life(
        self, result: Result, number: int, kinds: list[str], pace: Pace, num_lives: int
    ) -> Kill | None:
        """Live once; None: to the end."""
        threads = self._random.choice(_THREADS)
        every = self._random.choice(_EVERY_STEPS)
        overrides = (
            "trainer.resume=auto",
            f"trainer.checkpoint_every_steps={every}",
            f"generator.num_threads={threads}",
        )
        is_marked = kinds == [VALIDATION]
        life = Life(self._scratch, (*self._case.command, *overrides), self._kept, is_marked)
        if kinds:
            blow = strike(life, kinds[0], pace, num_lives, self._random)
        else:
            blow = Blow("", life.finish())
        run_id, began_at = life.resumed() or ("", 0)
        if number > 1:
            result.kills[-1].resumed_at_step = began_at
        if blow.kind == "":
            self._check_end(life, blow.exit_code)
            return None
        run_id = run_id or self._store.run_ids()[0]
        status = self._store.status(run_id)
        kill = Kill(
            self._case.name,
            result.runs,
            number,
            blow.kind,
            blow.exit_code,
            status,
            threads,
            every,
            began_at,
            life.newest_step(),
        )
        print(f"{self._case.name} run {result.runs} life {number}: {_said(kill)}", flush=True)
        return kill

    def _begin(self) -> set[str]:
        """Forget the run before; return the ids of all runs so far."""
        shutil.rmtree(self._scratch.checkpoints, ignore_errors=True)
        shutil.rmtree(self._kept, ignore_errors=True)
        return set(self._store.run_ids())

    def _check_end(self, life: Life, exit_code: int) -> None:
        if exit_code != 0 or not life.has_finished():
            raise SystemExit(f"{self._case.name}: ended with code {exit_code}:\n{life.log()}")

    def _outcome(self, known: set[str]) -> Outcome:
        """Return what the run that has just ended left: all its lives are one run in MLflow."""
        new = set(self._store.run_ids()) - known
        if len(new) != 1:
            raise SystemExit(f"{self._case.name}: one run has left {len(new)} in MLflow: {new}")
        return self._store.outcome(new.pop(), self._scratch, self._kept)


def _said(kill: Kill) -> str:
    return (
        f"{kill.kind}, exit {kill.exit_code}, {kill.status}; went on from step "
        f"{kill.began_at_step}, left step {kill.checkpoint_step}"
    )


def plans(num_kills: int, num_runs: int, has_termination: bool) -> list[list[str]]:
    """Return the kinds of a case's kills, run by run: half in training, the rest in turns.

    Besides them each run is killed after its last step, and the first one is sent SIGTERM if
    `has_termination`.
    """
    training, validation, write, end, termination = KINDS
    turns = (training, write, training, validation)
    kinds = [turns[i % len(turns)] for i in range(num_kills)]
    found = [[*kinds[run::num_runs], end] for run in range(num_runs)]
    if has_termination:
        found[0].append(termination)
    return found
