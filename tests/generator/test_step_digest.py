from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful import ArraySource, BatchGenerator
from spoonful.generator.chunks import Chunk
from spoonful.order import SHUFFLES

NUM_EXAMPLES = 50
BATCH_SIZE = 8
STEPS = 7  # the last of 2 examples

Change = Callable[[Any, Any, Any], tuple[Any, Any, Any]]


def rows_of(number: int) -> tuple[Any, Any, Any]:
    """Ids, labels and pixels of some examples."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (number, 3, 2, 1), dtype=np.uint8)
    return rng.permutation(200)[:number], rng.integers(0, 5, number), images


def digests_of(num_steps: int, ids: Any, labels: Any, images: Any) -> list[bytes]:
    return Chunk(0, num_steps, ids, labels, images, x=images, y=labels).digests()


def digest_of(ids: Any, labels: Any, images: Any) -> bytes:
    (digest,) = digests_of(1, ids, labels, np.ascontiguousarray(images))
    return digest


def raised_at(array: Any, place: int, by: int = 1) -> Any:
    changed = array.copy()
    changed.reshape(-1)[place] += by
    return changed


def make_generator(**overrides: Any) -> BatchGenerator:
    images = np.random.default_rng(0).integers(0, 256, (NUM_EXAMPLES, 4, 4, 1), dtype=np.uint8)
    source = ArraySource(images, np.arange(NUM_EXAMPLES) ** 2 % 3)
    return BatchGenerator(source, BATCH_SIZE, **{"seed": 3, "block_size": 3, **overrides})


def test_the_digests_are_what_they_always_were() -> None:
    # xxh3_128(pixels, seed=xxh3_64(ids and labels as int64, little-endian))
    ids, labels = np.arange(4), np.array([0, 1, 0, 1])
    images = np.arange(24, dtype=np.uint8).reshape(4, 3, 2, 1)
    assert [d.hex() for d in digests_of(2, ids, labels, images)] == [
        "1f444c555a54b0f18ee4899ed8a94f2f",
        "65ac8c181508d60f7707253363745e2e",
    ]
    assert digest_of(ids, labels, images).hex() == "3b757a74d0301b27d80e9a9c393f5fb8"
    assert make_generator().digest(0) == "f8d23a60fc11092f9ace8d05e8f9928a"
    assert make_generator().digest(2 * STEPS - 1) == "54f26fcca29b3d1d5834a93b69577b32"


@pytest.mark.parametrize(
    "change",
    [
        lambda ids, labels, images: (raised_at(ids, 3), labels, images),
        lambda ids, labels, images: (raised_at(ids, 3, 1 << 40), labels, images),
        lambda ids, labels, images: (ids, raised_at(labels, 0), images),
        lambda ids, labels, images: (ids, labels, raised_at(images, 0)),
        lambda ids, labels, images: (ids, labels, raised_at(images, images.size - 1)),
        lambda ids, labels, images: (ids[::-1].copy(), labels, images),
        lambda ids, labels, images: (ids, labels[::-1].copy(), images),
        lambda ids, labels, images: (ids, labels, images[::-1]),
        lambda ids, labels, images: (ids[::-1].copy(), labels[::-1].copy(), images[::-1]),
        lambda ids, labels, images: (labels, ids, images),
        lambda ids, labels, images: (ids[:-1], labels[:-1], images[:-1]),
    ],
)
def test_ids_labels_pixels_and_their_order_all_count(change: Change) -> None:
    rows = rows_of(6)
    assert digest_of(*change(*rows)) != digest_of(*rows)


def test_a_value_that_wanders_from_labels_to_ids_counts() -> None:
    images = np.zeros((2, 1, 1, 1), np.uint8)
    a, b = np.array([1, 2]), np.array([3, 4])
    c, d = np.array([1, 3]), np.array([2, 4])
    assert len({digest_of(a, b, images), digest_of(c, d, images), digest_of(b, a, images)}) == 3


@settings(max_examples=50, deadline=None)
@given(num_steps=st.integers(1, 12), size=st.integers(1, 9))
def test_steps_hashed_at_once_have_the_digests_of_each(num_steps: int, size: int) -> None:
    ids, labels, images = rows_of(108)
    many = digests_of(num_steps, *(a[: num_steps * size] for a in (ids, labels, images)))
    parts = [slice(step * size, (step + 1) * size) for step in range(num_steps)]
    assert many == [digest_of(ids[part], labels[part], images[part]) for part in parts]
    assert all(len(digest) == 16 for digest in many)


@pytest.mark.parametrize("shuffle", SHUFFLES)
@pytest.mark.parametrize("reading", [{"num_threads": 0}, {"num_threads": 3}, {"dtype": "float32"}])
def test_the_digest_of_a_step_depends_on_no_chunk_thread_or_dtype(
    shuffle: str, reading: dict[str, Any]
) -> None:
    generator = make_generator(shuffle=shuffle, **reading)
    stream = generator.stream()
    step, sizes = 0, set()
    while step < 3 * STEPS:
        chunk = stream.chunk(step)
        for digest in chunk.digests():
            assert digest.hex() == make_generator(shuffle=shuffle).digest(step)
            step += 1
        sizes.add(chunk.num_steps)
    stream.close()
    assert max(sizes) > 1


@pytest.mark.parametrize("shuffle", SHUFFLES)
def test_no_two_steps_of_some_epochs_have_the_same_digest(shuffle: str) -> None:
    generator = make_generator(shuffle=shuffle)
    digests = [generator.digest(step) for step in range(2 * STEPS)]
    assert len(set(digests)) == (STEPS if shuffle == "none" else 2 * STEPS)
    other = make_generator(shuffle=shuffle, seed=4)
    others = [other.digest(step) for step in range(2 * STEPS)]
    assert (digests == others) is (shuffle == "none")


def test_one_hot_targets_have_the_digests_of_their_labels() -> None:
    assert make_generator(one_hot=False).digest(5) == make_generator(one_hot=True).digest(5)


def test_each_process_has_digests_of_its_own_share() -> None:
    shares = [make_generator(process_index=i, process_count=2).digest(0) for i in range(2)]
    assert len({*shares, make_generator().digest(0)}) == 3
