"""Pass chunks of batches to TensorFlow, which cuts them into batches."""

from collections.abc import Callable, Iterator
from typing import Any

# Batches that TensorFlow holds ready, if small: those of an execution of 16 steps and two more, so
# that a step does not wait while Python passes the next chunk.
STEPS_READY = 18
_BYTES_READY = 16 << 20


def cut_into_batches(
    chunks: Callable[[], Iterator[tuple[Any, ...]]], first: tuple[Any, ...]
) -> Any:
    """Return a tf.data.Dataset of the batches of chunks.

    TensorFlow gets a chunk without a copy, and no Python runs for a batch.

    Args:
        chunks: returns the chunks of an epoch: arrays [k, b, ...] with k batches.
        first: arrays of the shape of a batch, [b, ...]; their length is not read.
    """
    import tensorflow as tf

    signature = tuple(tf.TensorSpec((None, None, *one.shape[1:]), one.dtype) for one in first)
    whole = tf.data.Dataset.from_generator(chunks, output_signature=signature)
    return whole.flat_map(lambda *chunk: tf.data.Dataset.from_tensor_slices(chunk))


def held_ready(batches: Any, batch_bytes: int, num_steps: int = STEPS_READY) -> Any:
    """Return a tf.data.Dataset that makes its batches some steps ahead.

    Args:
        batches: a tf.data.Dataset.
        batch_bytes: size of a batch in bytes; of large ones, two are ready.
        num_steps: how many of small ones.
    """
    import tensorflow as tf

    # TensorFlow's tuning has nothing to tune here. It sleeps between its runs, each time twice
    # as long, and sometimes is not woken when an iterator ends, whose destructor waits for it
    # (seen in a debugger, TensorFlow 2.21). About half of the epochs of `resnet` on photographs
    # took 20.5 s instead of 12, with nothing computed in the last 8; without tuning none did.
    options = tf.data.Options()
    options.autotune.enabled = False
    num_ready = max(2, min(num_steps, _BYTES_READY // batch_bytes))
    return batches.prefetch(num_ready).with_options(options)
