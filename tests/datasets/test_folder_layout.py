import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spoonful.datasets.folder_layout import Layout, read_layout
from spoonful.errors import SpoonfulError

SPELLINGS = {
    "train": ("train", "training", "Train", "TRAINING"),
    "val": ("val", "valid", "validation", "dev", "VALID", "Dev"),
    "test": ("test", "testing", "eval", "Test", "EVAL"),
}


def paths_of(*folders: str) -> list[str]:
    return [f"{folder}/{number}.png" for folder in folders for number in range(2)]


def layout_of(*folders: str) -> Layout:
    return read_layout(paths_of(*folders), "/mine")


def in_each(splits: tuple[str, ...], at: str = "") -> list[str]:
    return [f"{at}{split}/{name}" for split in splits for name in ("cat", "dog")]


@pytest.mark.parametrize(
    ("split", "spelling"), [(split, one) for split, all_ in SPELLINGS.items() for one in all_]
)
def test_every_spelling_of_a_split_is_one(split: str, spelling: str) -> None:
    names = {"train": "train", "val": "val", "test": "test", split: spelling}
    layout = layout_of(*in_each(tuple(names.values())))
    assert layout.bases == names
    assert layout.placed(f"{spelling}/cat/deep/a.png") == (split, ["cat", "deep", "a.png"])
    assert layout.placed(f"{spelling}/a.png") is None


@pytest.mark.parametrize(
    ("folders", "bases", "said"),
    [
        (["cat", "dog"], {"": ""}, ""),
        (["cat/deep", "cat", "dog"], {"": ""}, ""),
        (
            [f"{'a/' * 1_500}cat", f"{'a/' * 1_500}dog"],
            {"": "a/" * 1_499 + "a"},
            "a, the only folder",
        ),
        (["cat/2019", "cat/2020", "dog/2019"], {"": ""}, ""),
        (["PetImages/cat", "PetImages/dog"], {"": "PetImages"}, "PetImages, the only folder"),
        (["data/images/cat", "data/images/dog"], {"": "data/images"}, "data/images, the only"),
        (in_each(("train",)), {"train": "train"}, "val and test: cut from train"),
        (in_each(("train", "test")), {"train": "train", "test": "test"}, "val: cut from train"),
        (in_each(("Train", "VALID")), {"train": "Train", "val": "VALID"}, "test: cut from train"),
        (in_each(("train", "val"), "a/b/"), {"train": "a/b/train", "val": "a/b/val"}, "a/b"),
        (in_each(("train", "val"), "test/"), {"train": "test/train", "val": "test/val"}, "test"),
        (in_each(("train/train", "test")), {"train": "train/train", "test": "test"}, ""),
        (["train", "plane"], {"": ""}, ""),
        (["train", "plane", "bus"], {"": ""}, ""),
        (["test", "exam"], {"": ""}, ""),
        (["test/blood", "test/urine", "exam", "quiz"], {"": ""}, ""),
        (["val", "test", "exam"], {"": ""}, ""),
    ],
)
def test_what_makes_sense_in_one_way_only_is_read(
    folders: list[str], bases: dict[str, str], said: str
) -> None:
    layout = layout_of(*folders)
    assert layout.bases == bases
    assert layout.unlabelled is None
    assert said in "; ".join(layout.notes)
    assert bool(layout.notes) == bool(said) or "train" in bases


def test_a_flat_test_is_kept_for_predictions() -> None:
    layout = layout_of(*in_each(("train", "val")), "Testing")
    assert layout.bases == {"train": "train", "val": "val"}
    assert layout.unlabelled == "Testing"
    assert layout.placed("Testing/0.png") is None
    assert layout_of(*in_each(("w/train",)), "w/test").unlabelled == "w/test"


@pytest.mark.parametrize("inside", ["images", "images/deep", "test", "unknown/a", "cats"])
def test_a_test_of_one_folder_that_is_no_class_is_kept_for_predictions(inside: str) -> None:
    layout = layout_of(*in_each(("train",)), f"test/{inside}")
    assert layout.bases == {"train": "train"}
    assert layout.unlabelled == "test"
    name = inside if "/" not in inside else inside.rpartition("/")[2]
    said = f"test holds one folder, {name}, which is no class of train: its images are in no split"
    assert any(note.startswith(said) for note in layout.notes), layout.notes
    beside = layout_of(*in_each(("train", "val")), f"test/{inside}", "test")
    assert (beside.bases, beside.unlabelled) == ({"train": "train", "val": "val"}, "test")


@pytest.mark.parametrize("inside", [("cat",), ("Cat",), ("images", "more")])
def test_other_folders_in_a_test_are_classes(inside: tuple[str, ...]) -> None:
    layout = layout_of(*in_each(("train",)), *(f"test/{name}" for name in inside))
    assert layout.bases == {"train": "train", "test": "test"}
    assert layout.unlabelled is None


NAMES = st.sampled_from(["train", "Valid", "test", "cat", "dog", "data", "2019"])


@settings(deadline=None, derandomize=True, max_examples=300)
@given(st.lists(st.lists(NAMES, min_size=1, max_size=4).map("/".join), max_size=8))
def test_any_tree_is_read_or_refused_and_never_with_a_class_of_train_images(
    folders: list[str],
) -> None:
    paths = [f"{folder}/a.png" for folder in folders]
    try:
        layout = read_layout(paths, "/mine")
    except SpoonfulError:
        return
    placed = [found for found in map(layout.placed, paths) if found is not None]
    assert {split for split, _ in placed} == set(layout.bases)
    classes = {parts[0] for _, parts in placed}
    assert len(classes) >= 2
    assert not {name.lower() for name in classes} <= {"train", "valid", "test"}


@pytest.mark.parametrize(
    ("folders", "words"),
    [
        (in_each(("train", "val", "valid")), ["both val and valid", "the split val"]),
        (in_each(("train", "Train")), ["both Train and train"]),
        ([*in_each(("train", "test")), "dog"], ["the splits test, train and also dog"]),
        ([*in_each(("train",)), "plane"], ["the splits train and also plane"]),
        (["train", "test", "plane"], ["the splits test, train and also plane"]),
        (["cat", "dog", *in_each(("val",))], ["also cat, dog", "class folders into train"]),
        (in_each(("val", "test")), ["holds test, val, but no train"]),
        (in_each(("val",)), ["holds val, but no train"]),
        (["val", "test"], ["holds test, val, but no train"]),
        (["train", "test"], ["train holds images, but no class folders"]),
        ([*in_each(("train",)), "val"], ["val holds images, but no class folders"]),
        (in_each(("train/train", "train/val", "test")), ["train is a split by its name"]),
        (in_each(("training_set", "test_set")), ["look like splits", "rename them"]),
        (in_each(("seg_train/seg_train", "seg_test/seg_test")), ["look like splits"]),
        (["cat/train", "cat/test", "dog/train"], ["cat holds test, train", "such as train/cat"]),
        (["cat/train", "cat/val", "dog"], ["cat holds train, val", "such as train/cat"]),
        (["cat"], ["one class, cat", "needs two"]),
        (["PetImages/cat"], ["/mine/PetImages holds one class, cat"]),
        (["train/cat", "test/cat"], ["one class, cat"]),
        (["pets/cat", "pets/dog", "pets"], ["one class, pets (with", "dataset.path=/mine/pets"]),
        (["pets/cat", "pets/dog", "docs"], ["unclear", "folders cat, dog", "docs holds images"]),
        (["a\nb"], [r"one class, a\nb:"]),
        ([], ["no class folders"]),
    ],
)
def test_what_is_unclear_is_refused_with_what_was_found(
    folders: list[str], words: list[str]
) -> None:
    with pytest.raises(SpoonfulError) as caught:
        layout_of(*folders)
    message = str(caught.value)
    assert message.startswith("dataset.path=/mine")
    assert all(word in message for word in words), message
    assert "\n" not in message
