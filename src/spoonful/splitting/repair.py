"""Move as few units as possible so that every class is in every split."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from spoonful.splitting.search import Division, fewest_moves


class Repair:
    """Moves units into splits that a class misses, without taking any class out of a split.

    Attributes:
        chosen: the split of each unit; changed in place.

    Args:
        pairs: [n, 2], each class and a unit with images of it; no pair twice, in ascending order.
        chosen: the split of each unit, 0..s-1; the last is train.
        is_pinned: the units that must stay where they are.
        away: [units, s], how far a unit is from each split.
        names: of the units, for the order of units that are equally far away.
    """

    def __init__(
        self,
        pairs: NDArray[np.int64],
        chosen: NDArray[np.int64],
        is_pinned: NDArray[np.bool_],
        away: NDArray[np.float64],
        names: Sequence[tuple[str, ...]],
    ) -> None:
        self.chosen, self._before, self._is_pinned = chosen, chosen.copy(), is_pinned
        self._away, self._names = away, names
        labels, units = pairs.T
        self._counts = np.zeros((labels.max() + 1, away.shape[1]), np.int64)
        np.add.at(self._counts, (labels, chosen[units]), 1)
        self._units = np.split(units, np.flatnonzero(np.diff(labels)) + 1)
        by_unit = np.argsort(units, kind="stable")
        self._labels = np.split(labels[by_unit], np.flatnonzero(np.diff(units[by_unit])) + 1)

    def units(self, label: int) -> list[int]:
        """Return the units with images of a class."""
        return [int(unit) for unit in self._units[label]]

    def labels(self, unit: int) -> list[int]:
        """Return the classes of a unit."""
        return [int(label) for label in self._labels[unit]]

    def is_pinned(self, unit: int) -> bool:
        """Return whether a unit must stay where it is."""
        return bool(self._is_pinned[unit])

    def fill(self, label: int) -> bool:
        """Move the nearest units into the splits that a class misses; False: none can be spared."""
        for split in range(self._counts.shape[1]):
            if not self._counts[label, split]:
                order = sorted((self._away[u, split], self._names[u], u) for u in self.units(label))
                if not self._move_first([unit for _, _, unit in order], split):
                    return False
        return True

    def _move_first(self, units: Sequence[int], split: int) -> bool:
        for unit in units:
            own, old = self._labels[unit], self.chosen[unit]
            if not self._is_pinned[unit] and (self._counts[own, old] > 1).all():
                self._counts[own, old] -= 1
                self._counts[own, split] += 1
                self.chosen[unit] = split
                return True
        return False

    def tied(self, label: int) -> list[int]:
        """Return the classes that share units with a class, or with one that does; with itself."""
        found, ahead = {label}, [label]
        seen: set[int] = set()
        while ahead:
            for unit in self.units(ahead.pop()):
                if unit not in seen and not self._is_pinned[unit]:  # what cannot move ties nothing
                    seen.add(unit)
                    ahead += set(self.labels(unit)) - found
                    found.update(self.labels(unit))
        return sorted(found)

    def search(self, labels: Sequence[int]) -> Division:
        """Divide the units of tied classes again, with the fewest moves of all possible divisions.

        `fill` moves one unit after the other, and cannot take one from where it is needed even if
        another could replace it there.

        Args:
            labels: as `tied` returns them.
        """
        numbers = {label: number for number, label in enumerate(labels)}
        all_units = {unit for label in labels for unit in self.units(label)}
        movable = [unit for unit in all_units if not self._is_pinned[unit]]
        units = np.array(sorted(movable, key=lambda unit: self._names[unit]), np.int64)
        is_fixed = np.zeros((len(labels), self._counts.shape[1]), bool)
        for unit in all_units.difference(movable):
            own = [numbers[label] for label in self.labels(unit) if label in numbers]
            is_fixed[own, self.chosen[unit]] = True
        own_labels = [tuple(numbers[label] for label in self.labels(unit)) for unit in units]
        found = fewest_moves(own_labels, self._before[units], self._away[units], is_fixed)
        if found.splits is not None:
            self.chosen[units] = found.splits
        return found
