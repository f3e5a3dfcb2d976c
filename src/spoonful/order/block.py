"""The order "block": blocks in random order, with a perfect shuffle inside a window of blocks."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import ClassVar

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
from spoonful.order.placement import Placement
from spoonful.order.slices import Indices, check_slice, runs

# The starts of this many permuted blocks are computed at once and kept: 30-80 ns per block in bulk,
# against 3-8 us for the 16 blocks of one window. Windows of more blocks do not use this.
_TABLE_BLOCKS = 4_096


@dataclass(frozen=True)
class Window:
    """Consecutive positions that are shuffled together, and read consecutive blocks.

    Attributes:
        begin: its first position.
        end: the position after its last one.
        blocks: the positions at which its blocks begin.
    """

    begin: int
    end: int
    blocks: range


@dataclass(frozen=True)
class _Section:
    """Consecutive windows of one size.

    Attributes:
        begin: the first position.
        end: the position after the last one.
        size: number of positions per window.
        window: number of the first window in the epoch.
        block: number of its first block.
        blocks: number of blocks per window.
    """

    begin: int
    end: int
    size: int
    window: int
    block: int
    blocks: int


@dataclass(frozen=True)
class BlockOrder:
    """Read blocks in a random order, and shuffle windows of them perfectly (shuffle "block").

    The examples are a ring, turned by a random offset in each epoch, so that the borders of the
    blocks differ from epoch to epoch. It is cut into as few blocks as block_size allows, all of
    one size but the last, which may be smaller. All others are permuted; a smaller one is placed at
    the end. The sequence is cut into as few windows as window_blocks allows, whose numbers of
    blocks differ by at most 1. Each window is then permuted perfectly. Reads are therefore local: a
    window reads at most window_blocks ranges of neighbours, and one more where a block wraps around
    the end of the source. Memory is O(stop - start) for any n.

    Neighbours are the examples at neighbouring positions of the placement. In a mixed store they
    are a random draw from all examples, and so is each window.

    Args:
        num_examples: the length of an epoch, 1..2**62.
        seed: 0..2**32 - 1. 0 is a seed like any other.
        block_size: largest number of examples per block, >= 1.
        window_blocks: largest number of blocks that are mixed at a time, >= 1.
        placement: where each example lies; None: example i is at position i.
    """

    num_examples: int
    seed: int
    block_size: int = 1024
    window_blocks: int = 16
    placement: Placement | None = None

    # Kept in checkpoints, so that none continues in another order. Version 1 filled one window
    # after the other: the last one of an epoch could hold few examples.
    version: ClassVar[int] = 2

    def __call__(self, epoch: int, start: int, stop: int) -> Indices:
        check_slice(self.num_examples, epoch, start, stop)
        places = np.empty(stop - start, dtype=np.int64)
        for section in self._sections:
            windows_a_table = max(_TABLE_BLOCKS // section.blocks, 1)
            length = windows_a_table * section.size
            begin = max(start, section.begin) - section.begin
            end = min(stop, section.end) - section.begin
            for first, last in runs(begin, end, length):
                first_block = section.block + first // length * windows_a_table * section.blocks
                found = self._read_places(epoch, section, first, last, first_block)
                done = section.begin - start
                places[first + done : last + done] = found
        return places if self.placement is None else self.placement.examples(places)

    def window(self, position: int) -> Window:
        """Return the window that a position is in."""
        section = next(one for one in self._sections if position < one.end)
        begin = position - (position - section.begin) % section.size
        end = min(begin + section.size, section.end)
        return Window(begin, end, range(begin, end, self._block_length))

    def stretches(self, epoch: int, position: int) -> list[tuple[int, int]]:
        """Return the ranges read for the block that begins at a position of the sequence of blocks.

        A window reads the blocks at its own positions, so they can be fetched ahead.

        Returns:
            One range of neighbours, or two for a block that wraps around the end of the source,
            each as its first place and the one after its last.
        """
        check_slice(self.num_examples, epoch, position, position)
        block_length = self._block_length
        block = position // block_length
        blocks = np.array([block], dtype=np.uint64)
        start = int(_block_starts(self.num_examples, block_length, self.seed, epoch, blocks)[0])
        stop = start + min(block_length, self.num_examples - block * block_length)
        if stop > self.num_examples:  # past the end of the ring
            return [(start, self.num_examples), (0, stop - self.num_examples)]
        return [(start, stop)]

    @cached_property
    def _block_length(self) -> int:
        """Number of examples per block, of equally many; the last one may hold fewer."""
        num_blocks = -(-self.num_examples // self.block_size)
        return -(-self.num_examples // num_blocks)

    @cached_property
    def _sections(self) -> list[_Section]:
        """Up to three: windows with one block more than the others, the others, the last one."""
        num_blocks = -(-self.num_examples // self._block_length)
        num_windows = -(-num_blocks // self.window_blocks)
        fewest, num_longer = divmod(num_blocks, num_windows)
        num_shorter = num_windows - num_longer - 1
        sections = []
        begin = window = block = 0
        for num, blocks in ((num_longer, fewest + 1), (num_shorter, fewest), (1, fewest)):
            size = blocks * self._block_length
            end = min(begin + num * size, self.num_examples)
            size = min(size, end - begin)  # the last window may hold a smaller block
            if num:
                sections.append(_Section(begin, end, size, window, block, blocks))
            begin, window, block = end, window + num, block + num * blocks
        return sections

    def _read_places(
        self, epoch: int, section: _Section, first: int, last: int, first_block: int
    ) -> Words:
        """Return where the examples at some positions of a section lie, uint64 [last - first].

        Args:
            first, last: the positions first..last-1 of the section.
            first_block: number of the first block of their table.
        """
        keys = draw_keys(self.seed, WINDOW_STREAM, epoch, 2 + num_rounds(section.size))
        places = np.arange(first, last, dtype=np.uint64)
        windows = places // np.uint64(section.size)
        begins = windows * np.uint64(section.size)
        places -= begins
        tweaks = hash_words(windows + np.uint64(section.window), keys[:2])
        places = permute(places, domain_of(section.size), keys[2:], tweaks)
        places += begins
        places += np.uint64(section.begin)
        return self._at_blocks(epoch, places, section.blocks, first_block)

    def _at_blocks(self, epoch: int, places: Words, window_blocks: int, first_block: int) -> Words:
        """Return where the examples at places in the sequence of permuted blocks lie."""
        block_length = np.uint64(self._block_length)
        blocks = places // block_length
        places -= blocks * block_length
        ring = (self.num_examples, int(block_length), self.seed, epoch)
        if window_blocks <= _TABLE_BLOCKS:
            blocks -= np.uint64(first_block)
            starts = _table(*ring, first_block)[blocks]
        else:
            starts = _block_starts(*ring, blocks)
        add_modulo(places, starts, np.uint64(self.num_examples))
        return places


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
