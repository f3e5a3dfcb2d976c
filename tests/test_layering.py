import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import CHECKOUT
from tests.imports import (
    MODULES,
    PACKAGE,
    imported,
    imported_at_once,
    imported_modules,
    name_of,
    tree_of,
    within,
)

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50

# From the bottom up: a room, and the rooms that its modules may import.
ARROWS = {
    "commands": "",
    "contact_sheet": "",
    "errors": "",
    "figures": "",
    "output": "",
    "pages": "",
    "progress_bar": "",
    "project": "",
    "refusals": "",
    "secrets": "",
    "signals": "",
    "watched": "",
    "background": "errors",
    "dvc_rwlock": "project",
    "dvc_stage": "watched",
    "files": "errors",
    "order": "errors",
    "fitting.checkpoints": "errors files",
    "progress": "background progress_bar",
    "record": "files order",
    "sources.images": "errors files",
    "sources.remote": "background errors files secrets",
    "compare": "files pages record",
    "evaluation": "figures files pages record",
    "quiet": "progress signals",
    "sources": "errors files order sources.images sources.remote",
    "sources.packed": "background errors files order sources sources.remote",
    "config": "commands errors files order project quiet record",
    "crops": "config errors order sources.images",
    "generator": ("background errors order sources sources.images sources.packed sources.remote"),
    "packing": "config errors files order sources sources.packed",
    "datasets": "config errors files order progress project sources sources.images",
    "diff": "config record",
    "models": "config errors",
    "optimizers": "config errors",
    "tasks": "config errors evaluation record sources",
    "fitting": (
        "config errors files fitting.checkpoints generator models optimizers order progress record "
        "sources sources.packed tasks"
    ),
    "splitting": "datasets errors files progress sources sources.images",
    "inspection": (
        "config datasets errors files pages progress project sources sources.images splitting"
    ),
    "tracking": (
        "compare config diff errors figures files project quiet record refusals secrets watched"
    ),
    "": "crops errors fitting generator packing sources sources.packed sources.remote",
    "workflow": (
        "config diff errors figures files fitting fitting.checkpoints generator models output "
        "progress project quiet record refusals secrets sources sources.packed sources.remote "
        "tracking"
    ),
    "sweep": (
        "compare config errors files output progress project quiet refusals secrets signals "
        "tracking watched workflow"
    ),
    "stages": (
        "compare config contact_sheet datasets diff errors evaluation files fitting generator "
        "inspection output packing progress project quiet record secrets sources sources.packed "
        "splitting sweep tracking workflow"
    ),
    "command_line": (
        "commands config dvc_stage errors output progress project refusals secrets signals stages"
    ),
    "__main__": "command_line",
}
COMMANDS = ("stages", "workflow", "sweep")  # start without what is slow
# What conf/ names with `_target_`: it is imported to check a config.
COMPONENTS = ("models", "optimizers", "tasks", "datasets", "packing", "crops")
BUILDERS = ("models.build", "optimizers.build")  # imported once training begins
# Top-level packages, and the only modules of ours that may import them.
ONLY_IN = {
    "mlflow": ("tracking",),
    "dvc": ("tracking", "datasets.links", "dvc_rwlock"),
    "keras": (
        "stages.evaluate",
        "fitting",
        "models",
        "optimizers",
        "tasks",
        "generator",
        "workflow.trained_model",
        "quiet",
    ),
    "tensorflow": ("fitting", "quiet", "tracking.environment"),
    "hydra": ("command_line", "config", "workflow.job"),
    "omegaconf": ("config", "workflow.training", "workflow.train_record"),
    "matplotlib": (
        "contact_sheet",
        "figures",
        "evaluation.judgement",
        "evaluation.report",
        "compare",
        "tracking",
    ),
    "optuna": ("sweep.search", "sweep.study"),
    "scipy": ("compare.significance", "inspection.copies", "splitting.search"),
    "diskcache": ("inspection.decoded",),
    "imagehash": ("inspection.measure",),
    "sklearn": (
        "tasks.classification",
        "evaluation.classification",
        "evaluation.multilabel",
        "splitting.exact",
    ),
    "xxhash": ("generator.chunks", "fitting.model_state", "record.ledger"),
    "ml_dtypes": ("fitting.checkpoints.checkpoint",),
    "pydantic": ("files.documents",),
    "jinja2": ("pages",),
    "filelock": ("files.lock",),
    "fsspec": ("sources.remote.store",),
    "tenacity": ("sources.remote.store",),
}


def room_of(name: str) -> str:
    """The room that a module is in: the longest name that it lies below."""
    return max((room for room in ARROWS if within(name, (room,))), key=len)


def arrows_of(path: Path) -> set[str]:
    """The rooms that a module imports from, without its own."""
    return {room_of(name) for name in imported_modules(path)} - {room_of(name_of(path))}


def test_a_module_imports_from_the_rooms_that_its_own_lists() -> None:
    others = {
        name_of(path): arrows_of(path) - set(ARROWS[room_of(name_of(path))].split())
        for path in MODULES
    }
    assert not {name: rooms for name, rooms in others.items() if rooms}


def test_every_listed_arrow_is_used_and_none_runs_upwards() -> None:
    used: dict[str, set[str]] = {room: set() for room in ARROWS}
    for path in MODULES:
        used[room_of(name_of(path))] |= arrows_of(path)
    for room, listed in ARROWS.items():
        assert set(listed.split()) <= used[room], room
    rooms = list(ARROWS)
    for room, listed in ARROWS.items():
        for other in listed.split():
            assert rooms.index(other) < rooms.index(room), f"{room} imports from {other}"


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


def test_only_one_module_touches_what_is_private_in_mlflow() -> None:
    public = {
        f"mlflow.{name}" for name in ("entities", "exceptions", "keras", "models", "tracking")
    }
    for path in MODULES:
        if not within(name_of(path), ("tracking",)) or name_of(path) == "tracking.mlflow_private":
            continue
        for name in imported(path):
            if within(name, ("mlflow",)) and name != "mlflow":
                assert name in public or name.rpartition(".")[0] in public, (path, name)
                assert "._" not in name, (path, name)
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Attribute) and re.match("_[^_]", node.attr):
                owner = ast.unparse(node.value)
                assert owner in ("self", "cls"), f"{path}: {owner}.{node.attr}"
            if isinstance(node, ast.ClassDef):  # its self has MLflow's private attributes
                assert not any("lflow" in ast.unparse(base) for base in node.bases), path


def test_order_and_sources_know_neither_keras_nor_hydra() -> None:
    outside = {"numpy", "cv2", "deflate", "PIL", "pyarrow", "simplejpeg"}
    outside |= {"imagecodecs", "tifffile", "fsspec", "tenacity"}
    for path in MODULES:
        if within(name_of(path), ("order", "sources", "errors")):
            top = {name.split(".")[0] for name in imported(path)}
            assert top - set(sys.stdlib_module_names) - {"spoonful"} <= outside


def test_checkpoints_and_the_ledger_know_neither_keras_nor_hydra() -> None:
    for path in MODULES:
        if within(name_of(path), ("fitting.checkpoints", "record.ledger")):
            top = {name.split(".")[0] for name in imported(path)}
            outside = top - set(sys.stdlib_module_names) - {"spoonful"}
            assert outside <= {"numpy", "ml_dtypes", "xxhash"}


def test_stages_import_what_is_slow_only_when_they_run() -> None:
    slow = {"keras", "tensorflow", "mlflow", "dvc", "matplotlib", "sklearn"}
    slow_modules = (
        "fitting",
        *BUILDERS,
        "generator",
        "tracking.run",
        "tracking.finding",
        "contact_sheet",
        "figures",
    )
    quick = (*COMMANDS, *COMPONENTS, "config", "command_line", "order", "sources")
    for path in MODULES:
        if within(name_of(path), quick) and not within(name_of(path), BUILDERS):
            for name in imported_at_once(path):
                assert name.split(".")[0] not in slow, f"{name_of(path)}: {name}"
                below = name.removeprefix("spoonful.")
                assert not within(below, slow_modules) or within(below, ("fitting.checkpoints",))


def test_fitting_knows_nothing_of_hydra_mlflow_or_dvc() -> None:
    pure = ("fitting", *COMPONENTS, "generator", "evaluation", "diff", "compare")
    for path in MODULES:
        if within(name_of(path), pure):
            top = {name.split(".")[0] for name in imported(path)}
            of_dvc = {"dvc"} if not within(name_of(path), ONLY_IN["dvc"]) else set()
            assert not top & ({"hydra", "omegaconf", "mlflow"} | of_dvc)


def test_files_and_functions_stay_short() -> None:
    long = {}
    for path in MODULES:
        num_lines = len(path.read_text(encoding="utf-8").splitlines())
        if num_lines > MAX_FILE_LINES:
            long[name_of(path)] = num_lines
        for node in ast.walk(tree_of(path)):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > MAX_FUNCTION_LINES:
                    long[f"{name_of(path)}.{node.name}"] = length
    assert not long


def test_checks_are_no_assert_statements_which_python_can_leave_out() -> None:
    found = [
        f"{name_of(path)}, line {node.lineno}"
        for path in MODULES
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.Assert)
    ]
    assert not found


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = ("util", "helper", "common", "misc", "base", "legacy", "old", "new", "core")
    for path in MODULES:
        for part in name_of(path).split("."):
            assert part.rstrip("s") not in drawers, path


def test_the_command_line_and_the_configs_import_nothing_slow() -> None:
    code = (
        "import sys\n"
        "import spoonful, spoonful.command_line, spoonful.config.compose, spoonful.config.help\n"
        "import spoonful.config.settings\n"
        "slow = ('tensorflow', 'keras', 'mlflow', 'dvc', 'sklearn', 'matplotlib')\n"
        "print([name for name in slow if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.slow
def test_checking_any_choice_of_conf_imports_nothing_slow() -> None:
    code = (
        "import sys\n"
        "from spoonful.config.compose import compose_config\n"
        "from spoonful.config.folders import choices\n"
        "from spoonful.config.schema import GROUPS\n"
        "for group in (*GROUPS, 'optimizer/schedule', 'experiment', 'debug'):\n"
        "    for name in choices(group):\n"
        "        compose_config([f'{group}={name}'])\n"
        "slow = ('tensorflow', 'keras', 'mlflow', 'dvc', 'sklearn', 'matplotlib')\n"
        "print([name for name in slow if name in sys.modules])\n"
    )
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_stages_import_no_framework_before_they_run() -> None:
    paths = [path for path in MODULES if within(name_of(path), COMMANDS)]
    paths.remove(PACKAGE / "sweep" / "preload.py")  # imported by the server of a sweep's processes
    stages = ", ".join(f"spoonful.{name_of(path)}" for path in paths)
    code = (
        f"import sys, {stages}\n"
        "slow = ('tensorflow', 'keras', 'mlflow', 'dvc', 'sklearn')\n"
        "print([name for name in slow if name in sys.modules])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
