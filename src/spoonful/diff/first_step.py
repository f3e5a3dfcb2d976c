"""The first step in which two streams of batches differ, made again from config and data."""

from dataclasses import dataclass

_NUM_SHOWN = 4


@dataclass(frozen=True)
class Batch:
    """A step of one run, made from its config and the present data.

    Attributes:
        epoch: from 1.
        number: in its epoch, from 1.
        ids: of its examples, in order.
    """

    epoch: int
    number: int
    ids: tuple[str, ...]


@dataclass(frozen=True)
class FirstStep:
    """What config and data show about the steps in which two ledgers first differ.

    Attributes:
        step: the first one that differs when both runs' batches are made again; None: none does.
        a: that step in A.
        b: that step in B.
        confirms_a: the repeated steps have the digests of A's ledger.
        confirms_b: the same for B.
    """

    step: int | None
    a: Batch
    b: Batch
    confirms_a: bool
    confirms_b: bool


def described(first: FirstStep, steps: str) -> tuple[str, tuple[str, ...]]:
    """Return the description: a detail, and the lines below it.

    Args:
        first: the result.
        steps: the steps in which the ledgers first differ, in words.
    """
    if first.step is None:
        made = "config and data here give both runs the same batches there, and confirm "
        return f"in {steps}", (made + _confirmed(first), *_other_pixels(first))
    where = f"first at step {first.step:,} ({_place(first)})"
    lines: tuple[str, ...]
    begin = _first_other(first.a.ids, first.b.ids)
    if begin is None:
        detail = f"{where}: the same {len(first.a.ids)} images, other pixels or labels"
        lines = (f"A, B  {_ids(first.a.ids, 0)}",)
    else:
        detail = where + (f", from its image {begin + 1} on" if begin else "")
        lines = (f"A  {_ids(first.a.ids, begin)}", f"B  {_ids(first.b.ids, begin)}")
    if not (first.confirms_a and first.confirms_b):
        caveat = f"so say config and data here, but they confirm {_confirmed(first)}"
        lines = (*lines, caveat)
    return detail, lines


def _other_pixels(first: FirstStep) -> tuple[str, ...]:
    if first.confirms_a == first.confirms_b:
        return ()
    other = "B" if first.confirms_a else "A"
    return (f"{other} read other pixels or labels; `spoonful pack --verify` checks those here",)


def _confirmed(first: FirstStep) -> str:
    if first.confirms_a or first.confirms_b:
        return "the ledger of A, not of B" if first.confirms_a else "the ledger of B, not of A"
    return "neither ledger"


def _place(first: FirstStep) -> str:
    a, b = first.a, first.b
    if (a.epoch, a.number) == (b.epoch, b.number):
        return f"epoch {a.epoch}, batch {a.number}"
    return f"A epoch {a.epoch}, batch {a.number}; B epoch {b.epoch}, batch {b.number}"


def _first_other(ids_a: tuple[str, ...], ids_b: tuple[str, ...]) -> int | None:
    """Return the first position in which two batches differ; None: they have the same images."""
    if ids_a == ids_b:
        return None
    pairs = enumerate(zip(ids_a, ids_b, strict=False))
    return next((at for at, (a, b) in pairs if a != b), min(len(ids_a), len(ids_b)))


def _ids(ids: tuple[str, ...], begin: int) -> str:
    shown = ids[begin : begin + _NUM_SHOWN]
    more = " ..." if len(ids) > begin + _NUM_SHOWN else ""
    return f"{' '.join(shown) or 'no more'}{more} ({len(ids)} images)"
