"""Find the fewest moves after which every class is in every split, by integer programming."""

import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array

# The search is limited by nodes, whose number is the same on every machine; a node of a large
# problem takes longer. If even so few take too long, there is no result, and not a different one.
_MAX_NODES = 5_000
_MAX_WORK = 1_000_000  # nodes x entries of the matrix
_MAX_SECONDS = 120.0
_LIMITED, _INFEASIBLE = 1, 2  # statuses of scipy.optimize.milp


@dataclass(frozen=True)
class Division:
    """The result of a search.

    Attributes:
        splits: the split of each unit; None: no solution was found.
        is_proved: without a solution: there is none.
    """

    splits: NDArray[np.int64] | None
    is_proved: bool = True


def fewest_moves(
    labels: Sequence[tuple[int, ...]],
    chosen: NDArray[np.int64],
    away: NDArray[np.float64],
    is_fixed: NDArray[np.bool_],
) -> Division:
    """Move as few units as possible so that every class is in every split.

    Of several such solutions, the moves to the nearest splits are taken.

    Args:
        labels: the classes of each unit, 0..c-1.
        chosen: the split of each unit before, 0..s-1.
        away: [units, s], how far a unit is from each split, 0..1.
        is_fixed: [c, s], whether a split has a class already, by units that do not move.
    """
    if not labels:
        return Division(chosen if is_fixed.all() else None)
    kept = _enough(labels, chosen, away)
    found = _solved([labels[unit] for unit in kept], chosen[kept], away[kept], is_fixed)
    if found.splits is None:
        return found
    splits = chosen.copy()
    splits[kept] = found.splits
    return Division(splits)


def _enough(
    labels: Sequence[tuple[int, ...]], chosen: NDArray[np.int64], away: NDArray[np.float64]
) -> list[int]:
    """Leave out units that no best solution moves.

    Of units with the same classes in the same split, one for each other split is enough to move,
    one of the nearest, and one more to stay. This keeps the search small if there are many images.
    """
    alike: dict[tuple[tuple[int, ...], int], list[int]] = defaultdict(list)
    for unit, (own, split) in enumerate(zip(labels, chosen.tolist(), strict=True)):
        alike[own, split].append(unit)
    num_splits = away.shape[1]
    kept: set[int] = set()
    for (_, split), units in alike.items():
        near: set[int] = set()
        for target in range(num_splits):
            if target != split:
                order = sorted(units, key=lambda unit: (away[unit, target], unit))
                near.update(order[: num_splits - 1])
        near.update([unit for unit in units if unit not in near][:1])
        kept |= near
    return sorted(kept)


def _solved(
    labels: Sequence[tuple[int, ...]],
    chosen: NDArray[np.int64],
    away: NDArray[np.float64],
    is_fixed: NDArray[np.bool_],
) -> Division:
    from scipy.optimize import Bounds, LinearConstraint, milp  # takes 0.3 s to import

    num_units, num_splits = away.shape
    num_classes = len(is_fixed)
    # A best solution has at most one move for each class and split, so that all distances together
    # count less than one more move.
    most_moves = min(num_units, num_classes * num_splits)
    cost = 1 + away / (most_moves + 1)
    cost[np.arange(num_units), chosen] = 0
    units = np.repeat(np.arange(num_units), [len(own) for own in labels])
    classes = np.array([label for own in labels for label in own], np.int64)
    # Variable u * num_splits + s: whether unit u is in split s.
    rows = (classes[:, None] * num_splits + np.arange(num_splits)).ravel()
    columns = (units[:, None] * num_splits + np.arange(num_splits)).ravel()
    size = num_units * num_splits
    has = coo_array((np.ones(len(rows)), (rows, columns)), (is_fixed.size, size)).tocsr()
    variables = np.arange(size)
    is_once = coo_array((np.ones(size), (variables // num_splits, variables)), (num_units, size))
    num_nodes = max(1, min(_MAX_NODES, _MAX_WORK // max(1, has.nnz)))
    start = time.monotonic()
    result = milp(
        cost.ravel(),
        integrality=np.ones(size),
        bounds=Bounds(0, 1),
        constraints=[
            LinearConstraint(has, np.where(is_fixed.ravel(), 0, 1), np.inf),
            LinearConstraint(is_once.tocsr(), 1, 1),
        ],
        options={"node_limit": num_nodes, "mip_rel_gap": 0, "time_limit": _MAX_SECONDS},
    )
    is_out_of_time = result.status == _LIMITED and time.monotonic() - start >= _MAX_SECONDS
    if result.x is None or is_out_of_time:
        return Division(None, is_proved=result.status == _INFEASIBLE)
    return Division(result.x.reshape(num_units, num_splits).argmax(axis=1).astype(np.int64))
