"""One stage's command: run in peace, then killed and run again, over and over."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from command import MOST_ORPHAN_S, OrphanWatch, Running
from scratch import SPOONFUL
from stage_cases import COMMAND, KILL, Blow, StageCase
from stage_project import Files, Runs, StageProject

PARTS = ("outputs", "never half", "one run each", "none RUNNING", "nothing left", "no orphans")
_STRUCK = str(Path(__file__).with_name("struck.py"))
_MOST_LIVES = 12
_MOST_MISSES = 4
_WAIT_S = 1.0  # before a command that was refused is run again


@dataclass
class StageKill:
    """One process that was killed.

    Attributes:
        case: its name.
        trial: from 1.
        life: number of the life in its trial, from 1.
        moment: the change of the disk that it was about to make, or when it was, in s.
        victim: which process.
        signal: its name.
        exit_code: of the command.
        half: outputs of which some were old, others new, before the next life.
        running: runs that MLflow had as RUNNING then.
        orphans: processes alive 20 s later.
        alive_s: how long the last of its processes lived on.
    """

    case: str
    trial: int
    life: int
    moment: str
    victim: str
    signal: str
    exit_code: int
    half: int = 0
    running: int = 0
    orphans: int = 0
    alive_s: float = 0.0


@dataclass
class StageResult:
    """What came of a case.

    Attributes:
        case: its name.
        seconds: that the command takes in peace.
        minutes: that all of it took.
        trials: runs of the command until it has finished.
        lives: processes of these runs.
        refused: lives that ended by themselves with an error, and were run again.
        same: for each of PARTS, whether it held in all trials.
        kills: all.
        faults: what did not hold, in words.
    """

    case: str
    seconds: float = 0.0
    minutes: float = 0.0
    trials: int = 0
    lives: int = 0
    refused: int = 0
    same: dict[str, bool] = field(default_factory=lambda: dict.fromkeys(PARTS, True))
    kills: list[StageKill] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


# A change of the disk by its number and label, or a blow at a random moment.
_Plan = tuple[int, str] | Blow


class StageTrials:
    """All trials of one case.

    Args:
        case: what is killed.
        root: the project.
        seed: decides the moments.
    """

    def __init__(self, case: StageCase, root: Path, seed: int) -> None:
        self._case = case
        self._project = StageProject(root, case)
        self._root = root
        self._random = Random(f"{seed} {case.name}")
        self._changes = root.with_name("changes.txt")

    def result(self, share: float = 1.0) -> StageResult:
        """Run the command in peace, then kill it as often as the case says.

        Args:
            share: of the kills, for a short run.
        """
        case, result = self._case, StageResult(self._case.name)
        start = time.monotonic()
        self._project.make()
        begin = time.monotonic()
        self._in_peace(case.command)
        result.seconds = time.monotonic() - begin
        self._project.learn()
        files, runs = self._project.files(), self._project.runs()
        if not files or runs.twice or set(runs.statuses) - {"FINISHED"}:
            raise SystemExit(f"{case.name}, in peace: {len(files)} files, {runs.statuses}")
        plans: list[_Plan] = self._chosen_changes(round(share * case.num_changes))
        plans += self._random.sample(case.blows, max(1, round(share * len(case.blows))))
        print(f"{case.name}: {result.seconds:.1f} s in peace, {len(plans)} kills", flush=True)
        misses = 0
        while plans:
            waiting, plans = plans[: case.num_lives], plans[case.num_lives :]
            missed = self._trial(result, waiting, files, runs)
            misses += len(missed)
            plans += missed if misses <= _MOST_MISSES * len(case.blows) else []
        result.minutes = (time.monotonic() - start) / 60
        return result

    def _in_peace(self, command: Sequence[str]) -> None:
        running = Running(tuple(command), self._root, self._root.with_name("life.log"))
        if running.finished():
            raise SystemExit(f"{self._case.name}, in peace: {running.said()}")

    def _chosen_changes(self, number: int) -> list[_Plan]:
        """Listen to a run in peace; choose changes of the disk, each of another kind."""
        if not number:
            return []
        self._project.bring_back()
        self._in_peace(self._listened(-1))
        changes = self._changes.read_text(encoding="utf-8").splitlines()
        kinds: dict[str, list[int]] = {}
        for position, name in enumerate(changes):
            kinds.setdefault(name, []).append(position)
        chosen = [(self._random.choice(found), name) for name, found in kinds.items()]
        return list(self._random.sample(chosen, min(number, len(chosen))))

    def _listened(self, kill_at: int) -> tuple[str, ...]:
        python, arguments = SPOONFUL[0], self._case.arguments
        return (python, _STRUCK, str(self._changes), str(kill_at), *arguments)

    def _trial(
        self, result: StageResult, plans: list[_Plan], files: Files, runs: Runs
    ) -> list[_Plan]:
        """Kill and run again until the command has finished; return the plans not hit."""
        self._project.bring_back()
        result.trials += 1
        waiting, watches = list(plans), []
        for life in range(1, _MOST_LIVES + 1):
            result.lives += 1
            plan = waiting[0] if waiting else None
            running, kill = self._life(result, plan, life)
            if kill is None:
                if running.finished() == 0 or self._has_ended(running):
                    break
                result.refused += 1
                self._note(result, f"life {life}: {_last_line(running.said())}", None)
                time.sleep(_WAIT_S)
                continue
            waiting.remove(plan)
            watch = OrphanWatch(running)
            watches.append((watch, kill))
            result.kills.append(kill)
            if self._random.random() < 0.5:  # else the next life meets what is left of this one
                watch.result()
            self._look_at_what_is_left(result, kill)
        else:
            raise SystemExit(f"{self._case.name}: not finished after {_MOST_LIVES} lives")
        for watch, kill in watches:
            orphans = watch.result()
            kill.orphans, kill.alive_s = len(orphans), round(watch.last_s, 1)
            for orphan in orphans:
                self._note(
                    result,
                    f"{_said(kill)}: alive after {MOST_ORPHAN_S:g} s: {orphan}",
                    "no orphans",
                )
        self._check(result, files, runs)
        return waiting

    def _life(
        self, result: StageResult, plan: _Plan | None, life: int
    ) -> tuple[Running, StageKill | None]:
        """Live once; None: to the end."""
        log = self._root.with_name(f"life-{life}.log")
        command = self._listened(plan[0]) if isinstance(plan, tuple) else self._case.command
        running = Running(command, self._root, log)
        kill = StageKill(self._case.name, result.trials, life, "", COMMAND, KILL.name, 0)
        if isinstance(plan, tuple):
            kill.moment = f"before {plan[1]}"
            kill.exit_code = running.finished()
            return running, kill if kill.exit_code == -KILL else None
        if plan is None:
            return running, None
        running.wait(self._random.uniform(0.05, 1.0) * result.seconds)
        kill.moment = f"{running.age_s():.1f} s"
        kill.victim, kill.signal = plan.victim, plan.number.name
        if not running.strike(plan.victim, plan.number, self._random):
            return running, None
        kill.exit_code = running.finished()
        is_late = self._has_ended(running) or (kill.exit_code == 0 and plan.number != KILL)
        return running, None if is_late else kill

    def _has_ended(self, running: Running) -> bool:
        """Say whether the command was done with its work, and only its interpreter was killed."""
        words = self._case.last_words
        return words is not None and words in running.said()

    def _look_at_what_is_left(self, result: StageResult, kill: StageKill) -> None:
        mixed = self._project.mixed()
        kill.half = len(mixed)
        for found in mixed:
            self._note(result, f"{_said(kill)}: {found}", "never half")
        kill.running = self._project.runs().statuses["RUNNING"]

    def _check(self, result: StageResult, files: Files, runs: Runs) -> None:
        """Compare what the command has made in the end with what it makes in peace."""
        found, recorded = self._project.files(), self._project.runs()
        names = sorted({n for n in {*files, *found} if files.get(n) != found.get(n)})
        if names:
            self._note(result, f"other than in peace: {names[:5]}", "outputs")
        if recorded.found != runs.found or recorded.twice:
            more = sorted(set(recorded.found) ^ set(runs.found))
            self._note(result, f"{recorded.statuses}, {_differing(more)}", "one run each")
            for twice in recorded.twice[:5]:
                self._note(result, f"recorded twice: {twice}", "one run each")
        if recorded.statuses["RUNNING"]:
            self._note(result, f"{recorded.statuses}", "none RUNNING")
        left = self._project.leftovers()
        if left:
            self._note(result, f"left {left[:5]}", "nothing left")

    def _note(self, result: StageResult, text: str, part: str | None) -> None:
        """Note what did not hold; `part` is None where nothing is to hold."""
        if part is not None:
            result.same[part] = False
        hits = "; ".join(_said(k) for k in result.kills if k.trial == result.trials)
        words = f"{result.case} trial {result.trials}: {text} (kills: {hits})"
        result.faults.append(words)
        print(words, flush=True)


def _said(kill: StageKill) -> str:
    return f"{kill.signal} to {kill.victim}, {kill.moment}, exit {kill.exit_code}"


def _differing(runs: Sequence[str]) -> str:
    """Return from where on two descriptions of runs differ."""
    if len(runs) < 2:
        return f"{len(runs)} differ"
    pairs = enumerate(zip(runs[0], runs[1], strict=False))
    same = next((place for place, (one, other) in pairs if one != other), 0)
    one, other = (run[max(0, same - 40) : same + 80] for run in runs[:2])
    return f"{len(runs)} differ: ...{one}, ...{other}"


def _last_line(text: str) -> str:
    lines = text.strip().splitlines()
    return lines[-1][:300] if lines else "nothing said"
