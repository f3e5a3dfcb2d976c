"""Columns of a data set in Hugging Face's format: which one is what, and labels from them."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from spoonful.errors import SpoonfulError
from spoonful.files.documents import shown
from spoonful.sources.labels import LabelKind
from spoonful.sources.table_faults import TableFaults
from spoonful.sources.table_labels import TableLabels, checked_kind, distinct_texts, table_labels

_LISTS = ("Sequence", "List", "LargeList")


def image_column(schema: Any, features: dict[str, Any], asked: str | None, file: Path) -> str:
    """Return the column of the images: the asked one, or the only one that there is.

    Raises:
        SpoonfulError: no such column, or none or several that hold images.
    """
    import pyarrow as pa

    if asked is not None:
        _check_there([asked], schema, file)
        kind = schema.field(asked).type
        if not (_holds_bytes(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            raise SpoonfulError(
                f"dataset.image_column={asked}: {file} has values of type {kind} there: expected "
                "images, as a struct of bytes and path, or bytes"
            )
        return asked
    found = [
        name
        for name in schema.names
        if _type_of(features.get(name)) == "Image" or _holds_bytes(schema.field(name).type)
    ]
    if len(found) != 1:
        which = f"several columns of images ({_listed(found)})" if found else "no column of images"
        raise SpoonfulError(
            f"{file}: has {which}: give dataset.image_column, one of {_listed(schema.names)}"
        )
    return str(found[0])


def label_columns(
    schema: Any, features: dict[str, Any], asked: Sequence[str] | None, file: Path
) -> list[str]:
    """Return the columns of the labels: the asked ones, or the only one with names of classes.

    Raises:
        SpoonfulError: no such column, or none or several with names of classes.
    """
    if asked is not None:
        asked = distinct_texts(asked, "dataset.label_columns", "columns, such as [label]")
        _check_there(asked, schema, file)
        return asked
    found = [name for name in schema.names if _class_names(features.get(name)) is not None]
    if len(found) != 1:
        which = f"several columns of classes ({_listed(found)})" if found else "no ClassLabel"
        raise SpoonfulError(
            f"{file}: has {which}: give dataset.label_columns, some of {_listed(schema.names)}"
        )
    return found


def hf_labels(
    table: Any,
    columns: Sequence[str],
    features: dict[str, Any],
    label_kind: str | None,
    faults: TableFaults,
) -> TableLabels:
    """Return the labels of all rows.

    Args:
        table: `pyarrow.Table` with the columns.
        columns: of the labels.
        features: of all columns.
        label_kind: "classification", "multilabel" or "regression"; None: lists of classes are
            multilabel, one other column is classes, and several are multilabel.
        faults: receives the rows without a valid label.

    Raises:
        SpoonfulError: a kind that does not fit the columns.
    """
    names = _class_names(features.get(columns[0]))
    kind = hf_kind(columns, features, label_kind)
    if names is not None and _are_lists(columns, features):
        return _spread(table[columns[0]], columns[0], names, faults)
    are_names = kind is LabelKind.CLASSIFICATION and names is not None
    if are_names:
        table = table.set_column(0, columns[0], [_named(table[columns[0]], names or [])])
    return table_labels(table, columns, kind, faults, are_names=are_names)


def hf_kind(columns: Sequence[str], features: dict[str, Any], label_kind: str | None) -> LabelKind:
    """Return what the label columns hold; see `hf_labels`."""
    if not _are_lists(columns, features):
        return checked_kind(label_kind, columns, "dataset.")
    if label_kind not in (None, LabelKind.MULTILABEL):
        raise SpoonfulError(
            f"dataset.label_kind={label_kind}: column {shown(columns[0])} holds lists of "
            "classes: expected multilabel"
        )
    return LabelKind.MULTILABEL


def check_distinct_classes(columns: Sequence[str], features: dict[str, Any], file: Path) -> None:
    """Check that each class of a column has a name of its own.

    Raises:
        SpoonfulError: two classes have one name; names the column and both numbers.
    """
    for column in columns:
        numbers: dict[str, int] = {}
        for number, name in enumerate(_class_names(features.get(column)) or []):
            if (before := numbers.setdefault(name, number)) < number:
                raise SpoonfulError(
                    f"{file}: column {shown(column)} has the name {shown(name)} for class {before} "
                    f"and for class {number}: expected a name of its own for each; save the data "
                    "again with other names"
                )


def check_classes(
    columns: Sequence[str], first: tuple[Path, dict[str, Any]], other: tuple[Path, dict[str, Any]]
) -> None:
    """Check that numbers in columns of two files stand for the same classes.

    Args:
        columns: of numbers, or of anything else.
        first: a file and the features of its columns.
        other: another one.

    Raises:
        SpoonfulError: they have other names of classes, or in another order; names both files.
    """
    for column in columns:
        here, there = (_class_names(features.get(column)) for _, features in (other, first))
        if here == there:
            continue
        if here is None or there is None:
            what = (
                ("names of classes", "none") if there is None else ("no names of classes", "some")
            )
        elif len(here) != len(there):
            what = (f"{len(here):,} class{'' if len(here) == 1 else 'es'}", f"{len(there):,}")
        else:
            number = next(n for n, name in enumerate(here) if name != there[n])
            what = (f"{shown(here[number])} as class {number}", shown(there[number]))
        raise SpoonfulError(
            f"{other[0]}: column {shown(column)} has {what[0]}, but that of {first[0]} has "
            f"{what[1]}: expected the same names of classes in the same order; save the data again "
            "with one list of them"
        )


def _are_lists(columns: Sequence[str], features: dict[str, Any]) -> bool:
    """Return whether there is one column, of lists of classes."""
    feature = features.get(columns[0]) if len(columns) == 1 else None
    return _class_names(feature) is not None and _is_list(feature)


def _named(column: Any, names: list[str]) -> Any:
    """Turn class numbers into names; -1 means no label, as in test splits with hidden labels."""
    import pyarrow as pa
    import pyarrow.compute as pc

    numbers = column.combine_chunks().cast(pa.int64())
    is_known = pc.and_(pc.greater_equal(numbers, 0), pc.less(numbers, len(names)))
    return pa.array(names, pa.string()).take(pc.if_else(is_known, numbers, None))


def _spread(column: Any, name: str, names: list[str], faults: TableFaults) -> TableLabels:
    """Turn lists of class numbers into 0 or 1 for each class."""
    import pyarrow.compute as pc

    lists = column.combine_chunks()
    rows = np.asarray(pc.list_parent_indices(lists))
    numbers = np.asarray(pc.fill_null(pc.list_flatten(lists), -1))
    is_known = (numbers >= 0) & (numbers < len(names))
    values = np.zeros((len(lists), len(names)), np.uint8)
    values[rows[is_known], numbers[is_known]] = 1
    empty = np.flatnonzero(np.asarray(pc.is_null(lists)))
    faults.add(f"without a list of labels in column {shown(name)}", empty.tolist())
    wrong = np.unique(rows[~is_known]).tolist()
    what = f"with a label in column {shown(name)} that is none of the {len(names):,} classes"
    faults.add(what, wrong, lambda position: lists[position].as_py())
    return TableLabels(LabelKind.MULTILABEL, tuple(names), values)


def _holds_bytes(kind: Any) -> bool:
    import pyarrow as pa

    if isinstance(kind, pa.ExtensionType):
        kind = kind.storage_type
    if not pa.types.is_struct(kind):
        return False
    fields = {kind.field(number).name: kind.field(number).type for number in range(kind.num_fields)}
    content = fields.get("bytes")
    return content is not None and (
        pa.types.is_binary(content) or pa.types.is_large_binary(content) or "path" in fields
    )


def _class_names(feature: Any) -> list[str] | None:
    """Return the names of a ClassLabel, or of the one that a list is of; None: it is neither."""
    if _is_list(feature):
        feature = feature[0] if isinstance(feature, list) else feature.get("feature")
    names = feature.get("names") if _type_of(feature) == "ClassLabel" else None
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        return None
    return names


def _is_list(feature: Any) -> bool:
    return (isinstance(feature, list) and len(feature) == 1) or _type_of(feature) in _LISTS


def _type_of(feature: Any) -> Any:
    return feature.get("_type") if isinstance(feature, dict) else None


def _check_there(names: Sequence[str], schema: Any, file: Path) -> None:
    missing = [name for name in names if name not in schema.names]
    if missing:
        raise SpoonfulError(
            f"{file}: has no column {_listed(missing)}; it has {_listed(schema.names)}"
        )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(shown(name) for name in names)
