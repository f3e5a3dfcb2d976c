"""Read chunks ahead in threads."""

import threading
import time
from collections import deque

from spoonful import background
from spoonful.errors import SpoonfulError
from spoonful.generator.buffers import BufferPool
from spoonful.generator.chunk_sizes import ChunkSizes
from spoonful.generator.chunks import Chunk, ChunkReader
from spoonful.generator.files_ahead import make_looks_ahead
from spoonful.generator.limits import Limits
from spoonful.generator.pending import PendingChunk
from spoonful.generator.read_errors import ReadError, Unit, read_failure, read_too_slow, time_left
from spoonful.generator.reading_threads import ReadingThreads

# A thread with nothing to read ends after this time: where the batches are dropped without notice
# (Ctrl-C, an exception in `fit`) no thread remains, and starting a new one costs 0.15 ms.
IDLE_S = 0.2
_JOIN_LIMIT_S = 5.0


class LookAhead:
    """Serve chunks in the order of their steps, read ahead in threads.

    When asked for a step that is not the next one, it starts again there.

    Args:
        reader: makes the chunks.
        limits: how far to read ahead, and in how many threads.
        is_endless: read past the ends of epochs. Otherwise reading ahead stops at the end of an
            epoch, and begins only after requests for two consecutive steps: Keras may permute them.
    """

    def __init__(self, reader: ChunkReader, limits: Limits, is_endless: bool) -> None:
        self._reader = reader
        self._limits = limits
        self._is_endless = is_endless
        self._pool = BufferPool()
        self._looks_ahead = make_looks_ahead(reader, limits)
        self._lock = threading.Lock()
        # Two conditions: waking the consumer after every unit took the interpreter lock from the
        # readers.
        self._is_ready = threading.Condition(self._lock)
        self._has_work = threading.Condition(self._lock)
        self._pending: deque[PendingChunk] = deque()
        self._wanted: PendingChunk | None = None  # a consumer waits for it
        self._threads: set[threading.Thread] = set()
        wait = reader.source.storage_wait
        self._reading = ReadingThreads(limits.num_threads, limits.max_threads, wait)
        self._next_step: int | None = None  # the expected argument of `take`
        self._reads_ahead = is_endless
        self._sizes = ChunkSizes(limits, self._reading)
        self._is_paused, self._is_start = False, True

    def take(self, step: int) -> Chunk:
        """Return the chunk that begins at a global step; wait until it is ready.

        Raises:
            ReadError: reading it failed or took too long; names the batch, its images, the cause.
            ShardChangedError: a shard has changed since packing.
        """
        with self._lock:
            if step == self._next_step:
                self._reads_ahead = True
            else:
                self._restart(step)
            chunk = self._taken(step)
            self._next_step = step + chunk.num_steps
            self._schedule()
            return chunk

    @property
    def is_checked(self) -> bool:
        """Whether all that was read is known to be as it was packed, or cannot be checked."""
        return self._reader.check is None or self._reader.check.is_passed

    def finish_check(self) -> None:
        """Wait until the check that runs during reading is complete.

        Raises:
            ShardChangedError: a shard has changed since packing.
        """
        if self._reader.check is not None:
            self._reader.check.finish(self._limits.read_timeout_s)

    def take_most_threads(self) -> int:
        """Return the largest number of threads that read at the same time since the last call."""
        with self._lock:
            return self._reading.take_most()

    def pause(self) -> None:
        """End the threads after their current reads; chunks that are ready are kept."""
        with self._lock:
            self._pause()
            threads = self._threads - {threading.current_thread()}
        deadline = time.monotonic() + min(_JOIN_LIMIT_S, self._limits.read_timeout_s)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))

    def resume(self) -> None:
        """Resume reading ahead."""
        with self._lock:
            self._is_paused = False
            self._schedule()

    def close(self) -> None:
        """End the threads and release all chunks; a later `take` starts again."""
        self._stop()
        self._pool.clear()
        self.pause()

    def _pause(self) -> None:
        self._is_paused = True
        self._has_work.notify_all()

    def _stop(self) -> None:
        """End the threads and every wait for a chunk, without waiting for them."""
        with self._lock:
            self._drop_all()
            self._pause()
            self._is_ready.notify_all()

    def _taken(self, step: int) -> Chunk:
        """Return the chunk that begins at a step; the step alone if a later one cannot be read."""
        try:
            try:
                return self._first_chunk()
            except ReadError as error:
                if error.step > step:
                    self._restart(step)
                    return self._first_chunk()
                raise
        except BaseException:
            self._drop_all()
            raise

    def _drop_all(self, next_step: int | None = None) -> None:
        self._pending.clear()
        self._next_step = next_step

    def _restart(self, step: int) -> None:
        self._drop_all(step)
        self._is_paused, self._is_start = False, True
        self._sizes.restart()
        self._reads_ahead = self._is_endless

    def _first_chunk(self) -> Chunk:
        """Wait until the first chunk is ready, and take it."""
        pending = self._pending[0] if self._pending else self._plan_first()
        if self._limits.num_threads == 0:
            self._read_here(pending)
        self._wanted = pending
        try:
            while not pending.is_done:
                if pending not in self._pending:
                    raise SpoonfulError(f"step {pending.first_step}: the batches were closed")
                self._schedule()
                if pending.num_steps > 1 and self._reading.has_stuck(pending):
                    # One of its later steps may be the cause: read this step alone.
                    self._restart(pending.first_step)
                    self._wanted = pending = self._plan_first()
                units = self._reading.units_before(pending)
                left_s = time_left(self._reader, units, self._limits.read_timeout_s)
                self._is_ready.wait(min(left_s, self._reading.patience_s))
        finally:
            self._wanted = None
        if pending.error is not None or pending.chunk is None:
            raise pending.error or SpoonfulError(f"step {pending.first_step}: nothing was read")
        self._pending.popleft()
        return pending.chunk

    def _plan_first(self) -> PendingChunk:
        self._pending.append(self._new_pending(self._next_step or 0))
        return self._pending[0]

    def _new_pending(self, step: int) -> PendingChunk:
        num_steps = self._reader.steps.equal_run(step, self._sizes.num_steps)
        pending = PendingChunk(step, num_steps, is_start=self._is_start)
        self._is_start = False
        self._sizes.advance()
        return pending

    def _schedule(self) -> None:
        """Plan ahead up to the limit, and make sure that there are threads for it."""
        if self._limits.num_threads == 0:
            return
        if self._reads_ahead and not self._is_paused:
            self._plan_ahead()
        self._reading.count_stuck()
        self._start_threads()

    def _start_threads(self) -> None:
        """Make sure that there are threads for what is planned, and wake those that wait."""
        num_waiting = sum(pending.num_waiting for pending in self._open_chunks())
        num_missing = num_waiting + len(self._reading.units()) - len(self._threads)
        for _ in range(min(num_missing, self._reading.allowed - len(self._threads))):
            try:
                thread = background.start(self._work, "spoonful-reader", self._stop)
            except (RuntimeError, SpoonfulError):  # the system has no more, or the process ends
                if not self._threads:
                    raise
                break
            self._threads.add(thread)
        self._reading.note_number(len(self._threads))
        self._has_work.notify(num_waiting)

    def _plan_ahead(self) -> None:
        num_ahead = sum(pending.num_steps for pending in self._pending)
        last = self._pending[-1] if self._pending else None
        step = last.first_step + last.num_steps if last else self._next_step
        while step is not None and num_ahead + self._sizes.num_steps <= self._limits.batches_ahead:
            if not self._is_endless and step % self._reader.steps.per_epoch == 0 and step:
                return
            pending = self._new_pending(step)
            self._pending.append(pending)
            num_ahead += pending.num_steps
            step += pending.num_steps

    def _open_chunks(self) -> list[PendingChunk]:
        """Return the chunks to work on: all, or during a pause only the one that is waited for."""
        return [one for one in self._pending if not self._is_paused or one is self._wanted]

    def _work(self) -> None:
        """Plan and read in a thread until there has been nothing to do for a while."""
        with self._lock:
            try:
                while (pending := self._next_pending()) is not None:
                    self._do(pending)
            finally:
                self._threads.discard(threading.current_thread())
                self._is_ready.notify_all()

    def _next_pending(self) -> PendingChunk | None:
        """Wait for a pending with a unit to begin; None: the thread should end."""
        deadline = time.monotonic() + IDLE_S
        while True:
            if len(self._threads) > self._reading.allowed:
                self._has_work.notify()  # this thread may have taken another one's call
                return None
            for pending in self._open_chunks():
                if pending.num_waiting:
                    return pending
            left_s = deadline - time.monotonic()
            if self._is_paused or left_s <= 0:
                return None
            self._has_work.wait(left_s)

    def _do(self, pending: PendingChunk) -> None:
        """Plan or read a unit outside the lock, and record the result inside it."""
        unit = Unit(pending.chunk, pending.first_step, *pending.begin_unit())
        self._reading.begin(unit)
        self._lock.release()
        chunk, error = unit.chunk, None
        try:
            if chunk is None:
                chunk = self._plan(pending)
            else:
                self._reader.read(chunk, unit.start, unit.stop)
        except Exception as cause:
            error = read_failure(self._reader, unit, cause)
        finally:
            end = time.monotonic(), time.thread_time()
            self._lock.acquire()
            self._reading.end(*end)
        if error is not None:
            pending.error = error
        elif unit.chunk is None and chunk is not None:
            pending.chunk = chunk
            pending.units.extend(self._sizes.units(len(chunk.indices)))
            pending.num_open = len(pending.units)
            self._has_work.notify(len(pending.units) - 1)
        else:
            pending.num_open -= 1
            if not pending.num_open:
                self._sizes.chunk_s = time.monotonic() - pending.begin
            if self._reading.allowed > len(self._threads):
                self._start_threads()
        if pending.is_done:
            self._is_ready.notify_all()

    def _plan(self, pending: PendingChunk) -> Chunk:
        for look in self._looks_ahead:
            look(pending.first_step, pending.num_steps, pending.is_start)
        return self._reader.plan(pending.first_step, pending.num_steps, self._pool)

    def _read_here(self, pending: PendingChunk) -> None:
        """Read a chunk in the calling thread."""
        unit, began = Unit(None, pending.first_step, 0, 0), time.monotonic()
        try:
            chunk = self._plan(pending)
            unit = Unit(chunk, pending.first_step, 0, len(chunk.indices))
            self._reader.read(chunk, 0, len(chunk.indices))
        except Exception as cause:
            raise read_failure(self._reader, unit, cause) from cause
        self._sizes.chunk_s = time.monotonic() - began
        if self._sizes.chunk_s > self._limits.read_timeout_s:
            raise read_too_slow(self._reader, unit, self._limits.read_timeout_s)
        pending.chunk = chunk
