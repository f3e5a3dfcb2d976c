"""End a training where a batch cannot be read, so that it can continue from the step before."""

from collections.abc import Callable

from spoonful.fitting.checkpoints.checkpoint import Checkpoint
from spoonful.fitting.checkpoints.folder import CheckpointFolder
from spoonful.generator.in_order import InOrder
from spoonful.generator.read_errors import ReadError
from spoonful.sources.packed.check import ShardChangedError


class Reading:
    """Watch over what a training reads, and over the checkpoints that depend on it.

    A batch that cannot be read ends the training with a checkpoint after the last step before it.
    A shard that has changed since packing makes doubtful what was read before: the checkpoints
    written since are removed.

    Args:
        folder: where checkpoints are kept; None: none are written.
        train: the feed of training.
        val: the feed of validation; None: not known.
        write: writes a checkpoint of the training as it is now.

    Attributes:
        val: the feed of validation.
        start: the checkpoint that training began from; None: it began at step 0.
    """

    def __init__(
        self,
        folder: CheckpointFolder | None,
        train: InOrder,
        val: InOrder | None,
        write: Callable[[], object],
    ) -> None:
        self.val = val
        self.start: Checkpoint | None = None
        self._folder = folder
        self._train = train
        self._write = write

    @property
    def is_checked(self) -> bool:
        """Whether all that was read is known to be as it was packed, or cannot be checked."""
        return all(feed.is_checked for feed in self._feeds)

    def reach_train(self, number: int, count: int, step: int) -> None:
        """Wait until steps of training are here.

        Args:
            number: number of the first one in its epoch.
            count: how many.
            step: the global step of the first one, which was not done.

        Raises:
            SpoonfulError: one of them cannot be read.
        """
        is_there = step == (0 if self.start is None else self.start.step)
        self._reach(self._train, number, count, is_there)

    def reach_val(self, number: int, count: int, epoch: int) -> None:
        """Wait until steps of validation are here.

        Args:
            number: number of the first one.
            count: how many.
            epoch: the epoch that is validated, from 0; every validation reads the same steps.

        Raises:
            SpoonfulError: one of them cannot be read.
        """
        if self.val is None:
            return
        try:
            self._reach(self.val, number, count, is_there=False)
        except ReadError as error:
            batch = (
                f"validation of epoch {epoch + 1}: batch {error.step % self.val.steps_per_epoch}"
            )
            raise ReadError(batch, error.fault, error.step, error.cause) from error.cause

    def finish_checks(self) -> None:
        """Wait for the checks of what was read.

        Raises:
            ShardChangedError: a shard has changed since packing; names it.
        """
        try:
            for feed in self._feeds:
                feed.finish_check()
        except ShardChangedError:
            self._discard_unchecked()
            raise

    def _reach(self, feed: InOrder, number: int, count: int, is_there: bool) -> None:
        try:
            feed.reach(number, count)
        except ReadError:
            self.finish_checks()
            if not is_there:
                self._write()
            raise
        except ShardChangedError:
            self._discard_unchecked()
            raise

    def _discard_unchecked(self) -> None:
        start = self.start
        is_good = start is not None and start.state.get("is_checked", False)
        if self._folder is not None:
            self._folder.remove_after(start.step if start is not None and is_good else -1)

    @property
    def _feeds(self) -> list[InOrder]:
        return [feed for feed in (self._train, self.val) if feed is not None]
