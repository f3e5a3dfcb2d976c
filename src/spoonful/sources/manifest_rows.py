"""The rows of a table of image files: where the files are, and their labels."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from spoonful.errors import SpoonfulError
from spoonful.files.documents import shown
from spoonful.sources.labels import LabelKind
from spoonful.sources.remote.images import found_images
from spoonful.sources.remote.store import Listed, Store
from spoonful.sources.table_faults import TableFaults
from spoonful.sources.table_file import read_columns, texts
from spoonful.sources.table_labels import (
    TableLabels,
    checked_kind,
    distinct_texts,
    table_labels,
)

_MISSING = "missing"


@dataclass(frozen=True)
class ManifestRows:
    """The rows of a table, in its order.

    Attributes:
        root: an absolute folder that all files are below.
        files: their paths below it, with "/" and without "..".
        labels: one for each file.
        others: further columns as texts, None where a cell is empty.
        faults: what is wrong, not yet reported; a wrong row has an empty file or a label 0.
        listed: what a remote store says about each file.
    """

    root: Path
    files: list[str]
    labels: TableLabels
    others: dict[str, list[str | None]]
    faults: TableFaults
    listed: dict[str, Listed] = field(default_factory=dict)


def read_rows(
    table: str | os.PathLike[str],
    root: str | os.PathLike[str] | None,
    path_column: str,
    label_columns: Sequence[str],
    label_kind: LabelKind | str | None,
    class_names: Sequence[str] | None = None,
    other_columns: Sequence[str] = (),
    prefix: str = "",
    store: Store | None = None,
) -> ManifestRows:
    """Read a table and check each row: its file exists and is named once, its label is valid.

    Args:
        table: CSV or Parquet file.
        root: the folder that the paths are below. None: the table's folder; or, if there are
            absolute paths outside it, the innermost folder that all files are below.
        path_column: column of the paths: below root, or absolute.
        label_columns: one column of classes, or several of another kind.
        label_kind: "classification", "multilabel" or "regression"; None: see `checked_kind`.
        class_names: see `table_labels`.
        other_columns: further columns to read as texts.
        prefix: of the names of the arguments, for messages: "dataset." in a command.
        store: where the files are; None: on the disk.

    Raises:
        SpoonfulError: an argument of another type, no table, no such column, one of another type,
            no rows, or no such folder.
    """
    kind = checked_kind(label_kind, label_columns, prefix)
    _check_arguments(table, root, path_column, label_columns, prefix)
    if class_names is not None:
        class_names = distinct_texts(class_names, "class_names", "names of classes")
    path = Path(table).expanduser().absolute()
    columns = read_columns(path, [path_column, *label_columns, *other_columns])
    if not columns.num_rows:
        raise SpoonfulError(f"{path}: holds no rows below its header; expected one for each image")
    faults = TableFaults(path)
    cells = texts(columns[path_column], f"{path}: column {shown(path_column)}").to_pylist()
    if store is None:
        base, listed = _base(path, root, prefix), dict[str, Listed]()
        folder, files = _located(cells, base, root is not None, path_column, faults)
    else:
        folder, (files, listed) = path.parent, _stored(cells, store, path_column, faults)
    labels = table_labels(columns, label_columns, kind, faults, class_names)
    others = {
        name: _cells(columns[name], f"{path}: column {shown(name)}") for name in other_columns
    }
    return ManifestRows(folder, files, labels, others, faults, listed)


def _cells(column: Any, where: str) -> list[str | None]:
    """Return a column as texts, None where a cell is empty."""
    return [text or None for text in texts(column, where).to_pylist()]


def _check_arguments(
    table: Any, root: Any, path_column: Any, label_columns: Sequence[str], prefix: str
) -> None:
    """Check the types of arguments, as Python does not."""
    for name, path in (("table", table), ("root", root)):
        is_path = isinstance(path, str | os.PathLike) or (name == "root" and path is None)
        if not is_path:
            also = ", or None" if name == "root" else ""
            raise SpoonfulError(f"{prefix}{name}={shown(path)}: expected a path{also}")
    if not isinstance(path_column, str):
        raise SpoonfulError(
            f"{prefix}path_column={shown(path_column)}: expected the name of a column"
        )
    if path_column in label_columns:
        raise SpoonfulError(
            f"{prefix}path_column={path_column}: is also one of {prefix}label_columns; expected "
            "different columns"
        )


def _base(table: Path, root: str | os.PathLike[str] | None, prefix: str) -> Path:
    """Return the folder that the paths of a table are below, as it is written."""
    base = table.parent if root is None else Path(root).expanduser().absolute()
    if not base.is_dir():
        raise SpoonfulError(
            f"{prefix}root={root}: no such folder; expected the one that the paths are below"
        )
    return Path(os.path.normpath(base))


def _located(
    cells: list[str | None], base: Path, is_given: bool, column: str, faults: TableFaults
) -> tuple[Path, list[str]]:
    """Return the folder of all files and their paths below it; "" for what is not a path."""
    prefix = os.path.join(base, "")  # noqa: PTH118 - a string, for a million files
    files = [_below(cell, prefix) for cell in cells]
    where = f"root {base}" if is_given else f"the table's folder {base}"
    outside = [
        place
        for place, file in enumerate(files)
        if file.startswith("/") and (is_given or not (cells[place] or "").startswith("/"))
    ]
    faults.add(
        f"whose path in column {shown(column)} leads out of {where}",
        outside,
        lambda place: cells[place],
    )
    for place in outside:
        files[place] = ""
    if any(file.startswith("/") for file in files):
        base, files = _with_common_folder(files, prefix)
        prefix = os.path.join(base, "")  # noqa: PTH118
    empty = [place for place, cell in enumerate(cells) if not cell]
    faults.add(f"without a path in column {shown(column)}", empty)
    _check_once(files, cells, faults)
    wrong = {p: mode for p, f in enumerate(files) if f and (mode := _not_a_file(prefix + f))}
    missing = [place for place, what in wrong.items() if what == _MISSING]
    backslash = any("\\" in files[place] for place in missing[:1])
    hint = " (write / between the folders of a path)" if backslash else ""
    faults.add(f"whose file is missing below {base}{hint}", missing, lambda place: cells[place])
    others = [place for place, what in wrong.items() if what != _MISSING]
    faults.add(
        f"whose path below {base} is not one of a regular file",
        others,
        lambda place: f"{cells[place]}: {wrong[place]}",
    )
    return base, files


def _stored(
    cells: list[str | None], store: Store, column: str, faults: TableFaults
) -> tuple[list[str], dict[str, Listed]]:
    """Return the paths below the address of a store, and what it says about each."""
    address = store.address.partition("?")[0].rstrip("/") + "/"
    files = []
    for cell in cells:
        given = (cell or "").removeprefix(address)
        path = os.path.normpath(given)
        is_below = bool(given) and "://" not in given and not path.startswith(("/", ".."))
        files.append(path if is_below else "")
    empty = [place for place, cell in enumerate(cells) if not cell]
    faults.add(f"without a path in column {shown(column)}", empty)
    where = store.address_of("")
    outside = [place for place, cell in enumerate(cells) if cell and not files[place]]
    what = f"whose path in column {shown(column)} leads out of {where}"
    faults.add(what, outside, lambda place: cells[place])
    _check_once(files, cells, faults)
    listed = found_images(store, [file for file in files if file])
    missing = [place for place, file in enumerate(files) if file and file not in listed]
    faults.add(f"whose file is missing below {where}", missing, lambda place: cells[place])
    return files, listed


def _below(cell: str | None, prefix: str) -> str:
    """Return a path below the folder `prefix`; an absolute path if it is not below it."""
    if not cell:
        return ""
    if cell[0] not in "/." and "/." not in cell and "//" not in cell and cell[-1] != "/":
        return cell  # needs no work, as almost all of a million
    path = os.path.normpath(os.path.join(prefix, cell))  # noqa: PTH118
    return path.removeprefix(prefix) if path.startswith(prefix) else "/" + path.lstrip("/")


def _with_common_folder(files: list[str], prefix: str) -> tuple[Path, list[str]]:
    paths = [file if file.startswith("/") or not file else prefix + file for file in files]
    folder = os.path.commonpath({path.rpartition("/")[0] or "/" for path in paths if path})
    start = len(os.path.join(folder, ""))  # noqa: PTH118
    return Path(folder), [path[start:] for path in paths]


def _check_once(files: list[str], cells: list[str | None], faults: TableFaults) -> None:
    """Note files that several rows name."""
    if len(set(files)) == len(files):
        return
    seen: set[str] = set()
    again = []
    for place, file in enumerate(files):
        if file and file in seen:
            again.append(place)
        seen.add(file)
    faults.add(
        "whose file an earlier row also names (one row for each file)",
        again,
        lambda place: cells[place],
    )


def _not_a_file(path: str) -> str:
    """Return what a path is instead of a regular file; empty if it is one."""
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116 - a string, for each file
    except (OSError, ValueError):
        return _MISSING
    if stat.S_ISREG(mode):
        return ""
    return "a folder" if stat.S_ISDIR(mode) else "a pipe or a device"
