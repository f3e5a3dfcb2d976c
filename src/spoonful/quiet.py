"""Import TensorFlow without its start-up notes, and with the fast convolutions everywhere."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from spoonful import progress, signals

# TensorFlow 2.21 uses oneDNN by default only if the processor has AVX-512 for neural networks.
# Elsewhere it helps as much: on 2 cores of an AMD EPYC with AVX2 the epochs of the article's
# network ran at 971 to 1,419 images/s with it and at 401 to 742 without (fastest to fastest 1.9
# times), those of `resnet` on 96 px at 198 to 225 and at 50 to 86; dense layers were as fast either
# way. Some of the slow epochs may be the stalls that handover.py now avoids.
ONEDNN = "TF_ENABLE_ONEDNN_OPTS"
_NOTES = re.compile(
    rb"WARNING: All log messages before absl|[IWE]\d{4} |To enable the following instructions:"
)


def import_tensorflow() -> None:
    """Import TensorFlow and Keras; their notes to stderr are shown only if that fails.

    oneDNN is switched on unless the environment disables it.

    TensorFlow writes about the processor and missing GPUs before any log level applies (eight lines
    with 2.21, TF_CPP_MIN_LOG_LEVEL or not), so they are held back at the descriptor.
    """
    if "tensorflow" in sys.modules:
        return
    with importing("loading TensorFlow", shows_rest=False):
        import keras  # noqa: F401
        import tensorflow  # noqa: F401


@contextmanager
def importing(what: str, shows_rest: bool = True) -> Iterator[None]:
    """Import what may import TensorFlow: say so, and hold its notes back unless the import fails.

    Args:
        what: what is done, for people.
        shows_rest: show what else was written to stderr meanwhile, afterwards.
    """
    os.environ.setdefault(ONEDNN, "1")
    sys.stderr.flush()
    with (
        progress.doing(what, at_once=True),
        tempfile.TemporaryFile() as notes,
        os.fdopen(os.dup(2), "w") as stderr,
        progress.written_to(stderr),
    ):
        os.dup2(notes.fileno(), 2)
        failed = True
        try:
            yield
            failed = False
        finally:
            sys.stderr.flush()
            os.dup2(stderr.fileno(), 2)
            if not signals.arrived():
                notes.seek(0)
                rest = [line for line in notes if shows_rest and not _NOTES.match(line)]
                notes.seek(0)
                os.write(2, notes.read() if failed else b"".join(rest))
    signals.raise_arrived()  # an import may have swallowed the signal
