"""A folder with the newest two checkpoints, each written beside its place and renamed."""

import contextlib
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from spoonful.errors import SpoonfulError
from spoonful.files.whole import replaced_folder
from spoonful.fitting.checkpoints.checkpoint import Checkpoint, read_checkpoint, write_checkpoint

NUM_KEPT = 2
_NAME = re.compile(r"step-(\d{12})")


class CheckpointFolder:
    """Keep the newest checkpoints of one training.

    Args:
        path: the folder; created when the first checkpoint is written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._damaged: set[int] = set()  # steps that `newest` skipped

    def write(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint, then remove all except it and the previous one.

        If killed at any moment, the earlier checkpoints or the new one are complete.

        Raises:
            SpoonfulError: it cannot be written; names the folder and the reason.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with replaced_folder(self._folder(checkpoint.step)) as beside:
                write_checkpoint(checkpoint, beside)
        except OSError as error:
            raise SpoonfulError(
                f"{self.path}: the checkpoint of step {checkpoint.step:,} cannot be written "
                f"({error.strerror or error}): make room or give access"
            ) from error
        self._damaged.discard(checkpoint.step)
        # Training was resumed before the checkpoints of later steps.
        earlier = [step for step in self.steps() if step <= checkpoint.step]
        self._keep_only([step for step in earlier if step not in self._damaged][-NUM_KEPT:])

    def newest(self, warn: Callable[[str], None]) -> Checkpoint | None:
        """Return the newest intact checkpoint; None if there is none.

        Args:
            warn: called for each damaged checkpoint that is skipped.
        """
        self._put_back_leftovers()
        for step in reversed(self.steps()):
            try:
                return read_checkpoint(self._folder(step))
            except SpoonfulError as error:
                self._damaged.add(step)
                warn(f"the checkpoint {self._folder(step)} is damaged ({error}): passed over")
        return None

    def steps(self) -> list[int]:
        """Return the steps that have checkpoints, ascending."""
        if not self.path.is_dir():
            return []
        found = (_NAME.fullmatch(path.name) for path in self.path.iterdir())
        return sorted(int(match[1]) for match in found if match)

    def remove_after(self, step: int) -> None:
        """Remove the checkpoints of later steps."""
        self._keep_only([earlier for earlier in self.steps() if earlier <= step])

    def remove(self) -> None:
        """Remove all checkpoints, and the folder if nothing else is in it."""
        self._keep_only([])
        if self.path.is_dir() and not any(self.path.iterdir()):
            self.path.rmdir()

    def _keep_only(self, kept: list[int]) -> None:
        """Remove the checkpoints of all other steps, and what killed writes left."""
        others = [self._folder(step) for step in self.steps() if step not in kept]
        for folder in (*others, *self._leftovers()):
            shutil.rmtree(folder, ignore_errors=True)

    def _put_back_leftovers(self) -> None:
        """Restore what a killed write left after it had moved its step's checkpoint away."""
        for leftover in self._leftovers():
            place = self.path / leftover.name.split(".")[1]
            with contextlib.suppress(SpoonfulError, OSError):
                if not place.exists():
                    read_checkpoint(leftover)
                    leftover.rename(place)

    def _leftovers(self) -> list[Path]:
        return sorted(self.path.glob(".step-*.tmp"))

    def _folder(self, step: int) -> Path:
        return self.path / f"step-{step:012d}"
