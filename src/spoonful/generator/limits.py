"""How far and in how many threads batches are read ahead."""

import math
import threading
from dataclasses import dataclass

from spoonful.errors import SpoonfulError
from spoonful.generator.chunks import CHUNK_BYTES, MAX_CHUNK_STEPS, ChunkReader
from spoonful.generator.reading_threads import MAX_READS
from spoonful.generator.steps import checked_whole
from spoonful.sources.threads import num_processors

# Without a limit set by the user: the least memory that hides differences in read times.
DEFAULT_RAM_BUDGET_MB = 64.0
MIN_BATCHES_AHEAD = 3
CHUNKS_AHEAD = 4


@dataclass(frozen=True)
class Limits:
    """How far and in how many threads to read ahead.

    Args:
        num_threads: 0 reads in the calling thread.
        max_threads: threads where the storage answers slowly, >= num_threads.
        batches_ahead: batches being read or ready, besides those handed out, >= 1.
        chunk_steps: largest number of steps per chunk, 1..batches_ahead.
        read_timeout_s: longest time that reading a part of a batch may take.
    """

    num_threads: int
    max_threads: int
    batches_ahead: int
    chunk_steps: int
    read_timeout_s: float


def make_limits(
    reader: ChunkReader,
    num_threads: int | None,
    prefetch_batches: int | None,
    ram_budget_mb: float | None,
    read_timeout_s: float,
) -> Limits:
    """Check the limits of reading ahead, and derive those that are not given."""
    is_automatic = num_threads is None and reader.source.storage_wait is not None
    if num_threads is None:
        num_threads = min(num_processors(), reader.source.max_useful_threads)
    num_threads = checked_whole("num_threads", num_threads, 0)
    max_threads = max(num_threads, MAX_READS) if is_automatic else num_threads
    if not 0 < read_timeout_s <= threading.TIMEOUT_MAX:
        raise SpoonfulError(
            f"read_timeout_s={read_timeout_s!r}: expected a time in s above 0, at most "
            f"{threading.TIMEOUT_MAX:.0f}"
        )
    per_epoch = reader.steps.per_epoch
    at_most = min(MAX_CHUNK_STEPS, per_epoch)
    chunk_steps = max(1, min(CHUNK_BYTES // reader.batch_bytes, at_most))
    bounds = []
    if prefetch_batches is not None:
        bounds.append(checked_whole("prefetch_batches", prefetch_batches, 1))
    if ram_budget_mb is not None:
        _check_ram_budget(ram_budget_mb, reader)
        bounds.append(_batches_in(ram_budget_mb, reader))
    if not bounds:
        wanted = max(MIN_BATCHES_AHEAD, min(CHUNKS_AHEAD * chunk_steps, per_epoch))
        bounds = [wanted, _batches_in(DEFAULT_RAM_BUDGET_MB, reader)]
    ahead = min(bounds)
    chunk_steps = max(1, min(ahead // 2, chunk_steps))
    return Limits(num_threads, max_threads, ahead, chunk_steps, float(read_timeout_s))


def _check_ram_budget(ram_budget_mb: float, reader: ChunkReader) -> None:
    batch_mb = reader.batch_bytes / 2**20
    if not 3 * batch_mb <= ram_budget_mb < math.inf:
        raise SpoonfulError(
            f"ram_budget_mb={ram_budget_mb!r}: a batch takes {batch_mb:.3g} MiB, and three must "
            "fit (one in use, one ready, one being read): expected a number from "
            f"{3 * batch_mb:.3g} on, or a smaller batch_size"
        )


def _batches_in(ram_mb: float, reader: ChunkReader) -> int:
    """Return how many batches to read ahead in so much memory: the consumer holds a third of it.

    At most a few epochs, however much memory there is.
    """
    batches = ram_mb / (reader.batch_bytes / 2**20) * 2 / 3
    return max(2, int(min(batches, CHUNKS_AHEAD * reader.steps.per_epoch)))
