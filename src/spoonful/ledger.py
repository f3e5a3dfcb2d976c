"""The ledger: digests that prove which batches a training saw, in which order.

Every step has a digest of its ids, labels and pixels. Within an epoch they form a chain, so that
the digest after k steps depends on all k and their order; two ledgers that agree in a row agree in
all steps of that epoch before it.
"""

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from typing import Any

EVERY_STEPS = 100  # rows within an epoch
TRAIN, VAL, WEIGHTS = "train", "val", "weights"

_DIGEST_BYTES = 16
_START = hashlib.sha256(b"spoonful ledger 1").digest()
_METRIC_DIGITS = 12  # 48 bits: a float holds every such number exactly


@dataclass(frozen=True)
class Row:
    """One line of a ledger.

    Attributes:
        stream: "train", "val" (batches in the order they were read) or "weights".
        epoch: counted from 1.
        step: steps done, over the whole training for "train" and "weights", in this epoch for
            "val".
        digest: hex, of the epoch's steps up to this one; of all variables for "weights".
    """

    stream: str
    epoch: int
    step: int
    digest: str


class Ledger:
    """Collect the rows of a training, epoch by epoch."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._chains: dict[str, tuple[int, int, int, bytes]] = {}  # epoch, first, steps, value

    def begin(self, stream: str, epoch: int, first_step: int) -> None:
        """Begin an epoch.

        Args:
            stream: "train" or "val".
            epoch: counted from 1.
            first_step: what the steps of this epoch are counted on from.
        """
        self._chains[stream] = (epoch, first_step, 0, _START)

    def add(self, stream: str, step_digests: Iterable[bytes]) -> None:
        """Note the steps that were done since the last ones."""
        epoch, first, count, value = self._chains[stream]
        for digest in step_digests:
            value = hashlib.sha256(value + digest).digest()
            count += 1
            if count % EVERY_STEPS == 0:
                self.rows.append(Row(stream, epoch, first + count, _hex(value)))
        self._chains[stream] = (epoch, first, count, value)

    def end(self, stream: str) -> str:
        """End an epoch; return the digest of all its steps."""
        epoch, first, count, value = self._chains.pop(stream)
        if count % EVERY_STEPS or not count:  # otherwise its last step has a row
            self.rows.append(Row(stream, epoch, first + count, _hex(value)))
        return _hex(value)

    def note_weights(self, epoch: int, step: int, digest: bytes) -> None:
        """Note the digest of the variables after an epoch."""
        self.rows.append(Row(WEIGHTS, epoch, step, digest.hex()))

    def without(self, stream: str, epoch: int) -> "Ledger":
        """Return a copy that knows nothing of a stream's epoch."""
        copy = Ledger()
        copy.rows = [row for row in self.rows if (row.stream, row.epoch) != (stream, epoch)]
        copy._chains = {name: chain for name, chain in self._chains.items() if name != stream}
        return copy

    def state(self) -> dict[str, Any]:
        """Return what a checkpoint keeps; JSON types only."""
        chains = {name: [*chain[:3], chain[3].hex()] for name, chain in self._chains.items()}
        return {"rows": [astuple(row) for row in self.rows], "chains": chains}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from what `state` returned."""
        self.rows = [Row(*row) for row in state["rows"]]
        self._chains = {
            name: (epoch, first, count, bytes.fromhex(value))
            for name, (epoch, first, count, value) in state["chains"].items()
        }


def as_metric(digest: str) -> float:
    """Return a digest's first 48 bits, as a number that a metric holds exactly."""
    return float(int(digest[:_METRIC_DIGITS], 16))


def overall_digest(rows: Iterable[Row], stream: str) -> str:
    """Return one digest for all rows of a stream."""
    text = "".join(f"{row.epoch} {row.step} {row.digest}\n" for row in rows if row.stream == stream)
    return _hex(hashlib.sha256(text.encode()).digest())


def to_csv(rows: Iterable[Row]) -> str:
    """Write rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([field.name for field in fields(Row)])
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue()


def from_csv(text: str) -> list[Row]:
    """Read what `to_csv` wrote."""
    rows = csv.DictReader(io.StringIO(text))
    return [Row(r["stream"], int(r["epoch"]), int(r["step"]), r["digest"]) for r in rows]


def _hex(value: bytes) -> str:
    return value[:_DIGEST_BYTES].hex()
