"""The user's own code that a config names: part of what determines a run's bits."""

import hashlib
import sys
import sysconfig
from pathlib import Path
from types import ModuleType

from spoonful.config.components import components_of
from spoonful.config.schema import Config
from spoonful.config.settings import path_of
from spoonful.config.targets import OWN, found, is_foreign, target_of
from spoonful.errors import SpoonfulError

_INSTALLED = tuple(
    Path(sysconfig.get_path(name)) for name in ("stdlib", "platstdlib", "purelib", "platlib")
)


def foreign_code(config: Config) -> dict[str, str]:
    """Return the SHA-256 of each file of the user's code, by the name of its module.

    These are the modules that hold a component, and those from the same folder that they import.
    Of an installed package, it is the module alone: the version of the package is recorded, too.

    Raises:
        SpoonfulError: a file cannot be read.
    """
    named = {_module_of(component) for component, _ in components_of(config)} - {None}
    modules: dict[str, Path] = {}
    for name in sorted(filter(None, named)):
        modules |= _related(name)
    return {name: _sha256(path) for name, path in sorted(modules.items())}


def _module_of(component: object) -> str | None:
    """Return the module that a component of the user's is defined in; None: it is not theirs."""
    path = path_of(component)
    target = target_of(component)
    if not is_foreign(path):
        return None
    function = found(path, "config") if target is None else target.function
    return str(getattr(function, "__module__", path.rpartition(".")[0]))


def _related(name: str) -> dict[str, Path]:
    """Return a module's file, and those of the user's other modules that are loaded beside it."""
    own = _file_of(sys.modules.get(name))
    if own is None:  # built in
        return {}
    if _is_installed(own):
        return {name: own}
    root = own.parents[name.count(".") + (own.name == "__init__.py")]
    return {
        one: path
        for one, module in list(sys.modules.items())
        if one.split(".")[0] not in (OWN, "__main__")
        and (path := _file_of(module)) is not None
        and path.suffix == ".py"
        and path.is_relative_to(root)
        and not _is_installed(path)
    }


def _file_of(module: ModuleType | None) -> Path | None:
    file = getattr(module, "__file__", None)
    return None if file is None else Path(file).resolve()


def _is_installed(path: Path) -> bool:
    is_below = any(path.is_relative_to(folder) for folder in _INSTALLED)
    return is_below or not {"site-packages", "dist-packages"}.isdisjoint(path.parts)


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise SpoonfulError(
            f"{path}: cannot be read ({error.strerror}), but the config names code in it"
        ) from error
