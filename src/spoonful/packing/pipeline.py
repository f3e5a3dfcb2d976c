"""Read and encode images in threads, a bounded number ahead, and hand them on by place."""

from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TypeVar

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from spoonful.packing.plan import Plan
from spoonful.sources import Source, read_in_turn
from spoonful.sources.threads import num_processors

# Pixels per unit of work: 13 images of 224x224 take 5 ms, handing a unit to a thread 0.05 ms. With
# `_AHEAD` more units than threads, the memory held is 2 MiB x (threads + 3).
_UNIT_BYTES = 2 << 20
_AHEAD = 2

_Result = TypeVar("_Result")


class Reader:
    """Read units of examples in the order of their places, in several threads.

    Args:
        source: the source to pack.
        plan: how it is packed.
        num_threads: None: as many as are useful for the source; encoding uses every processor.
    """

    def __init__(self, source: Source, plan: Plan, num_threads: int | None) -> None:
        self._source = source
        self._plan = plan
        self._placement = plan.placement
        self._unit = max(1, _UNIT_BYTES // plan.image_bytes)
        self._buffers: SimpleQueue[NDArray[np.uint8]] = SimpleQueue()
        useful = source.max_useful_threads if plan.encoding == "raw" else num_processors()
        self._num_threads = num_threads or min(num_processors(), useful)

    def images(self, start: int, stop: int) -> Generator[NDArray[np.uint8]]:
        """Yield those at the places start..stop-1, uint8 [k, h, w, c]; valid until the next."""
        for images in self._in_order(self._read, start, stop):
            yield images
            self._buffers.put(images)

    def encoded_images(self, start: int, stop: int) -> Generator[list[bytes]]:
        """Yield those at the places start..stop-1 as JPEG images."""
        return self._in_order(self._encoded, start, stop)

    def _in_order(
        self, work: Callable[[int, int], _Result], start: int, stop: int
    ) -> Generator[_Result]:
        """Yield work(a, b) for consecutive ranges a..b-1, in order, working ahead."""
        waiting: deque[Future[_Result]] = deque()
        pool = ThreadPoolExecutor(self._num_threads, thread_name_prefix="spoonful-pack")
        try:
            for first in range(start, stop, self._unit):
                waiting.append(pool.submit(work, first, min(first + self._unit, stop)))
                if len(waiting) >= self._num_threads + _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:  # also after an error or Ctrl-C: nothing keeps running
            pool.shutdown(cancel_futures=True)

    def _read(self, start: int, stop: int) -> NDArray[np.uint8]:
        images = self._buffer()[: stop - start]
        places = np.arange(start, stop)
        examples = places if self._placement is None else self._placement.examples(places)
        read_in_turn(self._source, examples, images)
        return images

    def _encoded(self, start: int, stop: int) -> list[bytes]:
        images = self._read(start, stop)
        is_grey = self._plan.image_shape[2] == 1
        encoded_images = [
            simplejpeg.encode_jpeg(
                image,
                quality=self._plan.settings["quality"],
                colorspace="GRAY" if is_grey else "RGB",
                colorsubsampling="Gray" if is_grey else self._plan.settings["chroma_subsampling"],
            )
            for image in images
        ]
        self._buffers.put(images)
        return encoded_images

    def _buffer(self) -> NDArray[np.uint8]:
        """Take memory for a unit; it is reused: new pages cost more than the copy into them."""
        with suppress(Empty):
            if len(buffer := self._buffers.get_nowait()) == self._unit:
                return buffer
        return np.empty((self._unit, *self._plan.image_shape), dtype=np.uint8)
