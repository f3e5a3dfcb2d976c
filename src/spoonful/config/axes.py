"""The axes of a sweep: which keys take which values, and the points that they make."""

import itertools
from dataclasses import dataclass
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from hydra.errors import HydraException

from spoonful.config.compose import compose_config, compose_hydra, explain
from spoonful.errors import SpoonfulError

# Of Hydra's sweepers the one that tries all combinations; others choose their points as they go.
_GRID = "BasicSweeper"


@dataclass(frozen=True)
class Sweep:
    """What a sweep runs over.

    Attributes:
        overrides: all of them, those of the overlay (hydra.sweeper.params) included.
        axes: the keys that take more than one value, in their order.
        points: the overrides of each point; None: the sweeper chooses the points as it goes.
        num_points: how many points.
        is_repeatable: run again, it comes to the same points in the same order.
    """

    overrides: tuple[str, ...]
    axes: tuple[str, ...]
    points: tuple[tuple[str, ...], ...] | None
    num_points: int
    is_repeatable: bool = True


def sweep_of(overrides: list[str]) -> Sweep:
    """Return the sweep that overrides ask for, with the axes of the overlay that they choose.

    An axis on the command line takes the place of the overlay's axis of the same key.

    Raises:
        SpoonfulError: an override that cannot be read, an axis without values, or no axis at all.
    """
    fixed = [text for text in overrides if not _parsed(text).is_sweep_override()]
    hydra = compose_hydra(fixed)
    params = hydra.sweeper.get("params") or {}
    given = {_parsed(text).get_key_element(): text for text in overrides}
    merged = {**{str(key): f"{key}={value}" for key, value in params.items()}, **given}
    if not str(hydra.sweeper._target_).endswith(_GRID):
        return _chosen_as_it_goes(merged, hydra.sweeper)
    values = {key: _axis(text) for key, text in merged.items() if not _is_hydra(text)}
    axes = tuple(key for key, texts in values.items() if len(texts) > 1)
    if not axes:
        raise SpoonfulError(
            "nothing to sweep over: give a key several values (generator.batch_size=32,64), or "
            "choose an experiment whose overlay has hydra.sweeper.params"
        )
    points = tuple(itertools.product(*values.values()))
    return Sweep(tuple(merged.values()), axes, points, len(points))


def check_overrides(overrides: list[str], multirun: bool) -> None:
    """Check overrides before anything slow is imported; in a sweep, each value of each axis.

    Raises:
        SpoonfulError: the first one that is wrong.
    """
    for point in _each_value_once(overrides) if multirun else [overrides]:
        compose_config(point)


def _axis(text: str) -> list[str]:
    """Return an override for each value that an override gives its key."""
    override = _parsed(text)
    if not override.is_sweep_override() or override.is_hydra_override():
        return [text]
    try:
        values = [f"{override.get_key_element()}={v}" for v in override.sweep_string_iterator()]
    except HydraException:  # glob(...), interval(...)
        values = []
    if not values:
        raise SpoonfulError(
            f"{text}: no values to sweep over; write key=a,b or key=range(first,beyond_last)"
        )
    return values


def _each_value_once(overrides: list[str]) -> list[list[str]]:
    """Give overrides that together contain each value of each axis once.

    The cost of trying them is the sum of the axes' lengths, not their product.
    """
    axes = [_axis(text) for text in overrides]
    first = [values[0] for values in axes]
    points = [first]
    for place, values in enumerate(axes):
        points += [[*first[:place], value, *first[place + 1 :]] for value in values[1:]]
    return points


def _chosen_as_it_goes(merged: dict[str, str], sweeper: Any) -> Sweep:
    axes = tuple(key for key, text in merged.items() if _parsed(text).is_sweep_override())
    sampler = sweeper.get("sampler") or {}
    return Sweep(
        overrides=tuple(merged.values()),
        axes=axes,
        points=None,
        num_points=int(sweeper.get("n_trials") or 0),
        is_repeatable=sampler.get("seed") is not None,
    )


def _is_hydra(text: str) -> bool:
    return _parsed(text).is_hydra_override()


def _parsed(text: str) -> Override:
    try:
        return OverridesParser.create().parse_overrides([text])[0]
    except HydraException as error:
        raise SpoonfulError(explain(error, [text])) from error
