"""Labels from the columns of a table: classes, 0 or 1 for each class, or values to predict."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from spoonful.errors import SpoonfulError
from spoonful.files.documents import shown
from spoonful.sources.labels import LabelKind
from spoonful.sources.table_faults import TableFaults
from spoonful.sources.table_file import texts

_TRUTH = {"0": 0, "1": 1, "false": 0, "true": 1, "0.0": 0, "1.0": 1}
# Other words for the kinds of labels.
LABEL_KINDS = {"classes": str(LabelKind.CLASSIFICATION), "values": str(LabelKind.REGRESSION)}
_VALUES_HINT = "to predict numbers use label_kind=regression"
_WHOLE = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]+)?")
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True)
class TableLabels:
    """The labels of a table.

    Attributes:
        kind: what they are.
        names: of the classes, in label order; else of the label columns.
        values: class numbers int64 [n]; 0 or 1, uint8 [n, k]; or float64 [n, k].
    """

    kind: LabelKind
    names: tuple[str, ...]
    values: NDArray[Any]


def checked_kind(
    label_kind: str | None, label_columns: Sequence[str], prefix: str = ""
) -> LabelKind:
    """Return what the label columns are: if None, one is classes, and several are multilabel.

    Args:
        label_kind: a kind, or another word for it.
        label_columns: the columns.
        prefix: of the names of arguments, for the message: "dataset." in a command.

    Raises:
        SpoonfulError: no such kind, no or repeated columns, or several columns of classes.
    """
    columns = distinct_texts(label_columns, f"{prefix}label_columns", "columns, such as [label]")
    if isinstance(label_kind, str):
        label_kind = LABEL_KINDS.get(label_kind, label_kind)
    if label_kind is None:
        return LabelKind.CLASSIFICATION if len(columns) == 1 else LabelKind.MULTILABEL
    if label_kind not in list(LabelKind):
        raise SpoonfulError(
            f"{prefix}label_kind={label_kind!r}: expected one of {', '.join(LabelKind)}, or none"
        )
    if label_kind == LabelKind.CLASSIFICATION and len(columns) > 1:
        raise SpoonfulError(
            f"{prefix}label_columns={columns}, {prefix}label_kind={label_kind}: expected one "
            "column, which names the class; with 0 or 1 in several columns use "
            "label_kind=multilabel, with numbers to predict label_kind=regression"
        )
    return LabelKind(label_kind)


def distinct_texts(value: Any, name: str, what: str) -> list[str]:
    """Return a list of texts, none of them twice; `name` is the argument, `what` its items.

    Raises:
        SpoonfulError: anything else.
    """
    is_list = isinstance(value, Iterable) and not isinstance(value, str | bytes)
    items = list(value) if is_list else []
    if not items or not all(isinstance(item, str) for item in items):
        raise SpoonfulError(f"{name}={shown(value)}: expected a list of different {what}")
    if len(set(items)) < len(items):
        twice = shown(next(item for item in items if items.count(item) > 1))
        raise SpoonfulError(
            f"{name}={shown(value)}: holds {twice} twice; expected a list of different {what}"
        )
    return items


def table_labels(
    table: Any,
    columns: Sequence[str],
    kind: LabelKind,
    faults: TableFaults,
    class_names: Sequence[str] | None = None,
    are_names: bool = False,
) -> TableLabels:
    """Return the labels; what is missing or wrong becomes a fault, and its label 0.

    Args:
        table: `pyarrow.Table` with the columns.
        columns: of the labels; one for classes.
        kind: what they are.
        faults: receives the rows without a valid label.
        class_names: of classes: those allowed, in label order; None: those found, sorted, by
            number if all are whole numbers.
        are_names: the classes are names that the data declares, and not what somebody typed.

    Raises:
        SpoonfulError: a column of a type that is not a label.
    """
    if kind is LabelKind.CLASSIFICATION:
        return _classes(table, columns[0], faults, class_names, are_names)
    one = _truth_values if kind is LabelKind.MULTILABEL else _numbers
    values = [one(table[name], name, faults) for name in columns]
    return TableLabels(kind, tuple(columns), np.stack(values, axis=1))


def in_label_order(names: Sequence[str]) -> list[str]:
    """Return names of classes sorted: by number if all are whole numbers, else by name."""
    try:
        is_whole = all(str(int(name)) == name for name in names)
    except ValueError:
        is_whole = False
    return sorted(names, key=int) if is_whole else sorted(names)


def _classes(
    table: Any,
    column: str,
    faults: TableFaults,
    class_names: Sequence[str] | None,
    are_names: bool,
) -> TableLabels:
    import pyarrow as pa
    import pyarrow.compute as pc

    expected = f"texts or whole numbers that name classes; {_VALUES_HINT}"
    found = texts(table[column], faults.column(column), expected)
    is_typed = class_names is None and not are_names
    words = pc.utf8_trim_whitespace(found) if is_typed else found
    is_empty = pc.fill_null(pc.equal(words, ""), True).to_numpy()
    _add_empty(faults, column, is_empty)
    if class_names is None:
        distinct = pc.unique(found.filter(pa.array(~is_empty))).to_pylist()
        if is_typed:
            _check_typed(distinct, faults.column(column))
        class_names = in_label_order(distinct)
    numbers = pc.index_in(found, pa.array(class_names, pa.string())).combine_chunks()
    labels = np.asarray(pc.fill_null(numbers, -1), dtype=np.int64)
    unknown = np.flatnonzero((labels < 0) & ~is_empty)
    faults.add(
        f"whose class in column {shown(column)} is not one of the {len(class_names):,} class_names",
        unknown.tolist(),
        lambda position: found[position].as_py(),
    )
    return TableLabels(LabelKind.CLASSIFICATION, tuple(class_names), labels)


def _check_typed(names: Sequence[str], where: str) -> None:
    """Refuse classes that are numbers to predict, or one name with and without spaces."""
    stripped: dict[str, str] = {}
    for name in names:
        other = stripped.setdefault(name.strip(), name)
        if other != name:
            raise SpoonfulError(
                f"{where} holds {shown(other)} and {shown(name)}, which differ only in spaces "
                "around them: expected one of them for a class; remove the spaces"
            )
    broken = next((name for name in names if not _WHOLE.fullmatch(name.strip())), None)
    if broken is not None and all(_NUMBER.fullmatch(name) for name in stripped):
        raise SpoonfulError(
            f"{where} holds numbers, such as {shown(broken)}, expected texts or whole numbers that "
            f"name classes; {_VALUES_HINT}; for classes write 1 and not 1.0, or add a word"
        )


def _truth_values(column: Any, name: str, faults: TableFaults) -> NDArray[np.uint8]:
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_floating(column.type) or pa.types.is_decimal(column.type):
        numbers = _filled(column)
    else:
        found = texts(column, faults.column(name), "0, 1, true or false")
        words = pc.utf8_lower(pc.utf8_trim_whitespace(found))
        allowed = pa.array(list(_TRUTH))
        places = np.asarray(pc.fill_null(pc.index_in(words, allowed).combine_chunks(), -1))
        numbers = np.append(np.array(list(_TRUTH.values()), np.float64), 2.0)[places]
        column = words
    is_empty = _empty(column)
    _add_empty(faults, name, is_empty)
    wrong = np.flatnonzero(~is_empty & (numbers != 0) & (numbers != 1))
    faults.add(
        f"whose label in column {shown(name)} is not 0, 1, true or false",
        wrong.tolist(),
        lambda position: column[position].as_py(),
    )
    return np.where(is_empty, 0, numbers == 1).astype(np.uint8)


def _numbers(column: Any, name: str, faults: TableFaults) -> NDArray[np.float64]:
    import pyarrow as pa
    import pyarrow.compute as pc

    kind = column.type
    is_number = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    if is_number or pa.types.is_decimal(kind) or pa.types.is_null(kind):
        numbers = _filled(column)
    elif pa.types.is_boolean(kind) or pa.types.is_dictionary(kind):
        raise SpoonfulError(
            f"{faults.column(name)} holds values of type {kind}: expected numbers to predict"
        )
    else:
        found = texts(column, faults.column(name), "numbers to predict")
        column = pc.utf8_trim_whitespace(found)
        numbers = _parsed(column)
    is_empty = _empty(column)
    _add_empty(faults, name, is_empty)
    wrong = np.flatnonzero(~is_empty & ~(np.abs(numbers) <= _LARGEST))
    faults.add(
        f"whose value in column {shown(name)} is not a finite number of at most {_LARGEST:.3g}",
        wrong.tolist(),
        lambda position: column[position].as_py(),
    )
    return np.where(is_empty, 0.0, numbers)


def _parsed(column: Any) -> NDArray[np.float64]:
    """Turn texts into numbers; NaN for those that are none."""
    import pyarrow as pa
    import pyarrow.compute as pc

    try:
        return _filled(pc.if_else(pc.equal(column, ""), None, column).cast(pa.float64()))
    except pa.ArrowInvalid:
        return np.array([_number(text) for text in column.to_pylist()], np.float64)


def _number(text: str | None) -> float:
    try:
        return float(text) if text and "_" not in text else float("nan")
    except ValueError:
        return float("nan")


def _filled(column: Any) -> NDArray[np.float64]:
    """Return numbers as floats; NaN for what is missing."""
    import pyarrow as pa
    import pyarrow.compute as pc

    floats = column.cast(pa.float64(), safe=False)
    return np.asarray(pc.fill_null(floats, float("nan")), dtype=np.float64)


def _empty(column: Any) -> NDArray[np.bool_]:
    """Return which cells hold nothing; NaN in a column of floats is what pandas writes for it."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_string(column.type):
        return np.asarray(pc.fill_null(pc.equal(column, ""), True))
    return np.asarray(pc.is_null(column, nan_is_null=True))


def _add_empty(faults: TableFaults, column: str, is_empty: NDArray[np.bool_]) -> None:
    faults.add(
        f"without a label in column {shown(column)}",
        np.flatnonzero(is_empty).tolist(),
    )
