"""What the modules of the package import, read from their source."""

import ast
import re
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

CONF = Path(__file__).resolve().parents[1] / "conf"
PACKAGE = CONF.parent / "src" / "spoonful"
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """The dotted name below the package; empty for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


NAMES = {name_of(path) for path in MODULES}


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imported(path: Path, node: ast.AST | None = None) -> Iterator[str]:
    for inner in ast.walk(tree_of(path) if node is None else node):
        if isinstance(inner, ast.Import):
            yield from (alias.name for alias in inner.names)
        elif isinstance(inner, ast.ImportFrom):
            assert inner.level == 0, f"{path}: relative import"
            module = inner.module or ""
            yield module
            yield from (f"{module}.{alias.name}" for alias in inner.names)


def imported_at_once(path: Path) -> set[str]:
    """What importing the module imports: no functions, nothing for type checkers alone."""
    nodes = [n for n in tree_of(path).body if isinstance(n, (ast.Import, ast.ImportFrom))]
    return {name for node in nodes for name in imported(path, node)}


def within(name: str, allowed: tuple[str, ...]) -> bool:
    return any(name == one or (one and name.startswith(f"{one}.")) for one in allowed)


def modules_of(paths: Iterable[str]) -> set[str]:
    """Return the names below the package of the modules that import paths lead to."""
    found = set()
    for name in paths:
        if name.startswith("spoonful."):
            below = name.removeprefix("spoonful.")
            while below not in NAMES:  # a name inside a module
                below = below.rpartition(".")[0]
            found.add(below)
    return found - {""}


def imported_modules(path: Path) -> set[str]:
    """Return the names below the package of the modules that one imports."""
    return modules_of(imported(path)) - {name_of(path)}


def named_modules(group: str) -> set[str]:
    """Return the names below the package of the modules that the files of conf/<group> name."""
    files = (CONF / group).rglob("*.yaml")
    return modules_of(
        path
        for file in files
        for path in re.findall(r"_target_: *(\S+)", file.read_text(encoding="utf-8"))
    )


def recorded_groups(path: Path) -> set[str]:
    """Return the groups whose recorded component a module makes again."""
    calls = [node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call)]
    return {
        str(call.args[0].value)
        for call in calls
        if getattr(call.func, "id", None) == "recorded_component"
        and isinstance(call.args[0], ast.Constant)
    }
