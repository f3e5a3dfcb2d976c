"""Import TensorFlow without its start-up notes."""

import os
import sys
import tempfile


def import_tensorflow() -> None:
    """Import TensorFlow and Keras; their notes to stderr are shown only if that fails.

    TensorFlow writes about the processor and missing GPUs before any log level applies (eight
    lines with 2.21, TF_CPP_MIN_LOG_LEVEL or not), so they are kept back where they are written.
    """
    if "tensorflow" in sys.modules:
        return
    sys.stderr.flush()
    with tempfile.TemporaryFile() as notes:
        stderr = os.dup(2)
        os.dup2(notes.fileno(), 2)
        failed = True
        try:
            import keras  # noqa: F401
            import tensorflow  # noqa: F401

            failed = False
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
            if failed:
                notes.seek(0)
                os.write(2, notes.read())
