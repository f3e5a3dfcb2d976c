"""Make the batches of recorded runs again, to find the step where their ledgers differ."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from spoonful import progress
from spoonful.config.recorded import recorded_config
from spoonful.config.schema import Config
from spoonful.diff.first_step import Batch, FirstStep, described
from spoonful.diff.ledgers import StepRange
from spoonful.diff.recorded_run import RecordedRun
from spoonful.errors import SpoonfulError
from spoonful.quiet import import_tensorflow
from spoonful.record.ledger import TRAIN, Ledger, Row
from spoonful.record.tags import FINGERPRINT_TAGS
from spoonful.sources import Source
from spoonful.workflow.data import open_train_and_val

if TYPE_CHECKING:
    from spoonful.generator import BatchGenerator


@dataclass
class Replay:
    """A stream of a recorded run, made again from its config and the data here."""

    source: Source
    generator: "BatchGenerator"
    _digests: dict[int, str] = field(default_factory=dict)

    def digest(self, step: int) -> str:
        """Return the digest of a step."""
        if step not in self._digests:
            self._digests[step] = self.generator.digest(step)
        return self._digests[step]

    def batch(self, step: int, epoch: int | None) -> Batch:
        """Return a step, in the given epoch or the one that it belongs to."""
        own_epoch, number = divmod(step, len(self.generator))
        ids = tuple(self.source.example_id(int(index)) for index in self.generator.indices(step))
        return Batch(own_epoch + 1 if epoch is None else epoch, number + 1, ids)

    def steps_to(self, row: Row) -> range:
        """Return the steps whose digest is a row of the ledger."""
        first = (row.epoch - 1) * len(self.generator) if row.stream == TRAIN else 0
        return range(first, row.step)

    def confirms(self, row: Row) -> bool:
        """Return whether the same steps, made again, have a row's digest."""
        steps = self.steps_to(row)
        ledger = Ledger()
        ledger.begin(row.stream, row.epoch, steps.start)
        ledger.add(row.stream, [bytes.fromhex(self.digest(step)) for step in steps])
        ledger.end(row.stream)
        return ledger.rows[-1] == row


def look_into(
    config: Config, a: RecordedRun, b: RecordedRun, steps: StepRange
) -> tuple[str, tuple[str, ...]]:
    """Find the step of a range where the batches of two runs first differ, and show them.

    Args:
        config: gives the values of keys that the recorded configs lack.
        a: the first run.
        b: the second run.
        steps: where their ledgers first differ.

    Returns:
        A detail, and the lines below it.
    """
    replays, missing = [], []
    for letter, run in (("A", a), ("B", b)):
        try:
            replays.append(_open(config, run, steps.row_a.stream))
        except SpoonfulError as error:
            missing.append((letter, str(error)))
    if missing:
        letters = " and ".join(letter for letter, _ in missing)
        reasons = dict.fromkeys(reason for _, reason in missing)
        return f"in {steps.words}; what {letters} read is not here to show them", tuple(reasons)
    replay_a, replay_b = replays
    return described(first_step(replay_a, replay_b, steps), steps.words)


def _open(config: Config, run: RecordedRun, stream: str) -> Replay:
    """Open the data that a run read, if it is still the same."""
    if run.config is None:
        raise SpoonfulError(f"run {run.short_id}: its config was not recorded")
    recorded = recorded_config(run.config, config)
    is_train = stream == TRAIN
    source = open_train_and_val(recorded)[0 if is_train else 1]
    name = f"{FINGERPRINT_TAGS}{'train' if is_train else 'val'}"
    if source.fingerprint != run.tag(name):
        read = (run.tag(name) or "not recorded")[:12]
        raise SpoonfulError(f"run {run.short_id}: {name} {read}, here {source.fingerprint[:12]}")
    import_tensorflow()
    from spoonful.fitting.train import training_generator, validation_generator

    make = training_generator if is_train else validation_generator
    return Replay(source, make(recorded, source))


def first_step(a: Replay, b: Replay, steps: StepRange) -> FirstStep:
    """Find the first step that differs, reading the steps of the epoch up to there again."""
    numbers = range(steps.start, steps.stop)
    needed = [
        (replay, step)
        for replay, row in ((a, steps.row_a), (b, steps.row_b))
        for step in (*replay.steps_to(row), *numbers)
    ]
    with progress.bar("reading again", len(needed), "steps") as bar:
        for replay, step in needed:
            replay.digest(step)
            bar.update(1)
    first = next((step for step in numbers if a.digest(step) != b.digest(step)), None)
    shown = steps.start if first is None else first
    epoch = None if steps.row_a.stream == TRAIN else steps.epoch
    return FirstStep(
        step=first,
        a=a.batch(shown, epoch),
        b=b.batch(shown, epoch),
        confirms_a=a.confirms(steps.row_a),
        confirms_b=b.confirms(steps.row_b),
    )
