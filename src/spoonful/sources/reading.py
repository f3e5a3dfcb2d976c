"""Read from a source, one thread at a time where it takes no more."""

import threading
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError

if TYPE_CHECKING:
    from spoonful.sources.source import Source

LOCK_NAME = "_spoonful_read_lock"
# A thread that waits longer for another one's read gives up; reads themselves are limited by
# `read_timeout_s` of the generator.
_LIMIT_S = 600.0


def read_in_turn(source: "Source", indices: NDArray[Any], images: NDArray[np.uint8]) -> None:
    """Read examples into place; reads do not overlap if the source takes only one thread.

    Args:
        source: where to read.
        indices: whole numbers [k].
        images: uint8 [k, h, w, c], contiguous; filled.

    Raises:
        SpoonfulError: an example that cannot be read (named), or another thread's read that has not
            ended for 10 minutes.
    """
    if source.max_useful_threads > 1:
        source.read_into(indices, images)
        return
    # Setting a default is atomic. The lock can be taken again by a source that reads from itself.
    lock = vars(source).setdefault(LOCK_NAME, threading.RLock())
    if not lock.acquire(timeout=_LIMIT_S):
        raise SpoonfulError(
            f"{type(source).__name__}: another thread has been reading from it for {_LIMIT_S:g} s; "
            "is the disk or the network gone?"
        )
    try:
        source.read_into(indices, images)
    finally:
        lock.release()
