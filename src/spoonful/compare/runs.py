"""A sweep as it was recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spoonful.record.tags import SCORE_MODE_TAG, SCORE_TAG

SEED = "seed"
FINISHED = "FINISHED"

_LESS_IS_BETTER = ("loss", "error")
# Keys that do not affect how a point was trained.
_NO_AXES = ("sweep.", "tracking.", "evaluation.", "compare.", "trainer.resume", "experiment")

Setting = bool | int | float | str | None


@dataclass(frozen=True)
class Score:
    """The metric that points are ranked by.

    Attributes:
        metric: its name, such as "val_accuracy".
        is_more_better: whether more of it is better.
    """

    metric: str
    is_more_better: bool


# Of runs that recorded none.
DEFAULT_SCORE = Score("val_accuracy", is_more_better=True)


@dataclass(frozen=True)
class PointRun:
    """One training of a sweep.

    Attributes:
        run_id: its id.
        name: its name.
        status: such as "FINISHED" or "KILLED".
        started: ms since 1970.
        settings: every config key by its full name.
        metrics: values recorded for each epoch: name, epoch (from 1), value.
        scalars: the last value of each metric, including those recorded only once.
        url: its page in the MLflow UI.
        pruned_after: the epoch after which the sweep stopped it as hopeless; None: it did not.
    """

    run_id: str
    name: str
    status: str
    started: int
    settings: dict[str, Setting]
    metrics: dict[str, dict[int, float]] = field(default_factory=dict)
    scalars: dict[str, float] = field(default_factory=dict)
    url: str = ""
    pruned_after: int | None = None

    @property
    def is_finished(self) -> bool:
        """Whether it has finished."""
        return self.status == FINISHED

    def setting(self, key: str) -> Setting:
        """Return the value of a key, or the choice for a group such as "model".

        Args:
            key: "generator.batch_size", "model" or "optimizer/schedule".
        """
        return self.settings.get(key.replace("/", "."))

    def epochs(self, metric: str) -> list[float]:
        """Return the values of a metric in the order of the epochs."""
        values = self.metrics.get(metric, {})
        return [values[epoch] for epoch in sorted(values)]


@dataclass(frozen=True)
class SweepRuns:
    """A sweep and all its runs.

    Attributes:
        run_id: id of the parent run.
        name: name of the parent run.
        status: status of the parent run, such as "RUNNING".
        axes: the keys that were swept, in their order; "seed" may be one of them.
        num_points: number of trainings of the sweep; None if not recorded.
        description: description of the sweep, with its command.
        runs: every training, the newest last; a point may have several.
        url: the parent's page in the MLflow UI.
        points_url: the page there that draws the curves of its points.
        is_served: whether a server shows these pages now; otherwise `spoonful ui` must run.
        score: what the points are ranked by: as asked, or their task's.
    """

    run_id: str
    name: str
    status: str
    axes: tuple[str, ...]
    num_points: int | None
    description: str
    runs: tuple[PointRun, ...]
    url: str = ""
    points_url: str = ""
    is_served: bool = False
    score: Score = DEFAULT_SCORE


def score_of(asked: str | None, tags: Mapping[str, str], mode: str = "auto") -> Score:
    """Return the metric to rank by.

    Args:
        asked: its name; None: the score of the task.
        tags: of one of the runs.
        mode: "max" or "min": whether more or less of it is better; "auto": as the run says, or by
            its name.
    """
    own = tags.get(SCORE_TAG, DEFAULT_SCORE.metric)
    metric = own if asked is None else asked
    is_more = not metric.endswith(_LESS_IS_BETTER)
    if metric == own:
        is_more = tags.get(SCORE_MODE_TAG, "max") == "max"
    return Score(metric, is_more if mode == "auto" else mode == "max")


def inferred_axes(runs: Sequence[PointRun]) -> tuple[str, ...]:
    """Return the keys in which runs differ, for a sweep that recorded no axes.

    Of keys that vary together, such as the seed and those that follow it, one is returned.
    """
    if not runs:
        return ()
    shared = set.intersection(*(set(run.settings) for run in runs))
    axes: dict[tuple[int, ...], str] = {}
    for key in sorted(shared, key=lambda key: (key != SEED, key.count("."), key)):
        if key.startswith(_NO_AXES) or key.rpartition(".")[0] in axes.values():
            continue
        values = [run.settings[key] for run in runs]
        alike = tuple(values.index(value) for value in values)
        if any(alike):
            axes.setdefault(alike, key)
    return tuple(axes.values())


def typed_setting(text: str) -> Setting:
    """Return the value that a param's text represents.

    Args:
        text: as MLflow has it: "null", "True", "16", "1e-05", "full".
    """
    words: dict[str, Setting] = {"null": None, "None": None, "True": True, "False": False}
    if text in words:
        return words[text]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def shown_setting(value: Setting) -> str:
    """Write a value as on the command line."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and float(f"{value:g}") == value:
        return f"{value:g}"
    return str(value)
