import random
import re
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.order import MAX_SEED
from spoonful.splitting import SPLITS, assign_splits

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True)
MANY = settings(PROPERTY, max_examples=300)
SEEDS = st.integers(0, MAX_SEED)
FRACTIONS = st.floats(0.05, 0.4)


def images_of(counts: list[int], given_split: str | None = None) -> list[RawImage]:
    """As many images of the classes "class 0", "class 1", ... as asked for."""
    prefix = given_split or "image"
    return [
        RawImage(f"class {label}", f"{prefix}-{number}.png", given_split)
        for label, count in enumerate(counts)
        for number in range(count)
    ]


def by_image(images: list[RawImage], splits: list[str]) -> dict[RawImage, str]:
    return dict(zip(images, splits, strict=True))


@PROPERTY
@given(counts=st.lists(st.integers(30, 80), min_size=2, max_size=5), seed=SEEDS)
@pytest.mark.parametrize(("val_fraction", "test_fraction"), [(0.1, 0.2), (0.15, 0.15), (0.3, 0.1)])
def test_every_class_gives_its_share_to_every_split(
    val_fraction: float, test_fraction: float, counts: list[int], seed: int
) -> None:
    images = images_of(counts)
    splits = assign_splits(images, val_fraction, test_fraction, seed)
    assert len(splits) == len(images)
    assert set(splits) == set(SPLITS)
    totals = Counter(splits)
    assert abs(totals["val"] - val_fraction * len(images)) <= 0.5
    assert abs(totals["test"] - test_fraction * len(images)) <= 0.5
    cells = Counter((image.class_name, split) for image, split in zip(images, splits, strict=True))
    for label, count in enumerate(counts):
        assert abs(cells[(f"class {label}", "val")] - val_fraction * count) <= 2
        assert abs(cells[(f"class {label}", "test")] - test_fraction * count) <= 2


@MANY
@example(counts=[3, 3, 3], val_fraction=0.4, test_fraction=0.4, seed=0)
@example(counts=[3, 4], val_fraction=0.4, test_fraction=0.4, seed=0)
@example(counts=[3, 3, 3, 3], val_fraction=0.05, test_fraction=0.4, seed=0)
@example(counts=[50, 50], val_fraction=0.9, test_fraction=0.9, seed=0)
@given(
    counts=st.lists(st.integers(1, 60) | st.integers(2, 5), min_size=1, max_size=5),
    val_fraction=FRACTIONS,
    test_fraction=FRACTIONS,
    seed=SEEDS,
)
def test_a_class_is_in_every_split_or_is_named_with_its_count(
    counts: list[int], val_fraction: float, test_fraction: float, seed: int
) -> None:
    images = images_of(counts)
    message = ""
    try:
        splits = assign_splits(images, val_fraction, test_fraction, seed)
    except SpoonfulError as error:
        message = str(error)
    if message:
        named = re.search(r"'class (\d)' (?:has|with) (\d+) images?\b", message)
        assert named is not None, message
        assert counts[int(named[1])] == int(named[2]), message
    else:
        places = {(i.class_name, split) for i, split in zip(images, splits, strict=True)}
        assert len(places) == 3 * len(counts)


@PROPERTY
@given(seed=SEEDS, shuffle_seed=st.integers(0, 1_000))
def test_the_order_of_the_images_does_not_matter(seed: int, shuffle_seed: int) -> None:
    images = images_of([20, 30])
    shuffled = images.copy()
    random.Random(shuffle_seed).shuffle(shuffled)
    expected = by_image(images, assign_splits(images, 0.1, 0.2, seed))
    assert by_image(shuffled, assign_splits(shuffled, 0.1, 0.2, seed)) == expected


@PROPERTY
@given(seed=st.integers(0, MAX_SEED - 1))
def test_the_seed_decides_the_split(seed: int) -> None:
    images = images_of([100, 100])
    one = assign_splits(images, 0.2, 0.2, seed)
    assert assign_splits(images, 0.2, 0.2, seed) == one
    assert assign_splits(images, 0.2, 0.2, seed + 1) != one


def test_the_split_is_the_same_on_every_machine_and_in_every_release() -> None:
    splits = assign_splits(images_of([10, 10]), 0.2, 0.3, 0)
    where = {name: [i for i, split in enumerate(splits) if split == name] for name in SPLITS}
    assert where["val"] == [7, 8, 12, 18]
    assert where["test"] == [0, 3, 5, 14, 16, 17]


@PROPERTY
@given(seed=SEEDS)
def test_a_given_test_split_stays_whole_and_val_is_cut_from_the_rest(seed: int) -> None:
    # Both parts use the same file names, as MNIST's could.
    rest = images_of([40, 60])
    given_test = [RawImage(f"class {i % 2}", f"image-{i}.png", "test") for i in range(10)]
    images = [*given_test[:5], *rest, *given_test[5:]]
    placed = by_image(images, assign_splits(images, 0.1, 0.4, seed))
    assert {placed[image] for image in given_test} == {"test"}
    assert Counter(placed[image] for image in rest) == {"train": 90, "val": 10}


@PROPERTY
@given(seed=SEEDS)
def test_given_train_images_are_divided_where_val_is_not_given(seed: int) -> None:
    images = [*images_of([40, 40], "train"), *images_of([5, 5], "test")]
    splits = assign_splits(images, 0.1, 0.2, seed)
    assert Counter(splits) == {"train": 72, "val": 8, "test": 10}
    assert splits[-10:] == ["test"] * 10


@PROPERTY
@given(seed=SEEDS)
def test_three_given_splits_are_kept(seed: int) -> None:
    images = [image for split in SPLITS for image in images_of([2, 3], split)]
    assert assign_splits(images, 0.9, 0.9, seed) == [str(image.given_split) for image in images]


@pytest.mark.parametrize(
    ("counts", "words"),
    [
        ([50, 2], ["'class 1'", "2 images", "at least 3", "train, val and test"]),
        ([1, 50], ["'class 0'", "1 image ", "at least 3"]),
        ([500, 3], ["'class 1'", "3 images", "every split"]),
    ],
)
def test_a_class_too_small_is_named(counts: list[int], words: list[str]) -> None:
    with pytest.raises(SpoonfulError) as caught:
        assign_splits(images_of(counts), 0.1, 0.1, 0)
    assert all(word in str(caught.value) for word in words)


def test_a_class_too_small_beside_a_given_test_is_named() -> None:
    images = [*images_of([50, 1]), *images_of([5, 5], "test")]
    with pytest.raises(SpoonfulError, match=r"'class 1' has 1 image .* at least 2"):
        assign_splits(images, 0.1, 0.1, 0)


def test_a_class_that_a_given_split_lacks_is_named() -> None:
    images = [*images_of([50, 50]), *images_of([5], "test")]
    with pytest.raises(SpoonfulError, match="'class 1' has 50 images, and none is in test"):
        assign_splits(images, 0.1, 0.1, 0)


def test_no_images_is_an_error() -> None:
    with pytest.raises(SpoonfulError, match="no images to train on"):
        assign_splits([], 0.1, 0.1, 0)
    with pytest.raises(SpoonfulError, match="no images to train on"):
        assign_splits(images_of([5], "test"), 0.1, 0.1, 0)
