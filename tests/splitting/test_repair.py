import itertools
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.order import MAX_SEED
from spoonful.splitting import SplitSettings, assign_splits
from spoonful.splitting.search import Division, fewest_moves

PROPERTY = settings(deadline=None, derandomize=True, max_examples=60)
SEEDS = st.integers(0, MAX_SEED)
# Classes of each group: one that is needed where it is, until another takes its place.
SWAPPED = [(0, 2), (0, 1), (1,), (2,), (0, 1, 2)]
SWAPPED_SEED = 18


def placed(images: list[RawImage], seed: int) -> dict[RawImage, str | None]:
    splits = assign_splits(images, SplitSettings(0.1, 0.2, seed)).splits
    return dict(zip(images, splits, strict=True))


def images_in_groups(classes_of: Sequence[Collection[int]]) -> list[RawImage]:
    """One image of each class of each group; the groups are called p0, p1, ..."""
    return [
        RawImage(f"class {label}", f"p{group}.png", group=f"p{group}")
        for group, labels in enumerate(classes_of)
        for label in labels
    ]


def is_full(classes_of: Sequence[Collection[int]], splits: Sequence[int], count: int) -> bool:
    """Whether each class is in every split."""
    found = {(label, s) for own, s in zip(classes_of, splits, strict=True) for label in own}
    return len(found) == 3 * count


def can_be_divided(classes_of: Sequence[Collection[int]], count: int) -> bool:
    every = itertools.product(range(3), repeat=len(classes_of))
    return any(is_full(classes_of, splits, count) for splits in every)


def test_groups_that_can_be_divided_are() -> None:
    images = images_in_groups(SWAPPED)
    for seed in range(20):
        found = placed(images, seed)
        assert len({(image.class_name, split) for image, split in found.items()}) == 9
        assert len({(image.group, split) for image, split in found.items()}) == len(SWAPPED)


CLASSES_OF = st.lists(st.sets(st.integers(0, 4), min_size=1), min_size=3, max_size=7)


@settings(PROPERTY, max_examples=400)
@given(classes_of=CLASSES_OF, seed=SEEDS)
def test_what_is_refused_cannot_be_divided(classes_of: list[set[int]], seed: int) -> None:
    sizes = Counter(label for own in classes_of for label in own)
    enough = sorted(label for label, size in sizes.items() if size >= 3)
    classes_of = [own for labels in classes_of if (own := labels & set(enough))]
    if not enough:
        return
    images = images_in_groups(classes_of)
    if can_be_divided(classes_of, len(enough)):
        cells = {(image.class_name, split) for image, split in placed(images, seed).items()}
        assert len(cells) == 3 * len(enough)
    else:
        with pytest.raises(SpoonfulError, match="no division puts each class into train, val and"):
            placed(images, seed)


@settings(PROPERTY, max_examples=60)
@given(classes_of=CLASSES_OF, data=st.data())
def test_a_search_moves_the_fewest_and_nearest(
    classes_of: list[set[int]], data: st.DataObject
) -> None:
    num_units = len(classes_of)
    chosen = data.draw(st.lists(st.integers(0, 2), min_size=num_units, max_size=num_units))
    away = np.random.default_rng(num_units).random((num_units, 3))
    numbers = {label: i for i, label in enumerate(sorted(set().union(*classes_of)))}
    labels = [tuple(sorted(numbers[label] for label in own)) for own in classes_of]
    is_fixed = np.zeros((len(numbers), 3), bool)
    costs = []
    for splits in itertools.product(range(3), repeat=num_units):
        if is_full(labels, splits, len(numbers)):
            moved = [u for u in range(num_units) if splits[u] != chosen[u]]
            costs.append((len(moved), sum(away[u, splits[u]] for u in moved), splits))
    found = fewest_moves(labels, np.array(chosen), away, is_fixed)
    best = min(costs)[2] if costs else None
    assert (None if found.splits is None else tuple(found.splits.tolist())) == best
    assert found.is_proved


def test_a_search_among_many_images_is_short() -> None:
    tied = [(0, 1), (1, 2), (0, 2)] * 3
    alone = [(label,) for label in range(3) for _ in range(2_000)]
    away = np.random.default_rng(0).random((6_009, 3))
    found = fewest_moves([*tied, *alone], np.full(6_009, 2), away, np.zeros((3, 3), bool))
    assert found.splits is not None
    assert np.count_nonzero(found.splits != 2) == 4  # two units of two classes for each split


def test_a_search_that_is_out_of_time_has_no_result(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    units_of = [rng.choice(100, 4, replace=False) for _ in range(80)]
    classes_of = [tuple(c for c in range(80) if unit in units_of[c]) for unit in range(100)]
    away, is_fixed = rng.random((100, 3)), np.zeros((80, 3), bool)
    monkeypatch.setattr("spoonful.splitting.search._MAX_SECONDS", 0.01)
    assert fewest_moves(classes_of, np.full(100, 2), away, is_fixed) == Division(
        None, is_proved=False
    )


def test_a_search_that_was_ended_does_not_say_that_there_is_no_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def ended(*args: object) -> Division:
        return Division(None, is_proved=False)

    monkeypatch.setattr("spoonful.splitting.repair.fewest_moves", ended)
    images = images_in_groups(SWAPPED)
    words = "no division of 5 sets was found that puts each class into train, val and test"
    with pytest.raises(SpoonfulError, match=words):
        placed(images, SWAPPED_SEED)


def test_sets_that_stay_in_train_with_a_small_class_are_the_reason() -> None:
    counts = enumerate((3, 2, 30))
    images = [RawImage(f"class {label}", f"{i}.png") for label, n in counts for i in range(n)]
    settings_ = SplitSettings(0.1, 0.2, 0, small_classes="train_only")
    with pytest.raises(SpoonfulError) as caught:
        assign_splits(images, settings_, [[0, 3], [1, 4]])
    message = str(caught.value)
    assert "'class 0' has images in 3 sets that stay together, because copies do, 2 of" in message
    assert "in train with classes too small to divide, and no division puts" in message
    assert "dataset.copies=ignore" in message
    assert "dataset.group" not in message
    every = [replace(images[0], class_name=f"class {small}") for small in (3, 4, 5)]
    clusters = [[i, len(images) + i] for i in range(3)]
    with pytest.raises(
        SpoonfulError, match=r"3 sets that stay .*, 3 of them in train with classes"
    ):
        assign_splits([*images, *every], settings_, clusters)


def test_a_division_that_is_proved_impossible_is_refused_with_what_is_tied() -> None:
    # Each class has three groups; d and e are all that classes 1 to 3 have beside a, b and c.
    tied = [("a", (0, 1)), ("b", (0, 2)), ("c", (0, 3)), ("d", (1, 2, 3)), ("e", (1, 2, 3))]
    images = [RawImage(f"class {i}", f"{g}{i}.png", group=g) for g, own in tied for i in own]
    with pytest.raises(SpoonfulError) as caught:
        assign_splits(images, SplitSettings(0.1, 0.2, 0))
    assert re.fullmatch(
        r"class 'class (\d)' has images in 3 sets that stay together, because groups do \(it "
        r"shares some with ('class \d'(, )?){3}\), and no division puts each class into train, val "
        r"and test; the largest set is group [de] with 3 images of 3 classes: use smaller groups "
        r"\(dataset.group, of a table dataset.group_column\); or add images .*",
        str(caught.value),
    )
    assert not can_be_divided([own for _, own in tied], 4)
