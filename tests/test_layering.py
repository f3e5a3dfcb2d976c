import ast
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

SRC = Path(__file__).resolve().parents[1] / "src"
PACKAGE = SRC / "spoonful"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50

# From the bottom up: a module imports from its own layer and those below alone.
LAYERS = [
    (
        "background",
        "errors",
        "output",
        "progress_bar",
        "refusals",
        "secrets",
        "signals",
        "unfinished",
        "watched",
    ),
    ("dvc_stage", "progress", "quiet"),
    ("checked_json", "documents", "files", "project", "tables"),
    ("order", "sources"),
    ("checkpoints", "ledger"),
    ("config",),
    ("datasets", "splitting", "packing", "models", "figures", "comparison", "study"),
    ("generator", "evaluation", "tracking"),
    ("fitting",),
    ("dvc_rwlock", "stages", "sweep_preload"),
    ("__main__", ""),
]
# Top-level packages, and the only modules of ours that may import them.
ONLY_IN = {
    "mlflow": ("tracking",),
    "dvc": ("tracking", "datasets.links", "dvc_rwlock"),
    "keras": ("stages.evaluate", "fitting", "models", "generator", "stages.trained_model", "quiet"),
    "tensorflow": ("fitting", "quiet", "tracking.environment"),
    "hydra": ("__main__", "config", "stages.job"),
    "omegaconf": ("config", "stages.train", "stages.train_record"),
    "matplotlib": ("figures", "evaluation.report", "study", "tracking"),
    "optuna": ("stages.sweep_search", "stages.sweep_study"),
    "scipy": ("study.significance",),
    "sklearn": ("fitting.fit", "evaluation.scores", "splitting"),
    "xxhash": ("generator.step_digest", "fitting.resumable", "ledger"),
    "ml_dtypes": ("checkpoints.checkpoint",),
    "pydantic": ("documents",),
}


def name_of(path: Path) -> str:
    """The dotted name below the package; empty for the package itself."""
    parts = path.relative_to(PACKAGE).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


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
    return any(name == one or name.startswith(f"{one}.") for one in allowed if one) or (
        name == "" and "" in allowed
    )


def layer_of(name: str) -> int:
    return next(place for place, layer in enumerate(LAYERS) if within(name, layer))


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_run_one_way(path: Path) -> None:
    own = layer_of(name_of(path))
    for name in imported(path):
        if name.split(".")[0] == "spoonful" and name != "spoonful":
            target = name.removeprefix("spoonful.")
            assert layer_of(target) <= own, f"{name_of(path)} imports {name}"


@pytest.mark.parametrize("package", ONLY_IN)
def test_a_library_is_imported_where_it_belongs_and_nowhere_else(package: str) -> None:
    users = {
        name_of(path)
        for path in MODULES
        if any(name.split(".")[0] == package for name in imported(path))
    }
    assert not {user for user in users if not within(user, ONLY_IN[package])}
    unused = {one for one in ONLY_IN[package] if not any(within(user, (one,)) for user in users)}
    assert not unused, f"{package} is no longer imported in {unused}"


def test_order_and_sources_know_neither_keras_nor_hydra() -> None:
    outside = {"numpy", "cv2", "deflate", "PIL", "pyarrow", "simplejpeg"}
    outside |= {"imagecodecs", "tifffile"}
    for path in MODULES:
        if within(name_of(path), ("order", "sources", "errors")):
            top = {name.split(".")[0] for name in imported(path)}
            assert top - set(sys.stdlib_module_names) - {"spoonful"} <= outside


def test_checkpoints_and_the_ledger_know_neither_keras_nor_hydra() -> None:
    for path in MODULES:
        if within(name_of(path), ("checkpoints", "ledger")):
            top = {name.split(".")[0] for name in imported(path)}
            outside = top - set(sys.stdlib_module_names) - {"spoonful"}
            assert outside <= {"numpy", "ml_dtypes", "xxhash"}


def test_stages_import_what_is_slow_only_when_they_run() -> None:
    slow = {"keras", "tensorflow", "mlflow", "dvc", "matplotlib", "sklearn"}
    slow_modules = ("fitting", "models", "generator", "stream", "tracking.run", "figures")
    for path in MODULES:
        if within(name_of(path), ("stages", "config", "__main__", "order", "sources")):
            for name in imported_at_once(path):
                assert name.split(".")[0] not in slow, f"{name_of(path)}: {name}"
                assert not within(name.removeprefix("spoonful."), slow_modules)


def test_fitting_knows_nothing_of_hydra_mlflow_or_dvc() -> None:
    pure = ("fitting", "models", "generator", "evaluation", "comparison", "study")
    for path in MODULES:
        if within(name_of(path), pure):
            top = {name.split(".")[0] for name in imported(path)}
            assert not top & {"hydra", "omegaconf", "mlflow", "dvc"}


def test_every_module_has_a_layer_and_every_layer_a_module() -> None:
    names = [name_of(path) for path in MODULES]
    for name in names:
        layer_of(name)
    for layer in LAYERS:
        for one in layer:
            assert any(within(name, (one,)) for name in names), one


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_files_and_functions_stay_short(path: Path) -> None:
    assert len(path.read_text(encoding="utf-8").splitlines()) <= MAX_FILE_LINES
    for node in ast.walk(tree_of(path)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= MAX_FUNCTION_LINES, f"{path.name}: {node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_checks_are_no_assert_statements_which_python_can_leave_out(path: Path) -> None:
    lines = [node.lineno for node in ast.walk(tree_of(path)) if isinstance(node, ast.Assert)]
    assert not lines, f"{path}: assert in lines {lines}"


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = ("util", "helper", "common", "misc", "base", "legacy", "old", "new", "core")
    for path in MODULES:
        for part in name_of(path).split("."):
            assert part.rstrip("s") not in drawers, path


def test_the_command_line_and_the_configs_import_nothing_slow() -> None:
    code = (
        "import sys\n"
        "import spoonful, spoonful.__main__, spoonful.config.compose, spoonful.config.help\n"
        "import spoonful.config.settings\n"
        "slow = ('tensorflow', 'keras', 'mlflow', 'dvc', 'sklearn', 'matplotlib')\n"
        "print([name for name in slow if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_stages_import_no_framework_before_they_run() -> None:
    stages = ", ".join(f"spoonful.{name_of(path)}" for path in (PACKAGE / "stages").glob("*.py"))
    code = (
        f"import sys, {stages}\n"
        "slow = ('tensorflow', 'keras', 'mlflow', 'dvc', 'sklearn')\n"
        "print([name for name in slow if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
