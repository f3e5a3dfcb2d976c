"""The ledger: digests that prove which batches a training saw, and in which order.

Every step has a digest of its ids, labels and pixels. A row is the digest of the previous row and
of the steps since, so it depends on all steps of its epoch so far and on their order; two ledgers
that agree in a row agree in all earlier steps of that epoch.
"""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, field, fields
from typing import Any

import xxhash

from spoonful.files.documents import parsed_table, shown, unexpected

EVERY_STEPS = 100  # rows within an epoch
TRAIN, VAL, WEIGHTS = "train", "val", "weights"

_DIGEST_BYTES = 16
_START = xxhash.xxh3_128_digest(b"spoonful ledger 1")
_NUMBER, _DIGEST = re.compile("[0-9]{1,15}"), re.compile("[0-9a-f]{12,64}")
_REMAKE = "bring the file back, or take another run"
_METRIC_DIGITS = 12  # 48 bits: a float holds every such number exactly


@dataclass(frozen=True)
class Row:
    """One line of a ledger.

    Attributes:
        stream: "train", "val" (batches in the order they were read) or "weights".
        epoch: counted from 1.
        step: number of steps done, in the whole training for "train" and "weights", in this epoch
            for "val".
        digest: hex, of the epoch's steps up to this one; of all variables for "weights".
    """

    stream: str
    epoch: int
    step: int
    digest: str


@dataclass
class _Chain:
    """An epoch's last row, and the steps since.

    They wait until a row is full: work after each execution finds the processor's caches full of
    the model. Hashing every single step took 0.4 % of the time of a one-layer model at batch 32.
    """

    epoch: int
    step: int  # steps done up to `value`
    value: bytes = _START
    pending: list[bytes] = field(default_factory=list)

    def close_row(self, stream: str) -> Row:
        """Return a row of the next steps, at most a hundred."""
        steps = self.pending[:EVERY_STEPS]
        self.pending = self.pending[EVERY_STEPS:]
        self.step += len(steps)
        self.value = xxhash.xxh3_128_digest(self.value + b"".join(steps))
        return Row(stream, self.epoch, self.step, self.value.hex())


class Ledger:
    """Collect the rows of a training, epoch by epoch."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self._chains: dict[str, _Chain] = {}

    def begin(self, stream: str, epoch: int, first_step: int) -> None:
        """Begin an epoch.

        Args:
            stream: "train" or "val".
            epoch: counted from 1.
            first_step: the number from which the steps of this epoch are counted.
        """
        self._chains[stream] = _Chain(epoch, first_step)

    def add(self, stream: str, step_digests: Sequence[bytes]) -> None:
        """Record the steps that were done since the last call."""
        chain = self._chains[stream]
        chain.pending += step_digests
        while len(chain.pending) >= EVERY_STEPS:
            self.rows.append(chain.close_row(stream))

    def end(self, stream: str) -> str:
        """End an epoch; return the digest of all its steps."""
        chain = self._chains.pop(stream)
        if chain.pending or chain.value == _START:  # otherwise its last step already has a row
            self.rows.append(chain.close_row(stream))
        return chain.value.hex()

    def note_weights(self, epoch: int, step: int, digest: bytes) -> None:
        """Record the digest of the variables after an epoch."""
        self.rows.append(Row(WEIGHTS, epoch, step, digest.hex()))

    def without(self, stream: str, epoch: int) -> "Ledger":
        """Return a copy without an epoch of a stream."""
        copy = Ledger()
        copy.restore(self.state())
        copy.rows = [row for row in self.rows if (row.stream, row.epoch) != (stream, epoch)]
        copy._chains.pop(stream, None)
        return copy

    def state(self) -> dict[str, Any]:
        """Return the state for a checkpoint; JSON types only."""
        chains = {
            name: [c.epoch, c.step, c.value.hex(), b"".join(c.pending).hex()]
            for name, c in self._chains.items()
        }
        return {"rows": [astuple(row) for row in self.rows], "chains": chains}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from the result of `state`."""
        self.rows = [Row(*row) for row in state["rows"]]
        self._chains = {
            name: _Chain(epoch, step, bytes.fromhex(value), _cut(bytes.fromhex(pending)))
            for name, (epoch, step, value, pending) in state["chains"].items()
        }


def as_metric(digest: str) -> float:
    """Return a digest's first 48 bits, as a number that a metric holds exactly."""
    return float(int(digest[:_METRIC_DIGITS], 16))


def overall_digest(rows: Iterable[Row], stream: str) -> str:
    """Return one digest for all rows of a stream."""
    text = "".join(f"{row.epoch} {row.step} {row.digest}\n" for row in rows if row.stream == stream)
    return xxhash.xxh3_128_hexdigest(text.encode())


def to_csv(rows: Iterable[Row]) -> str:
    """Write rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([column.name for column in fields(Row)])
    writer.writerows(astuple(row) for row in rows)
    return text.getvalue()


def from_csv(text: str, path: str = "ledger.csv") -> list[Row]:
    """Read the output of `to_csv`; `path` is for the message.

    Raises:
        SpoonfulError: it is not a ledger; names the first invalid row.
    """
    rows = []
    for cells in parsed_table(text, [column.name for column in fields(Row)], path, _REMAKE):
        is_row = cells["stream"] in (TRAIN, VAL, WEIGHTS) and _DIGEST.fullmatch(cells["digest"])
        if not (is_row and _NUMBER.fullmatch(cells["epoch"]) and _NUMBER.fullmatch(cells["step"])):
            expected = "rows of a stream, an epoch, a step and a digest"
            raise unexpected(path, expected, shown(list(cells.values())), _REMAKE)
        rows.append(Row(cells["stream"], int(cells["epoch"]), int(cells["step"]), cells["digest"]))
    return rows


def _cut(joined: bytes) -> list[bytes]:
    return [joined[i : i + _DIGEST_BYTES] for i in range(0, len(joined), _DIGEST_BYTES)]
