import random
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.order import MAX_SEED
from spoonful.splitting import SPLITS, SplitSettings, assign_splits

# The same examples on every run, whatever the machine is busy with.
PROPERTY = settings(deadline=None, derandomize=True, max_examples=50)
MANY = settings(PROPERTY, max_examples=200)
SEEDS = st.integers(0, MAX_SEED)
FRACTIONS = st.floats(0.05, 0.4)
METHODS = pytest.mark.parametrize("method", ["stable", "exact"])


def images_of(counts: list[int], given_split: str | None = None) -> list[RawImage]:
    """As many images of the classes "class 0", "class 1", ... as asked for."""
    prefix = given_split or "image"
    return [
        RawImage(f"class {label}", f"{prefix}-{number}.png", given_split)
        for label, count in enumerate(counts)
        for number in range(count)
    ]


def split_of(
    images: Sequence[RawImage], val: float, test: float, seed: int = 0, **more: Any
) -> list[str | None]:
    return assign_splits(images, SplitSettings(val, test, seed, **more)).splits


def by_image(images: list[RawImage], splits: list[str | None]) -> dict[RawImage, str | None]:
    return dict(zip(images, splits, strict=True))


@PROPERTY
@given(counts=st.lists(st.integers(30, 80), min_size=2, max_size=5), seed=SEEDS)
@pytest.mark.parametrize(("val_fraction", "test_fraction"), [(0.1, 0.2), (0.15, 0.15), (0.3, 0.1)])
def test_exact_shares_are_exact_and_each_class_gives_its_own(
    val_fraction: float, test_fraction: float, counts: list[int], seed: int
) -> None:
    images = images_of(counts)
    splits = split_of(images, val_fraction, test_fraction, seed, split_method="exact")
    assert len(splits) == len(images)
    assert set(splits) == set(SPLITS)
    totals = Counter(splits)
    assert abs(totals["val"] - val_fraction * len(images)) <= 0.5
    assert abs(totals["test"] - test_fraction * len(images)) <= 0.5
    cells = Counter((image.class_name, split) for image, split in zip(images, splits, strict=True))
    for label, count in enumerate(counts):
        assert abs(cells[(f"class {label}", "val")] - val_fraction * count) <= 2
        assert abs(cells[(f"class {label}", "test")] - test_fraction * count) <= 2


@METHODS
@MANY
@example(counts=[3, 3, 3], val_fraction=0.4, test_fraction=0.4, seed=0)
@example(counts=[3, 4], val_fraction=0.4, test_fraction=0.4, seed=0)
@example(counts=[3, 3, 3, 3], val_fraction=0.05, test_fraction=0.4, seed=0)
@given(
    counts=st.lists(st.integers(1, 60) | st.integers(2, 5), min_size=1, max_size=5),
    val_fraction=FRACTIONS,
    test_fraction=FRACTIONS,
    seed=SEEDS,
)
def test_a_class_is_in_every_split_or_is_named_with_its_count(
    method: str, counts: list[int], val_fraction: float, test_fraction: float, seed: int
) -> None:
    images = images_of(counts)
    message = ""
    try:
        splits = split_of(images, val_fraction, test_fraction, seed, split_method=method)
    except SpoonfulError as error:
        message = str(error)
    if message:
        named = re.findall(r"'class (\d)' (?:has|with) (\d+) images?\b", message)
        assert named, message
        assert all(counts[int(label)] == int(count) for label, count in named), message
        if method == "stable":
            assert [int(label) for label, _ in named] == [i for i, n in enumerate(counts) if n < 3]
    else:
        assert method == "exact" or min(counts) >= 3
        places = {(i.class_name, split) for i, split in zip(images, splits, strict=True)}
        assert len(places) == 3 * len(counts)


@METHODS
@PROPERTY
@given(seed=SEEDS, shuffle_seed=st.integers(0, 1_000))
def test_the_order_of_the_images_does_not_matter(method: str, seed: int, shuffle_seed: int) -> None:
    images = images_of([20, 30])
    shuffled = images.copy()
    random.Random(shuffle_seed).shuffle(shuffled)
    expected = by_image(images, split_of(images, 0.1, 0.2, seed, split_method=method))
    again = by_image(shuffled, split_of(shuffled, 0.1, 0.2, seed, split_method=method))
    assert again == expected


@METHODS
@PROPERTY
@given(seed=st.integers(0, MAX_SEED - 1))
def test_the_seed_decides_the_split(method: str, seed: int) -> None:
    images = images_of([100, 100])
    one = split_of(images, 0.2, 0.2, seed, split_method=method)
    assert split_of(images, 0.2, 0.2, seed, split_method=method) == one
    assert split_of(images, 0.2, 0.2, seed + 1, split_method=method) != one


@pytest.mark.parametrize(
    ("method", "val", "test"),
    [
        ("exact", [7, 8, 12, 18], [0, 3, 5, 14, 16, 17]),
        ("stable", [6, 12, 14, 19], [3, 9, 10, 11, 16]),
    ],
)
def test_the_split_is_the_same_on_every_machine_and_in_every_release(
    method: str, val: list[int], test: list[int]
) -> None:
    splits = split_of(images_of([10, 10]), 0.2, 0.3, 0, split_method=method)
    where = {name: [i for i, split in enumerate(splits) if split == name] for name in SPLITS}
    assert where["val"] == val
    assert where["test"] == test


@METHODS
@PROPERTY
@given(seed=SEEDS)
def test_a_given_test_split_stays_whole_and_val_is_cut_from_the_rest(
    method: str, seed: int
) -> None:
    # Both parts use the same file names, as MNIST's could.
    rest = images_of([40, 60])
    given_test = [RawImage(f"class {i % 2}", f"image-{i}.png", "test") for i in range(10)]
    images = [*given_test[:5], *rest, *given_test[5:]]
    placed = by_image(images, split_of(images, 0.1, 0.4, seed, split_method=method))
    assert {placed[image] for image in given_test} == {"test"}
    counts = Counter(placed[image] for image in rest)
    assert set(counts) == {"train", "val"}
    assert counts["val"] == 10 if method == "exact" else 1 < counts["val"] < 30


@METHODS
@PROPERTY
@given(seed=SEEDS)
def test_three_given_splits_are_kept(method: str, seed: int) -> None:
    images = [image for split in SPLITS for image in images_of([2, 3], split)]
    splits = split_of(images, 0.9, 0.9, seed, split_method=method)
    assert splits == [image.given_split for image in images]


def test_given_train_images_are_divided_where_others_are_not_given() -> None:
    images = [*images_of([40, 40], "train"), *images_of([5, 5], "val")]
    assigned = assign_splits(images, SplitSettings(0.1, 0.2, 0))
    assert assigned.cuts == ("test",)
    assert assigned.splits[-10:] == ["val"] * 10
    assert set(assigned.splits[:-10]) == {"train", "test"}


@METHODS
def test_all_classes_too_small_are_named_at_once(method: str) -> None:
    with pytest.raises(SpoonfulError) as caught:
        split_of(images_of([50, 2, 40, 1]), 0.1, 0.1, split_method=method)
    assert str(caught.value).startswith(
        "class 'class 1' has 2 images to divide, and needs 3; class 'class 3' has 1 image to divide"
    )
    for way_out in ("add images", "small_classes=drop", "small_classes=train_only"):
        assert way_out in str(caught.value)
    beside_test = [*images_of([50, 1]), *images_of([5, 5], "test")]
    with pytest.raises(
        SpoonfulError, match="'class 1' has 6 images, 1 of them to divide, and needs 2"
    ):
        split_of(beside_test, 0.1, 0.1, split_method=method)


@METHODS
def test_a_class_that_a_given_split_lacks_is_named(method: str) -> None:
    images = [*images_of([50, 50]), *images_of([5], "test")]
    words = "'class 1' has 50 images, and none is in test, which the data gives"
    with pytest.raises(SpoonfulError, match=words):
        split_of(images, 0.1, 0.1, split_method=method)


@METHODS
def test_small_classes_are_left_out_or_only_trained_on(method: str) -> None:
    images = images_of([50, 2, 40])
    for policy, splits_of_small in (("drop", {None}), ("train_only", {"train"})):
        settings_ = SplitSettings(0.1, 0.1, 0, method, policy)
        assigned = assign_splits(images, settings_)
        assert set(assigned.splits[50:52]) == splits_of_small
        assert set(assigned.splits[:50]) == set(assigned.splits[52:]) == set(SPLITS)
        assert assigned.num_dropped == ({"class 1": 2} if policy == "drop" else {})
        assert assigned.train_only == ({"class 1": 2} if policy == "train_only" else {})
        with pytest.raises(SpoonfulError, match="no image is in"):
            assign_splits(images_of([2, 2]), settings_)
    only_in_test = [*images_of([50, 50]), *images_of([5, 5, 5], "test")]
    with pytest.raises(SpoonfulError, match=r"train_only: class 'class 2' .* none is in train"):
        split_of(only_in_test, 0.1, 0.1, split_method=method, small_classes="train_only")
    dropped = split_of(only_in_test, 0.1, 0.1, split_method=method, small_classes="drop")
    assert dropped[-5:] == [None] * 5


def test_images_left_out_are_in_no_split_and_move_no_other() -> None:
    images = images_of([60, 60])
    settings_ = SplitSettings(0.1, 0.2, 0)
    whole = assign_splits(images, settings_).splits
    without = assign_splits(images, settings_, left_out={3, 70, 71}).splits
    assert [i for i in range(120) if without[i] is None] == [3, 70, 71]
    assert all(without[i] in (None, whole[i]) for i in range(120))


def test_a_data_set_without_a_test_and_without_its_share_is_refused() -> None:
    with pytest.raises(SpoonfulError, match=r"no test images, .* dataset\.test_fraction"):
        split_of(images_of([50, 50]), 0.1, 0.0)


def test_labels_in_a_table_are_no_classes() -> None:
    images = [RawImage(str(i), f"{i}.png", labels=(float(i),)) for i in range(9)]
    assert set(split_of(images, 0.2, 0.2)) == set(SPLITS)
    with pytest.raises(SpoonfulError, match="the data has 2 images to divide, and needs 3"):
        split_of(images[:2], 0.2, 0.2)


def test_exact_shares_and_copies_exclude_each_other() -> None:
    with pytest.raises(SpoonfulError, match=r"split_method=exact: copies .* \(1 found\)"):
        assign_splits(images_of([50, 50]), SplitSettings(0.1, 0.1, 0, "exact"), [[3, 70]])


@METHODS
def test_no_images_is_an_error(method: str) -> None:
    for images in ([], images_of([5], "test")):
        with pytest.raises(SpoonfulError, match="no images to train on"):
            split_of(images, 0.1, 0.1, split_method=method)


@pytest.mark.parametrize("copies", ["near", "exact"])
def test_copies_and_groups_that_leave_too_few_are_named_as_the_cause(copies: str) -> None:
    settings_ = SplitSettings(0.1, 0.1, 0, copies=copies)
    frames = images_of([20, 20])
    with pytest.raises(SpoonfulError) as caught:
        assign_splits(frames, settings_, [range(20), range(20, 40)])
    message = str(caught.value)
    words = "has 20 images to divide, but in only 1 set, because copies stay together, and needs 3"
    assert f"class 'class 0' {words}; class 'class 1' {words}: " in message
    assert "dataset.copies=ignore" in message
    assert ("dataset.copies=exact" in message) == (copies == "near")
    assert "dataset.group" not in message
    grouped = [replace(image, group=str(i % 2)) for i, image in enumerate(frames)]
    with pytest.raises(SpoonfulError) as caught:
        assign_splits(grouped, settings_)
    assert "in only 2 sets, because groups stay together" in str(caught.value)
    assert "use smaller groups (dataset.group" in str(caught.value)
    assert "dataset.copies" not in str(caught.value)
    with pytest.raises(SpoonfulError, match=r"only 1 set, because groups and copies stay"):
        assign_splits(grouped, settings_, [[0, 1], [20, 21]])
