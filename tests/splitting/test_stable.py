import math
import random
import re
import unicodedata
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.datasets.raw import RawImage
from spoonful.errors import SpoonfulError
from spoonful.order import MAX_SEED
from spoonful.splitting import SPLITS, SplitSettings, assign_splits
from spoonful.splitting.stable import place_of

PROPERTY = settings(deadline=None, derandomize=True, max_examples=100)
SEEDS = st.integers(0, MAX_SEED)
VAL, TEST = 0.1, 0.2


def images_of(*counts: int) -> list[RawImage]:
    return [
        RawImage(f"class {label}", f"{number}.png")
        for label, count in enumerate(counts)
        for number in range(count)
    ]


def placed(
    images: list[RawImage], seed: int = 0, clusters: tuple[list[int], ...] = ()
) -> dict[RawImage, str | None]:
    splits = assign_splits(images, SplitSettings(VAL, TEST, seed), clusters).splits
    return dict(zip(images, splits, strict=True))


def own_place(image: RawImage, seed: int) -> str:
    """The split that an image's own number gives."""
    place = place_of(("image", image.class_name, image.file_name), seed)
    return "test" if place < TEST else "val" if place < TEST + VAL else "train"


def covered(images: list[RawImage], seed: int) -> set[str]:
    """The classes that are in every split without any move."""
    found = {(image.class_name, own_place(image, seed)) for image in images}
    counts = Counter(name for name, _ in found)
    return {name for name, count in counts.items() if count == len(SPLITS)}


@PROPERTY
@given(
    counts=st.lists(st.integers(3, 40), min_size=1, max_size=4),
    seed=SEEDS,
    gone=st.sets(st.integers(0, 159), max_size=20),
)
def test_files_that_come_or_go_move_no_others(counts: list[int], seed: int, gone: set[int]) -> None:
    many = images_of(*counts)
    kept = [image for i, image in enumerate(many) if i not in gone]
    kept += [image for image in many if Counter(i.class_name for i in kept)[image.class_name] < 3]
    few = [image for image in many if image in set(kept)]
    before, after = placed(many, seed), placed(few, seed)
    still = covered(many, seed) & covered(few, seed)
    assert all(before[i] == after[i] for i in few if i.class_name in still)
    for result in (before, after):
        moved = Counter(i.class_name for i in result if result[i] != own_place(i, seed))
        assert max(moved.values(), default=0) <= 2  # one for each split that the class missed
        assert len({(i.class_name, split) for i, split in result.items()}) == 3 * len(counts)


def test_shares_of_many_images_are_those_asked_for() -> None:
    images = images_of(*[1_000] * 20)
    cells = Counter((image.class_name, split) for image, split in placed(images).items())
    for share, split in ((VAL, "val"), (TEST, "test")):
        deviation = math.sqrt(1_000 * share * (1 - share))
        found = [cells[(f"class {label}", split)] for label in range(20)]
        assert all(abs(count - 1_000 * share) < 4 * deviation for count in found)
        assert abs(sum(found) - 20_000 * share) < 4 * deviation * math.sqrt(20)


def test_a_number_is_the_same_on_every_machine_and_in_every_release() -> None:
    assert place_of(("image", "cat", "a.png"), 0) == 0.39124588922754955
    assert place_of(("group", "\udcff\0"), 7) == 0.43738317876525357


def test_names_that_look_the_same_have_the_same_number() -> None:
    name = "Zw\u00f6lf.png"
    other = unicodedata.normalize("NFD", name)
    assert other != name
    assert place_of(("image", "a", name), 0) == place_of(("image", "a", other), 0)
    assert place_of(("image", "a", "b"), 0) != place_of(("image", "ab", ""), 0)


@PROPERTY
@given(data=st.data(), seed=SEEDS)
def test_groups_and_copies_stay_together_and_each_class_is_in_every_split(
    data: st.DataObject, seed: int
) -> None:
    count = data.draw(st.integers(6, 60))
    groups = st.none() | st.sampled_from("abcdefghij")
    images = [RawImage(f"class {i % 2}", f"{i}.png", group=data.draw(groups)) for i in range(count)]
    sets = st.lists(st.sampled_from(range(count)), min_size=2, max_size=4)
    clusters = data.draw(st.lists(sets, max_size=5))
    message = ""
    try:
        assigned = assign_splits(images, SplitSettings(VAL, TEST, seed), clusters)
    except SpoonfulError as error:
        message = str(error)
    if message:
        assert re.search(r"class 'class [01]' .* (groups|copies)\b", message), message
        return
    by_unit: dict[int, set[str | None]] = {}
    for unit, split in zip(assigned.units.tolist(), assigned.splits, strict=True):
        by_unit.setdefault(unit, set()).add(split)
    assert all(len(found) == 1 for found in by_unit.values())
    for cluster in clusters:
        assert len({assigned.splits[i] for i in cluster}) == 1
    cells = {(i.class_name, s) for i, s in zip(images, assigned.splits, strict=True)}
    assert len(cells) == 6
    order = list(range(count))
    random.Random(seed).shuffle(order)
    where = {old: new for new, old in enumerate(order)}
    again = assign_splits(
        [images[i] for i in order],
        SplitSettings(VAL, TEST, seed),
        [[where[i] for i in cluster] for cluster in clusters],
    )
    assert [again.splits[where[i]] for i in range(count)] == assigned.splits


def test_a_group_stays_where_it_is_whoever_is_in_it() -> None:
    images = [RawImage("cat", f"{i}.png", group=f"patient {i % 40}") for i in range(400)]
    before, after = placed(images), placed(images[::3])
    assert len(set(after.values())) == 3
    assert all(before[image] == split for image, split in after.items())


def test_a_copy_that_comes_later_by_its_name_moves_nothing() -> None:
    images = images_of(60)
    before = placed(images)
    for position in range(60):
        copy = RawImage("class 0", f"{images[position].file_name}.png")
        after = placed([*images, copy], 0, ([position, 60],))
        assert {image: after[image] for image in images} == before
        assert after[copy] == before[images[position]]


def test_groups_that_make_a_split_impossible_are_named() -> None:
    big = [RawImage(f"class {i % 2}", f"{i}.png", group="the camera") for i in range(40)]
    rest = [RawImage("class 0", f"{i}.png") for i in range(40, 60)]
    with pytest.raises(
        SpoonfulError, match=r"'class 1' has 20 images to divide, but in only 1 set, .* needs 3"
    ):
        assign_splits([*big, *rest], SplitSettings(VAL, TEST, 0))


COPY_NAMES = ("Copy of {}.png", " {}.png", "{} (1).png", "{} copy.png", "{}.thumb.jpg", "A{}.png")


@PROPERTY
@given(
    seed=SEEDS,
    patterns=st.lists(st.tuples(st.integers(0, 39), st.sampled_from(COPY_NAMES)), max_size=40),
    other_class=st.booleans(),
)
def test_copies_with_longer_names_move_no_image_that_was_there(
    seed: int, patterns: list[tuple[int, str]], other_class: bool
) -> None:
    images = images_of(40, 40)
    before = placed(images, seed)
    name = f"class {int(other_class)}"
    copies = {RawImage(name, pattern.format(i)): i for i, pattern in patterns}
    clusters = [[i, 80 + number] for number, i in enumerate(copies.values())]
    after = placed([*images, *copies], seed, tuple(clusters))
    if covered(images, seed) == {"class 0", "class 1"}:
        assert all(after[image] == before[image] for image in images)
    assert all(after[copy] == after[images[i]] for copy, i in copies.items())


def test_the_name_of_a_set_is_the_same_in_every_form_of_unicode() -> None:
    composed = [RawImage("a", f"\u00e9{i}.png") for i in range(30)]
    copies = [RawImage("a", f"ab{i}.png") for i in range(30)]
    clusters = tuple([i, 30 + i] for i in range(30))
    expected = list(placed([*composed, *copies], 0, clusters).values())
    decomposed = [
        RawImage("a", unicodedata.normalize("NFD", image.file_name)) for image in composed
    ]
    assert list(placed([*decomposed, *copies], 0, clusters).values()) == expected
