"""dataset.max_images_per_class keeps the same images every time."""

from collections import Counter
from pathlib import Path
from random import Random
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.config.compose import compose_config
from spoonful.datasets import RawArrays, RawImage
from spoonful.datasets.subset import check_limit, kept_positions, limited_arrays
from spoonful.errors import SpoonfulError
from spoonful.splitting import SPLITS, SplitSettings, assign_splits
from tests.datasets.test_folder import dataset, fill, found

PROPERTY = settings(deadline=None, derandomize=True)
names = st.lists(st.text(max_size=5), unique=True, max_size=40)


@PROPERTY
@given(names, st.integers(1, 10))
def test_each_group_keeps_so_many_or_all(names: list[str], limit: int) -> None:
    groups = [len(name) % 3 for name in names]
    kept = kept_positions(groups, names, limit)
    assert kept == sorted(set(kept))
    assert Counter(groups[i] for i in kept) == {
        group: min(limit, count) for group, count in Counter(groups).items()
    }


@PROPERTY
@given(names, st.integers(1, 10), st.randoms())
def test_what_is_kept_depends_on_each_name_alone(
    names: list[str], limit: int, random: Random
) -> None:
    kept = {names[i] for i in kept_positions([0] * len(names), names, limit)}
    shuffled = random.sample(names, len(names))
    assert {shuffled[i] for i in kept_positions([0] * len(names), shuffled, limit)} == kept
    # A new image takes the place of at most one.
    more = [*names, "a new name"]
    then = {more[i] for i in kept_positions([0] * len(more), more, limit)}
    assert len(kept - then) <= 1
    # Fewer images are among those of a larger number.
    few = {names[i] for i in kept_positions([0] * len(names), names, max(1, limit - 1))}
    assert few <= kept


def test_the_images_kept_are_what_they_always_were() -> None:
    numbers = [str(number) for number in range(20)]
    assert kept_positions(["a"] * 20, numbers, 4) == [0, 10, 16, 19]
    assert kept_positions(["a"] * 20, numbers, None) == list(range(20))


def test_surrogates_in_names_are_taken() -> None:
    assert kept_positions([0, 0], ["\udcff", "b"], 1) in ([0], [1])


def test_arrays_keep_their_pixels_and_given_splits() -> None:
    images = [RawImage("0", f"{i}.png", "test" if i % 5 == 0 else None) for i in range(50)]
    raw = RawArrays(images, np.arange(50, dtype=np.uint8).reshape(50, 1, 1))
    few = limited_arrays(raw, 3)
    assert Counter(image.given_split for image in few.images) == {None: 3, "test": 3}
    assert few.pixels[:, 0, 0].tolist() == [int(i.file_name[:-4]) for i in few.images]
    assert limited_arrays(raw, None) is raw


def test_what_is_kept_falls_into_all_splits() -> None:
    images = [RawImage(str(i % 4), f"{i}.png") for i in range(4000)]
    raw = RawArrays(images, np.zeros((4000, 1, 1), np.uint8))
    few = limited_arrays(raw, 30).images
    counts = Counter(assign_splits(few, SplitSettings(0.1, 0.2, 0)).splits)
    # Were the images kept by the number that decides their split, all of them would be in test.
    assert min(counts[split] for split in SPLITS) >= 4
    assert counts["train"] > 70


def test_only_the_images_kept_are_read_by_fetch(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", *(f"{c}/{i}.jpg" for c in "ab" for i in range(50)))
    with mock.patch(
        "spoonful.datasets.folder.content_hashes",
        side_effect=lambda paths, unreadable: ["0" * 64 for _ in paths],
    ) as hashed:
        dataset(root, max_images_per_class=4).fetch(tmp_path / "raw")
    (paths,) = hashed.call_args.args
    assert Counter(path.parent.name for path in paths) == {"a": 4, "b": 4}
    raw = dataset(root, max_images_per_class=4).open_raw(tmp_path / "raw")
    assert [Path(raw.origin(i)) for i in range(8)] == paths


def test_a_folder_with_splits_keeps_so_many_in_each(tmp_path: Path) -> None:
    names = (f"{s}/{c}/{i}.jpg" for s in ("train", "test") for c in "ab" for i in range(9))
    root = fill(tmp_path / "mine", *names)
    settings = {"max_images_per_class": 2}
    dataset(root, **settings).fetch(tmp_path / "raw")
    listed = found(dataset(root, **settings).open_raw(tmp_path / "raw"))
    assert set(Counter(one[:2] for one in listed).values()) == {2}
    assert len(listed) == 8


def test_a_smaller_number_needs_no_other_fetch_and_a_larger_one_does(tmp_path: Path) -> None:
    root = fill(tmp_path / "mine", *(f"{c}/{i}.jpg" for c in "ab" for i in range(20)))
    dataset(root, max_images_per_class=6).fetch(tmp_path / "raw")
    few = found(dataset(root, max_images_per_class=3).open_raw(tmp_path / "raw"))
    assert len(few) == 6
    dataset(root).fetch(tmp_path / "whole")
    assert found(dataset(root, max_images_per_class=3).open_raw(tmp_path / "whole")) == few
    for wanted, word in ((None, "null"), (7, "7")):
        with pytest.raises(SpoonfulError) as caught:
            dataset(root, max_images_per_class=wanted).open_raw(tmp_path / "raw")
        assert str(caught.value) == (
            f"dataset.max_images_per_class={word}: data/raw was fetched with 6; run "
            "`spoonful fetch` again"
        )


def test_any_number_is_in_a_whole_list() -> None:
    check_limit(None, None)
    check_limit(None, 5)
    check_limit(5, 5)


def test_the_digits_keep_so_many_of_each(tmp_path: Path) -> None:
    digits = compose_config(["dataset.max_images_per_class=3"]).dataset
    digits.fetch(tmp_path / "raw")
    raw = digits.open_raw(tmp_path / "raw")
    assert set(Counter(image.class_name for image in raw.images).values()) == {3}
    whole = compose_config([]).dataset.open_raw(tmp_path / "raw")
    for position in (0, 7, 29):
        same = whole.images.index(raw.images[position])
        assert raw.read(position) == whole.read(same)
