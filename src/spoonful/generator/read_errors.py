"""Say which batch and which images could not be read, and why."""

import time
from collections.abc import Iterable
from dataclasses import dataclass

from spoonful.errors import SpoonfulError
from spoonful.generator.chunks import Chunk, ChunkReader
from spoonful.sources.packed.check import ShardChangedError
from spoonful.sources.remote.ahead import FilesAhead

_MAX_NAMED = 8


class ReadError(SpoonfulError):
    """A batch cannot be read.

    Args:
        batch: the name of the batch.
        fault: what is wrong with it, as the rest of the sentence.

    Attributes:
        fault: as given.
        step: its global step, from 0.
        cause: what the source raised, also where Keras has dropped it; None: nothing was raised.
    """

    def __init__(self, batch: str, fault: str, step: int, cause: Exception | None = None) -> None:
        super().__init__(f"{batch} {fault}")
        self.fault = fault
        self.step = step
        self.cause = self.__cause__ = cause


@dataclass(frozen=True)
class Unit:
    """What one thread reads at a time.

    Attributes:
        chunk: the chunk it belongs to; None: the chunk is still being planned.
        first_step: the chunk's first global step.
        start: first of the chunk's images.
        stop: first image after them.
    """

    chunk: Chunk | None
    first_step: int
    start: int
    stop: int


def read_failure(reader: ChunkReader, unit: Unit, cause: Exception) -> SpoonfulError:
    """Explain a read that failed: as a ReadError, unless what was read before is also wrong.

    Args:
        reader: the reader that failed.
        unit: the unit that was read.
        cause: the exception that the source raised.
    """
    if isinstance(cause, ShardChangedError):
        return cause
    step = unit.first_step
    if unit.chunk is None:
        fault = f"cannot be made: {_words(cause)}"
    else:
        position, found = _first_to_fail(reader, unit.chunk, unit)
        step = _step_of(unit.chunk, position)
        fault = f"cannot be read: {_words(found or cause)}"
        fault += f" ({_images(reader, unit.chunk, position, unit.stop)})"
    return ReadError(_batch(reader, step), fault, step, cause)


def time_left(reader: ChunkReader, running: Iterable[tuple[Unit, float]], limit_s: float) -> float:
    """Return how long the current reads may still take, in s.

    A read that waits for a download may take so long after the last byte that came.

    Args:
        reader: the reader.
        running: what is read, and when that began.
        limit_s: the limit, `read_timeout_s`.

    Raises:
        ReadError: the time is up.
    """
    files, now = _files_ahead(reader), time.monotonic()
    last_byte = 0.0 if files is None else files.last_byte
    longest = 0.0
    for unit, began in running:
        waited = now - max(began, last_byte)
        if waited >= limit_s:
            raise read_too_slow(reader, unit, limit_s)
        longest = max(longest, waited)
    return limit_s - longest


def read_too_slow(reader: ChunkReader, unit: Unit, limit_s: float) -> ReadError:
    """Explain a read that took longer than `read_timeout_s`, the limit in s."""
    if unit.chunk is None:
        step = unit.first_step
        fault = f"was not planned within read_timeout_s={limit_s:g}"
        return ReadError(_batch(reader, step), fault, step)
    step = _step_of(unit.chunk, unit.start)
    images = _images(reader, unit.chunk, unit.start, unit.stop)
    return ReadError(
        _batch(reader, step),
        f"was not read within read_timeout_s={limit_s:g} "
        f"({images}{_waited_for(reader)}): is the disk or the network gone? Raise read_timeout_s "
        "if it is only slow",
        step,
    )


def _waited_for(reader: ChunkReader) -> str:
    """Name what is being downloaded."""
    files = _files_ahead(reader)
    address = None if files is None else files.waited_for()
    return "" if address is None else f", waiting for {address}"


def _files_ahead(reader: ChunkReader) -> FilesAhead | None:
    """Return the files of a remote source."""
    files: FilesAhead | None = getattr(reader.source, "files_ahead", None)
    return files


def _words(cause: Exception) -> str:
    return str(cause) if isinstance(cause, SpoonfulError) else f"{type(cause).__name__}: {cause}"


def _batch(reader: ChunkReader, step: int) -> str:
    """Name a batch: its epoch from 1, as progress shows it; its step as `generator.batch` takes."""
    epoch, number = reader.steps.epoch_of(step)
    return f"batch {number} of epoch {epoch + 1} (step {step})"


def _step_of(chunk: Chunk, position: int) -> int:
    """Return the global step that one of a chunk's images belongs to."""
    return chunk.first_step + position * chunk.num_steps // len(chunk.indices)


def _images(reader: ChunkReader, chunk: Chunk, start: int, stop: int) -> str:
    """Name those of the images start..stop-1 that belong to the batch of the first one."""
    batch_size = len(chunk.indices) // chunk.num_steps
    stop = min(stop, (start // batch_size + 1) * batch_size)
    indices = chunk.indices[start : min(stop, start + _MAX_NAMED)]
    names = ", ".join(reader.source.example_id(int(index)) for index in indices)
    more = stop - start - len(indices)
    return f"images {names}" + (f" and {more} more" if more else "")


def _first_to_fail(reader: ChunkReader, chunk: Chunk, unit: Unit) -> tuple[int, Exception | None]:
    """Read the images again, one at a time, to find the faulty one; else name the first."""
    for position in range(unit.start, unit.stop):
        try:
            reader.read(chunk, position, position + 1)
        except Exception as cause:
            return position, cause
    return unit.start, None
