"""When a life is ended: at a random moment of training, validation, or writing a checkpoint."""

import signal
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from life import Life

TRAINING = "training"
VALIDATION = "validation"
WRITE = "checkpoint write"
END = "after the last step"
TERMINATION = "SIGTERM"
KINDS = (TRAINING, VALIDATION, WRITE, END, TERMINATION)

_MOST_WRITES_PASSED = 3


@dataclass(frozen=True)
class Pace:
    """How long the uninterrupted run took, in s.

    Attributes:
        first_epoch_s: from saying that it trains to the first epoch's checkpoint.
        training_s: from saying that it trains to the last checkpoint.
        ending_s: from the last checkpoint to the end of the run in MLflow.
        validation_s: a validation.
        write_s: a checkpoint is unfinished.
    """

    first_epoch_s: float
    training_s: float
    ending_s: float
    validation_s: float
    write_s: float


@dataclass(frozen=True)
class Blow:
    """How a life was ended.

    Attributes:
        kind: one of KINDS, by where it hit; "": the life had ended by itself.
        exit_code: of the process.
    """

    kind: str
    exit_code: int


def strike(life: Life, kind: str, pace: Pace, num_lives: int, random: Random) -> Blow:
    """End a life at a moment of a kind; one that is missed hits whatever there is.

    Args:
        life: just begun.
        kind: one of KINDS.
        pace: of the uninterrupted run.
        num_lives: over how many lives the training is to be spread.
        random: decides the moment.
    """
    is_alive = life.wait_until(life.has_begun) and _MOMENTS[kind](life, pace, num_lives, random)
    if not is_alive:
        return Blow("", life.finish())
    has_finished, is_validating = life.has_finished(), life.is_validating()
    exit_code = life.end(signal.SIGTERM if kind == TERMINATION else signal.SIGKILL)
    if exit_code == 0:  # it was quicker
        return Blow("", exit_code)
    if kind == TERMINATION:
        return Blow(TERMINATION, exit_code)
    if life.was_writing():
        return Blow(WRITE, exit_code)
    if has_finished or life.has_finished():
        return Blow(END, exit_code)
    # The mark was there before the signal and is there after it: it hit in between.
    return Blow(VALIDATION if is_validating and life.is_validating() else TRAINING, exit_code)


def _in_training(life: Life, pace: Pace, num_lives: int, random: Random) -> bool:
    latest_s = pace.first_epoch_s + 2 * pace.training_s / num_lives
    return life.wait_s(random.uniform(0.3 * pace.first_epoch_s, latest_s))


def _in_validation(life: Life, pace: Pace, num_lives: int, random: Random) -> bool:
    if random.random() < 0.5:  # the second one
        if not life.wait_until(life.is_validating):
            return False
        if not life.wait_until(lambda: not life.is_validating()):
            return False
    if not life.wait_until(life.is_validating):
        return False
    return life.wait_s(random.uniform(0, 0.8 * pace.validation_s))


def _in_write(life: Life, pace: Pace, num_lives: int, random: Random) -> bool:
    for _ in range(random.randrange(_MOST_WRITES_PASSED)):
        if not life.wait_until(life.is_writing):
            return False
        if not life.wait_until(lambda: not life.is_writing()):
            return False
    if not life.wait_until(life.is_writing):
        return False
    return life.wait_s(random.uniform(0, 0.8 * pace.write_s))


def _after_end(life: Life, pace: Pace, num_lives: int, random: Random) -> bool:
    return life.wait_until(life.has_finished) and life.wait_s(random.uniform(0, pace.ending_s))


_MOMENTS: dict[str, Callable[[Life, Pace, int, Random], bool]] = {
    TRAINING: _in_training,
    VALIDATION: _in_validation,
    WRITE: _in_write,
    END: _after_end,
    TERMINATION: _in_training,
}


def measured_pace(life: Life, validation_times: list[float], marks: dict[str, float]) -> Pace:
    """Return the pace of a run that was watched to its end.

    Args:
        life: it.
        validation_times: of its epochs, s.
        marks: when it had begun, its first checkpoint, its last one and all recorded, s.
    """
    return Pace(
        first_epoch_s=marks["first"] - marks["begun"],
        training_s=marks["finished"] - marks["begun"],
        ending_s=marks["recorded"] - marks["finished"],
        validation_s=statistics.median(validation_times),
        write_s=statistics.median(life.write_times),
    )
