"""The order "block": blocks in random order, with a perfect shuffle inside a window of blocks."""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from spoonful.order.keys import (
    ORDER_STREAM,
    WINDOW_STREAM,
    Words,
    add_modulo,
    draw_keys,
    hash_words,
)
from spoonful.order.permutation import domain_of, num_rounds, permute
from spoonful.order.slices import Indices, check_slice, runs

# The starts of this many permuted blocks are computed at once and kept: 30-80 ns per block in bulk,
# against 3-8 us for the 16 blocks of one window. Windows of more blocks do not use this.
_TABLE_BLOCKS = 4_096


@dataclass(frozen=True)
class BlockOrder:
    """Read blocks in a random order, and shuffle windows of them perfectly (shuffle "block").

    The examples are a ring, turned by a random offset in each epoch, so that the borders of the
    blocks differ from epoch to epoch. It is cut into blocks; the full blocks are permuted, and a
    shorter one, if any, is placed at the end. Each window of consecutive blocks is then permuted
    perfectly. Reads are therefore local: a window reads window_blocks ranges of block_size
    neighbours, and one more where a block wraps around the end of the source. Memory is
    O(stop - start) for any n.

    Args:
        num_examples: the length of an epoch, 1..2**62.
        seed: 0..2**32 - 1. 0 is a seed like any other.
        block_size: examples per block, >= 1.
        window_blocks: blocks that are mixed at a time, >= 1.
    """

    num_examples: int
    seed: int
    block_size: int = 1024
    window_blocks: int = 16

    def __call__(self, epoch: int, start: int, stop: int) -> Indices:
        check_slice(self.num_examples, epoch, start, stop)
        window = min(self.block_size * self.window_blocks, self.num_examples)
        # The last window may be shorter; it then has its own domain.
        tail = self.num_examples - self.num_examples % window
        windows_a_table = max(_TABLE_BLOCKS // self.window_blocks, 1)
        indices = np.empty(stop - start, dtype=np.int64)
        for begin, end, size in (
            (start, min(stop, tail), window),
            (max(start, tail), stop, self.num_examples - tail),
        ):
            for first, last in runs(begin, end, windows_a_table * window):
                places = self._places(epoch, first, last, window, size)
                table = first // (windows_a_table * window)
                blocks = table * windows_a_table * self.window_blocks
                indices[first - start : last - start] = self._indices(epoch, places, blocks)
        return indices

    @property
    def window_size(self) -> int:
        """Number of examples per window; the last window of an epoch may have fewer."""
        return min(self.block_size, self.num_examples) * self.window_blocks

    def stretches(self, epoch: int, position: int) -> list[tuple[int, int]]:
        """Return the ranges read for the block at a position in the sequence of permuted blocks.

        A window reads the blocks at its own positions, so they can be fetched ahead.

        Returns:
            One range of neighbouring examples, or two for a block that wraps around the end of the
            source, each as its first example and the one after its last.
        """
        check_slice(self.num_examples, epoch, position, position)
        block_size = min(self.block_size, self.num_examples)
        block = position // block_size
        blocks = np.array([block], dtype=np.uint64)
        start = int(_block_starts(self.num_examples, block_size, self.seed, epoch, blocks)[0])
        stop = start + min(block_size, self.num_examples - block * block_size)
        if stop > self.num_examples:  # past the end of the ring
            return [(start, self.num_examples), (0, stop - self.num_examples)]
        return [(start, stop)]

    def _places(self, epoch: int, first: int, last: int, window: int, size: int) -> Words:
        """Shuffle inside the windows: the place in the sequence of blocks that each position reads.

        Args:
            first, last: the positions first..last-1.
            window: the length of a window.
            size: the length of the windows that these positions lie in: the same, or less for the
                last window.
        """
        keys = draw_keys(self.seed, WINDOW_STREAM, epoch, 2 + num_rounds(size))
        places = np.arange(first, last, dtype=np.uint64)
        numbers = places // np.uint64(window)
        begins = numbers * np.uint64(window)
        places -= begins
        places = permute(places, domain_of(size), keys[2:], hash_words(numbers, keys[:2]))
        places += begins
        return places

    def _indices(self, epoch: int, places: Words, first_block: int) -> Words:
        """Look up the examples at places in the sequence of permuted blocks.

        Args:
            places: uint64 [k], all in the table of blocks that begins with first_block.
        """
        # A block larger than the ring is the whole ring.
        block_size = np.uint64(min(self.block_size, self.num_examples))
        blocks = places // block_size
        indices = places - blocks * block_size
        ring = (self.num_examples, int(block_size), self.seed, epoch)
        num_blocks = -(-self.num_examples // int(block_size))
        if min(self.window_blocks, num_blocks) <= _TABLE_BLOCKS:
            blocks -= np.uint64(first_block)
            starts = _table(*ring, first_block)[blocks]
        else:
            starts = _block_starts(*ring, blocks)
        add_modulo(indices, starts, np.uint64(self.num_examples))
        return indices


@lru_cache(maxsize=64)
def _table(num_examples: int, block_size: int, seed: int, epoch: int, first_block: int) -> Words:
    """Return the starts of the blocks at _TABLE_BLOCKS places from first_block on."""
    num_blocks = -(-num_examples // block_size)
    last_block = min(first_block + _TABLE_BLOCKS, num_blocks)
    blocks = np.arange(first_block, last_block, dtype=np.uint64)
    starts = _block_starts(num_examples, block_size, seed, epoch, blocks)
    starts.flags.writeable = False
    return starts


def _block_starts(
    num_examples: int, block_size: int, seed: int, epoch: int, blocks: Words
) -> Words:
    """Return the first example of each block, by its place in the permuted sequence.

    Args:
        blocks: uint64 [k], numbers of places.
    """
    num_full = num_examples // block_size
    keys = draw_keys(seed, ORDER_STREAM, epoch, 1 + num_rounds(num_full))
    offset = (int(keys[0]) * num_examples) >> 64
    full = np.minimum(blocks, np.uint64(num_full - 1))
    starts = np.where(blocks < num_full, permute(full, domain_of(num_full), keys[1:]), blocks)
    starts *= np.uint64(block_size)
    add_modulo(starts, np.uint64(offset), np.uint64(num_examples))
    return starts
