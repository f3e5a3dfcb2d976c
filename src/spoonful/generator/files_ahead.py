"""Have remote files downloaded in the order in which the coming steps need them."""

import dataclasses
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.generator.chunks import ChunkReader, indices_of
from spoonful.generator.fetch_ahead import make_fetch_ahead
from spoonful.generator.limits import Limits
from spoonful.generator.order_runs import in_runs
from spoonful.order import (
    ORDERS,
    BalancedOrder,
    BlockOrder,
    BufferOrder,
    FullOrder,
    SequentialOrder,
)
from spoonful.sources.remote.ahead import FilesAhead

# The files of so many examples are looked up together, in 0.1 ms. Of less where the cache does not
# hold all, and shards hold less: so what is not needed any more is soon known.
_STRIDE_EXAMPLES = 1024
# Image files are downloaded so far ahead: at 1,000 a second, for 2 s.
_MAX_FILES = 2048
# The look at what comes advances so many times faster than the steps, until it is far enough.
_TIMES_AS_FAST = 4
# Where the cache holds all files and none is missing, it is told so often which are needed: to look
# whether 445 shards are there takes 1 ms.
_ASKED_S = 1.0
# Where blocks are smaller than shards, each epoch downloads a shard several times.
_MOST_TIMES = 4.0
_GB = 1 << 30


@dataclass(frozen=True)
class _Stride:
    """Consecutive steps, and the files that they need, in the order of need."""

    first_step: int
    stop_step: int
    files: tuple[int, ...]


def make_looks_ahead(
    reader: ChunkReader, limits: Limits
) -> list[Callable[[int, int, bool], object]]:
    """Return what is to be told of each chunk: its first step, number of steps, whether a start.

    Raises:
        SpoonfulError: the cache is too small for the order; names what it needs.
    """
    looks = make_steps_ahead(reader, limits), make_fetch_ahead(reader, limits)
    return [look for look in looks if look is not None]


def make_steps_ahead(reader: ChunkReader, limits: Limits) -> "StepsAhead | None":
    """Return what has a reader's files downloaded; None: they are on the disk.

    Raises:
        SpoonfulError: the cache is too small for the order; names what it needs.
    """
    files: FilesAhead | None = getattr(reader.source, "files_ahead", None)
    if files is None:
        return None
    # Chunks are begun in order, so at most this many can be in progress.
    steps_behind = max(1, limits.num_threads) * limits.chunk_steps
    if files.num_bytes > files.max_bytes and len(files.sizes) < len(reader.source):
        in_use = (steps_behind + limits.chunk_steps) * reader.steps.batch_size
        is_mixed = reader.source.placement is not None
        _check_order(reader.order, len(reader.source), files, in_use, is_mixed)
    return StepsAhead(files, reader, steps_behind)


class StepsAhead:
    """Look at the coming steps, and ask for the files that they need, soonest first.

    So far ahead that the files fit into the cache together with those in use.

    Args:
        files: the files of the source.
        reader: reads the steps.
        steps_behind: how far behind the planned steps other steps may still be in reading.
    """

    def __init__(self, files: FilesAhead, reader: ChunkReader, steps_behind: int) -> None:
        self._files, self._steps = files, reader.steps
        order: Any = reader.order
        # A copy: "buffer" keeps what it drew last.
        self._runs = in_runs(dataclasses.replace(order), reader.steps.num_examples)
        self._steps_behind = steps_behind
        per_file = -(-reader.steps.num_examples // len(files.sizes))
        batch_size, examples = reader.steps.batch_size, _STRIDE_EXAMPLES
        self._is_tight = files.num_bytes > files.max_bytes
        if self._is_tight:
            examples = min(examples, per_file)
        self._stride_steps = max(1, examples // batch_size)
        self._first_look = max(1, _STRIDE_EXAMPLES // batch_size)
        # Where not all fit, one that is not needed any more may still be there.
        self._room = files.max_bytes - (int(files.sizes.max()) if self._is_tight else 0)
        self._lock = threading.Lock()
        self._restart(0)

    def __call__(self, first_step: int, num_steps: int, is_start: bool) -> None:
        """Ask for files as steps are planned.

        Args:
            first_step: the first of these global steps.
            num_steps: number of steps.
            is_start: whether this is the first request.

        Raises:
            SpoonfulError: these steps need more files at once than the cache holds.
        """
        stop_step = first_step + num_steps
        with self._lock:
            if is_start or not self._strides:
                self._restart(first_step)
            is_changed = self._drop_before(first_step - self._steps_behind)
            while self._next_step < stop_step:
                is_changed |= self._add_stride()
            self._check_room(first_step, stop_step)
            more = self._next_step + max(_TIMES_AS_FAST * num_steps, self._first_look)
            while self._next_step < more and self._has_room():
                is_changed |= self._add_stride()
            if is_changed and self._is_worth_asking():
                self._files.ahead(self._that_fit())

    def _restart(self, step: int) -> None:
        self._strides: deque[_Stride] = deque()
        self._needed: dict[int, int] = {}  # in how many strides, in the order of need
        self._num_bytes = 0
        self._next_step = step
        self._has_missing, self._asked = False, 0.0

    def _add_stride(self) -> bool:
        """Look at the next steps; return whether they need further files."""
        first = self._next_step
        count = self._steps.equal_run(first, self._stride_steps)
        indices = indices_of(self._runs, self._steps, first, count)
        files = tuple(dict.fromkeys(self._files.files_of(indices).tolist()))
        self._next_step = first + count
        self._strides.append(_Stride(first, self._next_step, files))
        is_new = False
        for file in files:
            if file not in self._needed:
                is_new = True
                self._has_missing |= not self._files.is_here(file)
                self._num_bytes += int(self._files.sizes[file])
            self._needed[file] = self._needed.get(file, 0) + 1
        return is_new

    def _drop_before(self, step: int) -> bool:
        """Forget steps that are done; return whether files are not needed any more."""
        num_needed = len(self._needed)
        while self._strides and self._strides[0].stop_step <= step:
            for file in self._strides.popleft().files:
                self._needed[file] -= 1
                if not self._needed[file]:
                    del self._needed[file]
                    self._num_bytes -= int(self._files.sizes[file])
        return len(self._needed) < num_needed

    def _is_worth_asking(self) -> bool:
        """Whether files may be missing, or which are needed was not told for a while."""
        now = time.monotonic()
        if not (self._is_tight or self._has_missing or now - self._asked > _ASKED_S):
            return False
        self._has_missing, self._asked = False, now
        return True

    def _has_room(self) -> bool:
        """Whether to look further: there is room, and something is not asked for yet."""
        is_all = len(self._needed) == len(self._files.sizes)
        return not is_all and self._num_bytes < self._room and len(self._needed) < _MAX_FILES

    def _that_fit(self) -> list[int]:
        """Return the needed files that fit into the cache together, soonest first."""
        if self._num_bytes <= self._room:
            return list(self._needed)
        chosen, left = [], self._room
        for file in dict.fromkeys(file for one in self._strides for file in one.files):
            left -= int(self._files.sizes[file])
            if left < 0:
                break
            chosen.append(file)
        return chosen

    def _check_room(self, first_step: int, stop_step: int) -> None:
        """Check that the files of steps that are read together fit into the cache."""
        if self._num_bytes <= self._files.max_bytes:
            return
        indices = indices_of(self._runs, self._steps, first_step, stop_step - first_step)
        used = set(self._files.files_of(indices).tolist())
        needed = sum(int(self._files.sizes[file]) for file in used)
        if needed > self._files.max_bytes:
            raise SpoonfulError(
                f"cache.max_gb={_gb(self._files.max_bytes)} (max_gb of spoonful.Cache): steps "
                f"{first_step} to {stop_step - 1} need {len(used)} files of together "
                f"{_gb(needed)} GiB; give more than that, or a smaller prefetch_batches or batch"
            )


def _check_order(
    order: Any, num_examples: int, files: FilesAhead, in_use: int, is_mixed: bool
) -> None:
    """Refuse an order that would download most files again and again.

    Args:
        order: the order.
        num_examples: the length of an epoch.
        files: the files.
        in_use: number of consecutive examples that may be in reading at once.
        is_mixed: whether neighbours are in different shards.
    """
    holds = f"the shards have {_gb(files.num_bytes)} GiB, and the cache holds "
    holds += f"cache.max_gb={_gb(files.max_bytes)} (max_gb of spoonful.Cache)"
    scattered: tuple[Any, ...] = (FullOrder, BalancedOrder)
    if is_mixed:
        scattered += (SequentialOrder, BufferOrder)
    if isinstance(order, scattered):
        name = next(name for name, kind in ORDERS.items() if isinstance(order, kind))
        raise SpoonfulError(
            f"generator.shuffle={name}: each step needs shards from everywhere; {holds}: use "
            f"shuffle=block, or a cache of {_gb(files.num_bytes)} or more"
        )
    if not isinstance(order, BlockOrder):
        return
    per_shard = -(-num_examples // len(files.sizes))
    window = order.window(0)  # none is larger
    size, block_size = window.end - window.begin, window.blocks.step
    times = 1 + (per_shard - 1) / block_size
    if times > _MOST_TIMES:
        raise SpoonfulError(
            f"generator.block_size={block_size:,}: shards hold {per_shard:,} examples, so "
            f"each epoch would download every shard {times:.0f} times; {holds}: give "
            f"generator.block_size={2 * per_shard} or more, or pack with a smaller pack.shard_mb"
        )
    # The next window is downloaded while those that are read are in use.
    windows = 1 + -(-in_use // size)
    shards = windows * len(window.blocks) * (-(-block_size // per_shard) + 1)
    shards = min(shards, len(files.sizes))
    needed = shards * int(files.sizes.max())
    if needed > files.max_bytes:
        raise SpoonfulError(
            f"generator.window_blocks={order.window_blocks}: {windows} windows of so many blocks "
            f"of {block_size:,} examples need up to {_gb(needed)} GiB of shards at once; "
            f"{holds}: give a cache of {_gb(needed)} or more, or fewer or smaller blocks, or a "
            "smaller generator.prefetch_batches"
        )


def _gb(num_bytes: int) -> str:
    return f"{num_bytes / _GB:.3g}"
