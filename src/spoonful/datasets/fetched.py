"""Check that the data and the keys are those of the list that `fetch` left in data/raw."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.files.documents import shown
from spoonful.sources.labels import LabelKind
from spoonful.sources.table_labels import TableLabels

_REMEDY = "run `spoonful fetch` again"


def check_fetched(fetched: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Check that the list was made with the values that the keys have now.

    Args:
        fetched: the keys that decided what the list holds, and their values.
        wanted: their values now.

    Raises:
        SpoonfulError: some have another value; names each of them.
    """
    differ = [name for name in wanted if fetched.get(name) != wanted[name]]
    if differ:
        now = ", ".join(f"dataset.{name}={_written(wanted[name])}" for name in differ)
        then = ", ".join(f"{name}={_written(fetched.get(name))}" for name in differ)
        raise SpoonfulError(f"{now}: data/raw was fetched with {then}; {_REMEDY}")


def check_content(fetched: str, found: str, path: str) -> None:
    """Check that the user's data is the one that was fetched, by its SHA-256."""
    if fetched != found:
        raise SpoonfulError(
            f"dataset.path={path}: holds other rows than when it was fetched (SHA-256 "
            f"{fetched[:12]}... then, {found[:12]}... now); {_REMEDY}"
        )


def check_trainable(labels: TableLabels, splits: Sequence[str | None], where: str) -> None:
    """Check that there is something to learn, and something to learn it from.

    Args:
        labels: of the rows.
        splits: "train", "val" or "test" where the data gives it.
        where: names the data and its columns, for the message.

    Raises:
        SpoonfulError: all rows are of one class, or none is in train or may be put there.
    """
    if labels.kind is LabelKind.CLASSIFICATION and len(set(labels.values.tolist())) == 1:
        raise SpoonfulError(
            f"{where}: all {len(splits):,} rows have the class "
            f"{shown(labels.names[int(labels.values[0])])}: expected two or more classes; give the "
            "column that names them as dataset.label_columns, or add images of another class"
        )
    check_train(splits, where, len(splits))


def check_train(splits: Sequence[str | None], where: str, num_images: int) -> None:
    """Check that some images are in train, or have no split yet; `where` names the data."""
    given = set(splits)
    if given and not given & {None, "train"}:
        raise SpoonfulError(
            f"{where}: all {num_images:,} images are given to "
            f"{' or '.join(sorted(map(str, given)))}: expected some in train, or without a split; "
            "add those of train, or leave the splits out, so that Spoonful divides the images"
        )


def _written(value: Any) -> str:
    """Write a value as on the command line."""
    if isinstance(value, list):
        return f"[{','.join(map(str, value))}]"
    return value if isinstance(value, str) else json.dumps(value)
