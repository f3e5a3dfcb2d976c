"""Read chunks ahead in threads."""

import threading
import time
from collections import deque

from spoonful import background
from spoonful.errors import SpoonfulError
from spoonful.generator.buffers import BufferPool
from spoonful.generator.chunks import Chunk, ChunkReader
from spoonful.generator.fetch_ahead import make_fetch_ahead
from spoonful.generator.files_ahead import make_steps_ahead
from spoonful.generator.limits import Limits
from spoonful.generator.pending import PendingChunk
from spoonful.generator.read_errors import ReadError, Unit, read_failure, read_too_slow, time_left

# A thread with nothing to read ends after this time: where the batches are dropped without notice
# (Ctrl-C, an exception in `fit`) no thread remains, and starting a new one costs 0.15 ms.
IDLE_S = 0.2
# Where reading is slow, a chunk is read in more units than threads, to shorten the wait for the
# slowest. Where it is fast, each thread reads its own chunk: MNIST in batches of 32 came at 7.7 M
# images/s with two threads, and at 6.6 M in halves.
_SLOW_UNITS_A_THREAD = 2
_JOIN_LIMIT_S = 5.0
# Chunks grow while a chunk is read within this time: where reading is slow, one batch makes the
# cost of handing it over small enough, and arrives sooner.
_CHUNK_S = 0.01


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
        self._fetch_ahead = make_fetch_ahead(reader, limits)
        self._steps_ahead = make_steps_ahead(reader, limits)
        self._lock = threading.Lock()
        # Two conditions: waking the consumer after every unit took the interpreter lock from the
        # readers.
        self._is_ready = threading.Condition(self._lock)
        self._has_work = threading.Condition(self._lock)
        self._pending: deque[PendingChunk] = deque()
        self._wanted: PendingChunk | None = None  # a consumer waits for it
        self._threads: set[threading.Thread] = set()
        self._running: dict[threading.Thread, tuple[Unit, float]] = {}  # with its start time
        self._next_step: int | None = None  # the expected argument of `take`
        self._reads_ahead = is_endless
        self._ramp = 1  # steps of the next chunk: few at first, so that the first one comes soon
        self._chunk_s = 0.0  # time from planning the last chunk to its end
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
        self._is_start = True
        self._ramp = 1
        self._reads_ahead = self._is_endless
        self._is_paused = False

    def _first_chunk(self) -> Chunk:
        """Wait until the first chunk is ready, and take it."""
        if not self._pending and self._next_step is not None:
            self._pending.append(self._new_pending(self._next_step))
        pending = self._pending[0]
        if self._limits.num_threads == 0:
            self._read_here(pending)
        self._wanted = pending
        try:
            while not pending.is_done:
                if pending not in self._pending:
                    raise SpoonfulError(f"step {pending.first_step}: the batches were closed")
                self._schedule()
                self._is_ready.wait(
                    time_left(self._reader, self._running.values(), self._limits.read_timeout_s)
                )
        finally:
            self._wanted = None
        if pending.error is not None or pending.chunk is None:
            raise pending.error or SpoonfulError(f"step {pending.first_step}: nothing was read")
        self._pending.popleft()
        return pending.chunk

    def _new_pending(self, step: int) -> PendingChunk:
        """Return a pending with as many steps as can be read in about _CHUNK_S."""
        num_steps = self._reader.steps.equal_run(step, self._ramp)
        pending = PendingChunk(step, num_steps, is_start=self._is_start)
        self._is_start = False
        if self._chunk_s < _CHUNK_S:
            self._ramp = min(2 * self._ramp, self._limits.chunk_steps)
        elif self._chunk_s > 4 * _CHUNK_S:
            self._ramp = max(1, self._ramp // 2)
        return pending

    def _schedule(self) -> None:
        """Plan ahead up to the limit, and make sure that there are threads for it."""
        if self._limits.num_threads == 0:
            return
        if self._reads_ahead and not self._is_paused:
            self._plan_ahead()
        num_waiting = sum(pending.num_waiting for pending in self._open_chunks())
        num_idle = len(self._threads) - len(self._running)
        num_free = self._limits.num_threads - len(self._threads)
        for _ in range(min(num_waiting - num_idle, num_free)):
            self._threads.add(background.start(self._work, "spoonful-reader", self._stop))
        self._has_work.notify(num_waiting)

    def _plan_ahead(self) -> None:
        num_ahead = sum(pending.num_steps for pending in self._pending)
        last = self._pending[-1] if self._pending else None
        step = last.first_step + last.num_steps if last else self._next_step
        while step is not None and num_ahead + self._ramp <= self._limits.batches_ahead:
            if not self._is_endless and step % self._reader.steps.per_epoch == 0 and step:
                return
            pending = self._new_pending(step)
            self._pending.append(pending)
            num_ahead += pending.num_steps
            step += pending.num_steps

    def _open_chunks(self) -> list[PendingChunk]:
        """Return the chunks to work on: all, or during a pause only the one that is waited for."""
        if not self._is_paused:
            return list(self._pending)
        return [pending for pending in self._pending if pending is self._wanted]

    def _work(self) -> None:
        """Plan and read in a thread until there has been nothing to do for a while."""
        me = threading.current_thread()
        with self._lock:
            try:
                while (pending := self._next_pending()) is not None:
                    self._do(me, pending)
            finally:
                self._threads.discard(me)
                self._is_ready.notify_all()

    def _next_pending(self) -> PendingChunk | None:
        """Wait for a pending with a unit to begin; None: the thread should end."""
        deadline = time.monotonic() + IDLE_S
        while True:
            for pending in self._open_chunks():
                if pending.num_waiting:
                    return pending
            time_left = deadline - time.monotonic()
            if self._is_paused or time_left <= 0:
                return None
            self._has_work.wait(time_left)

    def _do(self, me: threading.Thread, pending: PendingChunk) -> None:
        """Plan or read a unit outside the lock, and record the result inside it."""
        unit = Unit(pending.chunk, pending.first_step, *pending.begin_unit())
        self._running[me] = (unit, time.monotonic())
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
            self._lock.acquire()
            del self._running[me]
        if error is not None:
            pending.error = error
        elif unit.chunk is None and chunk is not None:
            pending.chunk = chunk
            pending.units.extend(self._units(len(chunk.indices)))
            pending.num_open = len(pending.units)
            self._has_work.notify(len(pending.units) - 1)
        else:
            pending.num_open -= 1
            if not pending.num_open:
                self._chunk_s = time.monotonic() - pending.begin
        if pending.is_done:
            self._is_ready.notify_all()

    def _plan(self, pending: PendingChunk) -> Chunk:
        for ask in (self._steps_ahead, self._fetch_ahead):
            if ask is not None:
                ask(pending.first_step, pending.num_steps, pending.is_start)
        return self._reader.plan(pending.first_step, pending.num_steps, self._pool)

    def _units(self, num_images: int) -> list[tuple[int, int]]:
        if self._chunk_s <= _CHUNK_S:
            return [(0, num_images)]
        size = -(-num_images // (self._limits.num_threads * _SLOW_UNITS_A_THREAD))
        return [(i, min(i + size, num_images)) for i in range(0, num_images, size)]

    def _read_here(self, pending: PendingChunk) -> None:
        """Read a chunk in the calling thread."""
        unit = Unit(None, pending.first_step, 0, 0)
        began = time.monotonic()
        try:
            chunk = self._plan(pending)
            unit = Unit(chunk, pending.first_step, 0, len(chunk.indices))
            self._reader.read(chunk, 0, len(chunk.indices))
        except Exception as cause:
            raise read_failure(self._reader, unit, cause) from cause
        self._chunk_s = time.monotonic() - began
        if self._chunk_s > self._limits.read_timeout_s:
            raise read_too_slow(self._reader, unit, self._limits.read_timeout_s)
        pending.chunk = chunk
