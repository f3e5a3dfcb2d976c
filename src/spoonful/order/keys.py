"""Keys: the numbers drawn for a seed, an epoch and a use, and hashes under them."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]

# Each names one use of a seed, so that no two uses of one seed draw the same numbers. SeedSequence
# pads with zeros, so (seed, stream, epoch) and (seed, stream, epoch, 0) are the same: uses that
# differ only in length must differ in their stream.
ORDER_STREAM = 0  # the epoch's own permutation
WINDOW_STREAM = 1  # the permutations inside the windows of "block"
SLOT_STREAM = 2  # the slots that "buffer" draws
DRAIN_STREAM = 3  # the examples that the buffer holds at an epoch's end
GROUP_STREAM = 4  # the classes' order inside the groups of "balanced"
REMAINDER_STREAM = 5  # the classes in the last, smaller group of "balanced"
ITEM_STREAM = 6  # the choice of a permutation for each cycle through a class of "balanced"
ROUND_STREAM = 7  # the rounds of these permutations
PLACEMENT_STREAM = 8  # where examples lie in a mixed store
CROP_STREAM = 9  # the parts of the pictures that a step shows

# The multipliers of MurmurHash3's 64-bit finaliser (Appleby, public domain).
MULTIPLIER_1 = np.uint64(0xFF51AFD7ED558CCD)
MULTIPLIER_2 = np.uint64(0xC4CEB9FE1A85EC53)
HALF_WORD = np.uint64(32)


@lru_cache(maxsize=64)
def draw_keys(seed: int, stream: int, epoch: int, num_keys: int) -> tuple[np.uint64, ...]:
    """Draw the keys of one use of a seed in one epoch."""
    sequence = np.random.SeedSequence((seed, stream, epoch))
    return tuple(sequence.generate_state(num_keys, np.uint64))


def hash_words(values: Words, keys: tuple[np.uint64, ...]) -> Words:
    """Hash each value under two keys to 64 well-mixed bits; values may be counters."""
    mixed = values + keys[0]
    mixed *= MULTIPLIER_1
    mixed ^= mixed >> HALF_WORD
    mixed *= MULTIPLIER_2
    mixed ^= mixed >> HALF_WORD
    mixed += keys[1]
    mixed *= MULTIPLIER_1
    mixed ^= mixed >> HALF_WORD
    return mixed


def below(words: Words, bound: Words | int) -> Words:
    """Scale 64 random bits to a number in [0, bound), bound <= 2**31, in place."""
    words >>= HALF_WORD
    words *= np.asarray(bound, dtype=np.uint64)
    words >>= HALF_WORD
    return words


def add_modulo(values: Words, addend: Words | np.uint64, modulus: Words | np.uint64) -> None:
    """Add in place modulo `modulus`; both operands lie in [0, modulus)."""
    values += addend
    # Below the modulus the subtraction wraps to a huge number, so the minimum picks the sum.
    np.minimum(values, values - modulus, out=values)


def subtract_modulo(
    values: Words, subtrahend: Words | np.uint64, modulus: Words | np.uint64
) -> None:
    """Subtract in place modulo `modulus`; both operands lie in [0, modulus)."""
    values -= subtrahend
    # A difference below 0 wraps to a huge number, which the modulus brings back.
    np.minimum(values, values + modulus, out=values)
