"""`spoonful`, timed: timed.py FILE with|without train [key=value ...].

"with" times checkpoints and ledger from within; "without" takes both out. What was found is left in
FILE as JSON.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

VARIANTS = ("with", "without")


class Times:
    """What is measured while a training runs, in s."""

    def __init__(self) -> None:
        self.found: dict[str, list[float]] = {}

    def add(self, name: str, value: float) -> None:
        """Note one value."""
        self.found.setdefault(name, []).append(value)

    def timed(
        self,
        name: str,
        method: Callable[..., Any],
        clock: Callable[[], float] = time.perf_counter,
    ) -> Callable[..., Any]:
        """Return a method that notes how long each call takes."""

        def measured(*arguments: Any, **more: Any) -> Any:
            begin = clock()
            try:
                return method(*arguments, **more)
            finally:
                self.add(name, clock() - begin)

        return measured


def main() -> None:
    """Train and leave the times."""
    path, variant = Path(sys.argv.pop(1)), sys.argv.pop(1)
    os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"
    os.environ["KERAS_BACKEND"] = "tensorflow"
    from spoonful.command_line import main as spoonful
    from spoonful.quiet import import_tensorflow

    import_tensorflow()
    times = Times()
    _time_epochs(times)
    if variant == "with":
        _time_parts(times)
    else:
        _take_out()
    spoonful()
    path.write_text(json.dumps(times.found), encoding="utf-8")


def _time_epochs(times: Times) -> None:
    from spoonful.fitting.fit import Fit

    fit: Any = Fit
    note = Fit._note

    def noted(self: Fit, report: Any) -> None:
        times.add("epoch_s", report.train_s + report.val_s)
        times.add("images_per_s", report.images_per_s)
        note(self, report)

    fit._note = noted
    fit.run = times.timed("fit_s", Fit.run)


def _time_parts(times: Times) -> None:
    from spoonful.fitting.checkpoints.folder import CheckpointFolder
    from spoonful.fitting.resumable import Resumable
    from spoonful.generator.chunks import Chunk
    from spoonful.record.ledger import Ledger

    # Whole: what goes into a checkpoint, the ledger's copy in MLflow, the files and their sync.
    resumable, folder, chunk, ledger = _open(Resumable, CheckpointFolder, Chunk, Ledger)
    resumable._write = times.timed("checkpoint_s", Resumable._write)
    write = times.timed("files_s", CheckpointFolder.write)
    # The ledger works beside TensorFlow's threads: it costs them the time of its own thread.
    own = time.thread_time
    resumable._weights_digest = times.timed("weights_s", Resumable._weights_digest, own)
    ledger.add = times.timed("chain_s", Ledger.add, own)
    digests = times.timed("digests_s", Chunk.digests, own)

    def sized(self: CheckpointFolder, checkpoint: Any) -> None:
        write(self, checkpoint)
        files = (self.path / f"step-{checkpoint.step:012d}").iterdir()
        times.add("checkpoint_bytes", sum(file.stat().st_size for file in files))

    def counted(self: Chunk) -> list[bytes]:
        times.add("digest_images", len(self.indices))
        found: list[bytes] = digests(self)
        return found

    folder.write, chunk.digests = sized, counted


def _take_out() -> None:
    from spoonful.fitting.resumable import Resumable
    from spoonful.generator.chunks import Chunk
    from spoonful.record.ledger import Ledger

    resumable, chunk, ledger = _open(Resumable, Chunk, Ledger)
    resumable._write = lambda self, is_finished=False: None
    resumable._weights_digest = lambda self: b""
    chunk.digests = lambda self: [b""] * self.num_steps
    ledger.add = lambda self, stream, step_digests: None


def _open(*classes: Any) -> tuple[Any, ...]:
    """Return classes as what may be changed."""
    return classes


if __name__ == "__main__":
    main()
