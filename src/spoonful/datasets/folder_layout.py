"""How a folder of images is meant: where its splits and classes are, judged by names alone."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from spoonful.datasets.split_names import split_named
from spoonful.errors import SpoonfulError
from spoonful.files.text import printable

# What people call the three splits, in small letters.
EXPECTED = "expected a folder of class folders, or train, val and test with class folders in them"
_NUM_NAMED = 5


@dataclass(frozen=True)
class Layout:
    """Where the class folders are, as paths below the user's folder; "" is the folder itself.

    Attributes:
        bases: the folder that holds the class folders of each given split; with the one key "" if
            no split is given.
        unlabelled: a folder of test images without classes; None: there is none.
        notes: what a user should know about this reading, a sentence each.
        is_loose: images in no class folder also count, in the class ".".
    """

    bases: dict[str, str]
    unlabelled: str | None = None
    notes: tuple[str, ...] = ()
    is_loose: bool = False

    def placed(self, path: str) -> tuple[str, list[str]] | None:
        """Return an image's given split, and the parts of its path from its class on.

        Returns:
            None if the image is in no class folder. The split is "" if none is given.
        """
        if self.is_loose:
            return "", path.split("/") if "/" in path else [".", path]
        for split, base in self.bases.items():
            prefix = f"{base}/" if base else ""
            if path.startswith(prefix):
                parts = path[len(prefix) :].split("/")
                if len(parts) > 1:
                    return split, parts
        return None


class _Tree:
    """Which folders hold images, and which folders."""

    def __init__(self, paths: Iterable[str], root: str) -> None:
        self.root = root
        self._images = Counter(path.rpartition("/")[0] for path in paths)
        self._folders: dict[str, set[str]] = defaultdict(set)
        for folder in list(self._images):
            while folder:
                above, _, name = folder.rpartition("/")
                self._folders[above].add(name)
                folder = above

    def folders(self, at: str) -> list[str]:
        """Return the names of the folders directly in a folder that hold images, or whose do."""
        return sorted(self._folders.get(at, ()))

    def is_of_folders(self, at: str) -> bool:
        """Return whether a folder holds folders of images, and no image directly."""
        return not self._images.get(at) and bool(self._folders.get(at))

    def only_folder(self, at: str) -> str | None:
        """Return the path of a folder's only folder, which holds folders alone; None: otherwise."""
        names = self.folders(at)
        inside = _join(at, names[0]) if len(names) == 1 else ""
        return inside if inside and self.is_of_folders(inside) else None

    def where(self, at: str) -> str:
        """Write the user's own path of a folder."""
        return printable(f"{self.root}/{at}" if at else self.root)


def read_layout(paths: Iterable[str], root: str) -> Layout:
    """Find the splits and the classes of a folder.

    Folders called like splits are splits, in any case and usual spelling; a folder that only wraps
    the others is looked into. Where two readings make sense, it is refused.

    Args:
        paths: the images' paths below the folder, "/" between their parts.
        root: the folder's own path, for messages.

    Raises:
        SpoonfulError: no classes, a single class, two folders for one split, or an unclear layout;
            says what was found.
    """
    tree, at = _Tree(paths, root), ""
    while (inside := tree.only_folder(at)) is not None and _is_wrapper(tree, inside):
        at = inside
    names = tree.folders(at)
    if not names:
        raise SpoonfulError(f"dataset.path={tree.where(at)}: no class folders; {EXPECTED}")
    notes = [f"classes are looked for in {printable(at)}, the only folder"] if at else []
    if _are_splits(tree, at, names):
        return _given(tree, at, names, notes)
    if len(names) == 1:
        raise _one_class(tree, at, names[0])
    _check_clear(tree, at, names)
    return Layout({"": at}, None, (*notes, *_same_inside(tree, at, names)))


def _same_inside(tree: _Tree, at: str, names: list[str]) -> list[str]:
    """Say how classes are read that all hold folders of the same names: years, or the classes."""
    inside = [tree.folders(_join(at, name)) for name in names]
    if len(inside[0]) < 2 or any(found != inside[0] for found in inside):
        return []
    return [
        f"the classes are {_listed(names)}; each holds the folders {_listed(inside[0])}, which are "
        "not classes: if they should be, put their images into one folder for each of them"
    ]


def _is_wrapper(tree: _Tree, folder: str) -> bool:
    """Return whether a folder wraps the classes, and is not the one split that is there."""
    if split_named(folder.rpartition("/")[2]) is None:
        return True
    return "train" in {split_named(name) for name in tree.folders(folder)}


def _are_splits(tree: _Tree, at: str, names: list[str]) -> bool:
    """Distinguish splits from classes that are called so.

    Raises:
        SpoonfulError: there are splits, and something else.
    """
    splits = [name for name in names if split_named(name) is not None]
    others = [name for name in names if name not in splits]
    if not splits or not others:
        return bool(splits)
    has_train = "train" in {split_named(name) for name in splits}
    nested = [name for name in splits if tree.folders(_join(at, name))]
    inside = {inner for name in nested for inner in tree.folders(_join(at, name))}
    if (has_train and (nested or len(splits) > 1)) or inside & set(others):
        raise SpoonfulError(
            f"dataset.path={tree.where(at)} holds the splits {_listed(splits)} and also "
            f"{_listed(others)}: expected only train, val and test, or only class folders; move "
            f"{'the class folders into train' if not has_train else 'the others away'}"
        )
    return False


def _given(tree: _Tree, at: str, names: list[str], notes: list[str]) -> Layout:
    """Read folders that are all called like splits."""
    where = f"dataset.path={tree.where(at)}"
    by_split: dict[str, str] = {}
    for name in names:
        split = split_named(name) or name  # all are splits here
        if split in by_split:
            raise SpoonfulError(
                f"{where} holds both {by_split[split]} and {name}, which mean the split {split}: "
                "expected one of them; move the other away"
            )
        by_split[split] = name
    if "train" not in by_split:
        raise SpoonfulError(
            f"{where} holds {_listed(names)}, but no train: expected train, and val and test if "
            "you have them; if these are classes, rename them"
        )
    bases: dict[str, str] = {}
    unlabelled, why = None, "no class folders"
    for split in (split for split in ("train", "val", "test") if split in by_split):
        name = by_split[split]
        folder = _join(at, name)
        only = _one_unknown(tree, folder, bases["train"]) if split == "test" else None
        if only is not None:
            unlabelled = folder
            why = f"one folder, {only}, which is no class of train"
        elif tree.folders(folder):
            bases[split] = _class_base(tree, folder)
        elif split == "test":
            unlabelled = folder
        else:
            raise SpoonfulError(
                f"{where}: {name} holds images, but no class folders; expected one folder a class "
                f"in {name}"
            )
    spelled = [f"{split} (folder {base})" for split, base in bases.items()]
    missing = [split for split in ("val", "test") if split not in bases]
    cut = f"; {' and '.join(missing)}: cut from train by `spoonful split`" if missing else ""
    notes = [*notes, f"given splits: {printable(', '.join(spelled))}{cut}"]
    if unlabelled is not None:
        notes.append(
            f"{printable(f'{unlabelled} holds {why}')}: its images are in no split; "
            "`spoonful fetch` lists them in data/raw/unlabelled.csv for predictions"
        )
    _check_two_classes(tree, bases)
    return Layout(bases, unlabelled, tuple(notes))


def _one_unknown(tree: _Tree, test: str, train: str) -> str | None:
    """Return the name of the only folder in a test, where no class of train is called so.

    Such a folder only wraps images without classes, such as test/images: the test of a
    classification has two classes or more.
    """
    while (inside := tree.only_folder(test)) is not None:
        test = inside
    names = tree.folders(test)
    classes = set(map(_alike, tree.folders(train)))
    return names[0] if len(names) == 1 and _alike(names[0]) not in classes else None


def _alike(name: str) -> str:
    """Return one form of names that look alike; such a class is misspelt, and not unknown."""
    return unicodedata.normalize("NFKC", name).casefold()


def _class_base(tree: _Tree, folder: str) -> str:
    """Return the folder that holds a split's class folders: itself, or the only one in it."""
    while (inside := tree.only_folder(folder)) is not None:
        folder = inside
    names = tree.folders(folder)
    if all(split_named(name) is not None for name in names):
        raise SpoonfulError(
            f"dataset.path={tree.where('')}: {printable(folder)} is a split by its name, and holds "
            f"{_listed(names)}; give the folder of the splits as dataset.path"
        )
    return folder


def _check_two_classes(tree: _Tree, bases: dict[str, str]) -> None:
    classes = {name for base in bases.values() for name in tree.folders(base)}
    if len(classes) == 1:
        raise _one_class(tree, bases["train"], classes.pop())


def _one_class(tree: _Tree, at: str, name: str) -> SpoonfulError:
    inside = tree.folders(_join(at, name))
    hint = f" (with the folders {_listed(inside)} in it)" if inside else ""
    below = tree.where(_join(at, name))
    words = f"if these are the classes, give dataset.path={below}" if inside else EXPECTED
    return SpoonfulError(
        f"dataset.path={tree.where(at)} holds one class, {printable(name)}{hint}: classification "
        f"needs two; {words}"
    )


def _check_clear(tree: _Tree, at: str, names: list[str]) -> None:
    """Refuse folders that can be classes, but are more likely something else."""
    of_folders = [name for name in names if tree.is_of_folders(_join(at, name))]
    words = {word for name in of_folders for word in re.split("[^a-z]+", name.lower())}
    alike = {split_named(word) for word in words} - {None}
    if "train" in alike and len(alike) > 1:  # such as training_set and test_set
        raise SpoonfulError(
            f"dataset.path={tree.where(at)} holds {_listed(names)}, which look like splits, with "
            "class folders in them: rename them to train, val and test"
        )
    for name in of_folders:
        inside = tree.folders(_join(at, name))
        if "train" in map(split_named, inside) and all(map(split_named, inside)):
            raise SpoonfulError(
                f"dataset.path={tree.where(at)}: {printable(name)} holds {_listed(inside)}: "
                "expected the splits first and the classes in them, such as "
                f"train/{printable(name)}; move the folders so"
            )
    if len(of_folders) == 1 and len(names) == 2:
        (wrapper,) = of_folders
        (other,) = set(names) - {wrapper}
        inside = tree.folders(_join(at, wrapper))
        if len(inside) > 1:
            raise SpoonfulError(
                f"dataset.path={tree.where(at)}: it is unclear what the classes are: "
                f"{printable(wrapper)} holds the folders {_listed(inside)} and no images, "
                f"{printable(other)} holds images; give dataset.path="
                f"{tree.where(_join(at, wrapper))}, or put the images of class "
                f"{printable(wrapper)} directly into it"
            )


def _listed(names: list[str]) -> str:
    shown = ", ".join(printable(name) for name in names[:_NUM_NAMED])
    return shown if len(names) <= _NUM_NAMED else f"{shown} and {len(names) - _NUM_NAMED} more"


def _join(at: str, name: str) -> str:
    return f"{at}/{name}" if at else name
