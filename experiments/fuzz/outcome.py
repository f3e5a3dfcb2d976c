"""What may become of a damaged input, and which of it must never be."""

from dataclasses import dataclass

# What the reading itself ends in.
SERVED = "served"
REFUSED = "refused"
EXCEPTION = "library exception"
CRASH = "crash"
SLOW = "over 10 s"
LARGE = "over 1 GiB"
NOISY = "words on stderr"
UNCLEAR = "refused without its name"
# What a second look at what was served says.
SAME = "the undamaged data"
UNNOTICED = "other data, which no reference refuses"
PILLOW = "served where Pillow refuses"
LIBJPEG = "served where libjpeg warns of lost data"
WRONG = "wrong data taken for good"
TWO_WAYS = "two ways to read, two results"

# Ends that are right; all others are findings.
GOOD = (REFUSED, SAME, UNNOTICED)
FINDINGS = (*(CRASH, SLOW, LARGE, EXCEPTION, NOISY, UNCLEAR, PILLOW, LIBJPEG, WRONG, TWO_WAYS),)

LIMIT_S = 10.0
LIMIT_MIB = 1024


class Refusal(Exception):  # noqa: N818 - no error, an answer
    """The input was refused in a way of its own; the message says how."""


@dataclass(frozen=True)
class Case:
    """A damaged input.

    Attributes:
        group: the format, or the file of a store or stage.
        variant: which undamaged one it was.
        damage: how it was damaged.
    """

    group: str
    variant: str
    damage: str


@dataclass(frozen=True)
class Outcome:
    """What became of a damaged input.

    Attributes:
        number: which input.
        case: what it was.
        end: one of GOOD or FINDINGS.
        detail: the message, or what was served otherwise.
        seconds: how long the reading took.
        peak_mib: the process' largest resident memory meanwhile.
    """

    number: int
    case: Case
    end: str
    detail: str
    seconds: float
    peak_mib: float

    @property
    def is_finding(self) -> bool:
        """Whether it must not be."""
        return self.end not in GOOD
