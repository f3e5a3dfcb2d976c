"""The axes of a sweep: which keys take which values, and the resulting points."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from hydra.core.override_parser.types import IntervalSweep, RangeSweep
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from spoonful.config.compose import compose_config, compose_unchecked
from spoonful.config.fields import AUTO
from spoonful.config.overrides import parsed
from spoonful.config.schema import Config
from spoonful.errors import SpoonfulError

GRID = "grid"
# Hydra's own plugins for sweeps, and their replacements here.
_REPLACED = {
    "hydra/launcher": "points train side by side with sweep.num_parallel=2",
    "hydra.launcher": "points train side by side with sweep.num_parallel=2",
    "hydra/sweeper": "points are chosen by a sampler with sweep.sampler=tpe sweep.num_trials=20",
    "hydra.sweeper": "points are chosen by a sampler with sweep.sampler=tpe sweep.num_trials=20",
    "hydra.sweep": "a sweep's folder is models/sweeps/<the id of its run>",
}
_OVERLAY_AXES = "hydra.sweeper.params"
_AUTO_KEYS = ("generator.shuffle", "dataset.image_size")


@dataclass(frozen=True)
class Interval:
    """Numbers between two ends, both included.

    Attributes:
        low: the smaller end.
        high: the larger end.
        is_log: numbers are drawn on a logarithmic scale.
        is_whole: only whole numbers.
    """

    low: float
    high: float
    is_log: bool
    is_whole: bool


@dataclass(frozen=True)
class Values:
    """A list of values.

    Attributes:
        texts: an override for each.
        are_whole_range: they are evenly spaced whole numbers in ascending order.
    """

    texts: tuple[str, ...]
    are_whole_range: bool = False


Space = Interval | Values


@dataclass(frozen=True)
class Sweep:
    """What a sweep runs over.

    Attributes:
        overrides: all of them, including those of the overlay (hydra.sweeper.params).
        axes: the keys that take more than one value, in their order.
        points: the overrides of each point; None: a sampler chooses the points during the sweep.
        num_points: number of points; 0: not given.
        fixed: the overrides that are the same at every point.
        spaces: possible values of each axis.
        candidates: for each override, one per value, or per end of an interval.
    """

    overrides: tuple[str, ...]
    axes: tuple[str, ...]
    points: tuple[tuple[str, ...], ...] | None
    num_points: int
    fixed: tuple[str, ...]
    spaces: dict[str, Space]
    candidates: tuple[list[str], ...]


def sweep_of(overrides: list[str]) -> Sweep:
    """Return the sweep described by overrides, with the axes of the chosen overlay.

    An axis on the command line replaces the overlay's axis of the same key.

    Raises:
        SpoonfulError: an override that cannot be read, an axis without values, or no axis at all.
    """
    for text in overrides:
        _check_is_ours(text)
    single = [text for text in overrides if not parsed(text).is_sweep_override()]
    composed = compose_unchecked(single, with_hydra=True)
    for plugin in ("launcher", "sweeper"):  # chosen in conf/
        if not str(composed.hydra[plugin]._target_).endswith(f"Basic{plugin.capitalize()}"):
            raise SpoonfulError(f"hydra/{plugin}: {_REPLACED[f'hydra/{plugin}']}")
    params = composed.hydra.sweeper.get("params") or {}
    given = {parsed(text).get_key_element(): text for text in overrides}
    merged = {**{str(key): f"{key}={value}" for key, value in params.items()}, **given}
    # Settings of the sweep itself do not affect what its points train.
    of_points = {key: text for key, text in merged.items() if not key.startswith("sweep.")}
    candidates = {key: _space(text, composed) for key, text in of_points.items()}
    spaces = {key: space for key, space in candidates.items() if _is_axis(space)}
    if not spaces:
        raise SpoonfulError(
            "nothing to sweep over: give a key several values (generator.batch_size=32,64), or "
            f"choose an experiment whose overlay has {_OVERLAY_AXES}"
        )
    points: tuple[tuple[str, ...], ...] | None = None
    num_points = int(composed.sweep.get("num_trials") or 0)
    if composed.sweep.get("sampler") == GRID:
        points = tuple(itertools.product(*(_grid_values(k, candidates[k]) for k in of_points)))
        num_points = len(points)
    own = [[text] for key, text in merged.items() if key.startswith("sweep.")]
    return Sweep(
        overrides=tuple(merged.values()),
        axes=tuple(spaces),
        points=points,
        num_points=num_points,
        fixed=tuple(_ends(k, candidates[k])[0] for k in of_points if k not in spaces),
        spaces=spaces,
        candidates=(*own, *(_ends(key, space) for key, space in candidates.items())),
    )


def check_sweep(asked: Sweep) -> list[Config]:
    """Check each value of each axis, or both ends of an interval, before slow imports.

    Returns:
        Configs that together have each value once; the first is that of the first point.

    Raises:
        SpoonfulError: the first value that is wrong.
    """
    for texts in asked.candidates:
        if len(texts) > 1 and texts[0].partition("=")[0] in _AUTO_KEYS:
            _check_is_no_auto(texts)
    return [compose_config(point) for point in _each_value_once(asked.candidates)]


def _check_is_no_auto(texts: Sequence[str]) -> None:
    for text in texts:
        key, _, value = text.partition("=")
        if value == AUTO:
            raise SpoonfulError(
                f"{text}: it stands for a value that may be one of the others of this sweep; list "
                f"the values of {key} themselves"
            )


def first_values(overrides: list[str]) -> list[str]:
    """Return overrides with the first value of each list, to show what a sweep's config is.

    Raises:
        SpoonfulError: an override that cannot be read, or a list without values.
    """
    single = [text for text in overrides if not parsed(text).is_sweep_override()]
    if len(single) == len(overrides):
        return overrides
    composed = compose_unchecked(single)
    return [_ends(parsed(o).get_key_element(), _space(o, composed))[0] for o in overrides]


def _check_is_ours(text: str) -> None:
    for start, instead in _REPLACED.items():
        is_named = text.lstrip("+~").startswith((f"{start}=", f"{start}.", f"{start}@"))
        if is_named and not text.startswith(_OVERLAY_AXES):
            raise SpoonfulError(f"{text}: {instead}; leave it out")


def _grid_values(key: str, space: Space) -> list[str]:
    """Return the overrides that a key takes one after another."""
    if isinstance(space, Interval):
        raise SpoonfulError(
            f"{key}=interval(...): an interval has no values to try one by one; write {key}=a,b or "
            f"{key}=range(first,beyond_last), or add sweep.sampler=tpe sweep.num_trials=20"
        )
    return _ends(key, space)


def _is_axis(space: Space) -> bool:
    return isinstance(space, Interval) or len(space.texts) > 1


def _space(text: str, composed: DictConfig) -> Space:
    """Return the values that an override allows for its key."""
    override = parsed(text)
    if not override.is_sweep_override() or override.is_hydra_override():
        return Values((text,))
    key, value = override.get_key_element(), override.value()
    if isinstance(value, IntervalSweep):
        return _interval(text, key, value, composed)
    if getattr(value, "shuffle", False):
        raise SpoonfulError(
            f"{text}: shuffle(...) is another order at each start, so that a stopped sweep could "
            "not be resumed; list the values in the order that you want"
        )
    try:
        values = list(override.sweep_string_iterator())
    except HydraException:  # glob(...)
        values = []
    if not values:
        raise SpoonfulError(
            f"{text}: no values to sweep over; write key=a,b or key=range(first,beyond_last)"
        )
    are_whole_range = isinstance(value, RangeSweep) and all(value.isdecimal() for value in values)
    return Values(tuple(f"{key}={value}" for value in values), are_whole_range)


def _interval(text: str, key: str, value: IntervalSweep, composed: DictConfig) -> Interval:
    low, high, is_log = value.start, value.end, "log" in value.tags
    if low is None or high is None or not low < high or (is_log and low <= 0):
        needs = " and 0 < first" if is_log else ""
        raise SpoonfulError(f"{text}: expected interval(first,last) with first < last{needs}")
    is_whole = isinstance(low, int) and isinstance(high, int)
    if not is_whole and float(low).is_integer() and float(high).is_integer():
        # Hydra reads interval(0,9) as 0.0 to 9.0: a whole-number key takes whole ones.
        present = OmegaConf.select(composed, key.lstrip("+"))
        is_whole = isinstance(present, int) and not isinstance(present, bool)
    return Interval(low, high, is_log, is_whole)


def _ends(key: str, space: Space) -> list[str]:
    """Return an override for each value, or for each end of an interval."""
    if isinstance(space, Values):
        return list(space.texts)
    ends = (space.low, space.high)
    return [f"{key}={int(end) if space.is_whole else float(end)!r}" for end in ends]


def _each_value_once(axes: Sequence[list[str]]) -> list[list[str]]:
    """Return sets of overrides that together contain each value of each axis once.

    The cost of trying them is the sum of the axes' lengths, not their product.
    """
    first = [values[0] for values in axes]
    points = [first]
    for place, values in enumerate(axes):
        points += [[*first[:place], value, *first[place + 1 :]] for value in values[1:]]
    return points
