"""A run as it was recorded."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from spoonful.config.settings import learning_part
from spoonful.record.ledger import TRAIN, Row
from spoonful.record.metrics import LEARNING_RATE, LOSS, VAL_METRICS

_SHORT_ID = 8
_NOT_RECORDED = "none"


def outcome_metrics(names: Iterable[str]) -> list[str]:
    """Return the metrics that are equal in every run of the same training on the same machine.

    Args:
        names: all metrics that a run recorded.
    """
    known = set(names)  # those of training and validation are pairs, such as loss and val_loss
    of_training = sorted(
        (name for name in known if f"{VAL_METRICS}{name}" in known),
        key=lambda name: (name != LOSS, name),
    )
    of_both = [*of_training, *(f"{VAL_METRICS}{name}" for name in of_training)]
    return of_both + [LEARNING_RATE] * (LEARNING_RATE in known)


@dataclass(frozen=True)
class RecordedRun:
    """The record of a run; None for parts that it did not record.

    Attributes:
        run_id: its id.
        name: its name.
        status: such as "FINISHED" or "KILLED".
        started: when, in local time.
        tags: its tags.
        config: the whole config, as nested mappings.
        overrides: as given on the command line.
        packages: the version of each installed package.
        metrics: those of `outcome_metrics`, by name and epoch (from 1).
        ledger: digests of the batches and weights.
    """

    run_id: str
    name: str
    status: str
    started: datetime
    tags: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] | None = None
    overrides: list[str] = field(default_factory=list)
    packages: dict[str, str] | None = None
    metrics: dict[str, dict[int, float]] = field(default_factory=dict)
    ledger: list[Row] | None = None

    @property
    def short_id(self) -> str:
        """The beginning of the id."""
        return self.run_id[:_SHORT_ID]

    @property
    def is_finished(self) -> bool:
        """Whether it has finished."""
        return self.status == "FINISHED"

    @property
    def num_epochs(self) -> int:
        """Number of epochs whose metrics were recorded."""
        return max((max(values, default=0) for values in self.metrics.values()), default=0)

    @property
    def num_steps(self) -> int:
        """Number of steps in the ledger."""
        return max((row.step for row in self.rows(TRAIN) or []), default=0)

    @property
    def learning(self) -> dict[str, Any] | None:
        """The part of the config that determines the trained weights."""
        return None if self.config is None else learning_part(self.config)

    def tag(self, name: str) -> str | None:
        """Return a tag; None if it is absent or "none"."""
        value = self.tags.get(name, _NOT_RECORDED)
        return None if value == _NOT_RECORDED else value

    def rows(self, stream: str) -> list[Row] | None:
        """Return the ledger's rows of a stream, in order."""
        return None if self.ledger is None else [r for r in self.ledger if r.stream == stream]
