"""What a `_target_` names: find it, check its arguments, call it; each error is one line."""

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import re
import sys
import traceback
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from spoonful.config.fields import shortened
from spoonful.errors import SpoonfulError
from spoonful.quiet import importing

TARGET = "_target_"
OWN = "spoonful"
# Packages that take seconds to import: their targets are looked up when training begins.
_SLOW = ("keras", "tensorflow", "torch", "jax")
_PATH = re.compile(r"[^\W\d]\w*(\.[^\W\d]\w*)+")


@dataclass(frozen=True)
class Target:
    """A callable and its arguments.

    Attributes:
        path: its import path, such as "keras.optimizers.Lion".
        arguments: its arguments by name.
        where: the config key that names it, for messages.
    """

    path: str
    arguments: dict[str, Any]
    where: str

    @cached_property
    def function(self) -> Callable[..., Any]:
        """What the path names, imported.

        Raises:
            SpoonfulError: there is no such module or name, or importing it fails.
        """
        return found(self.path, self.where)

    def check(self, offered: Iterable[str] = (), num_given: int = 0) -> None:
        """Check that the callable takes the arguments, and needs no others.

        Args:
            offered: names of the arguments that the program passes.
            num_given: number of arguments that it passes to a function, but not to a class.

        Raises:
            SpoonfulError: names the argument, and those that exist.
        """
        known = _parameters(self.function)
        if known is None:
            return
        takes_any = any(p.kind is p.VAR_KEYWORD for p in known.values())
        names = [n for n, p in known.items() if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)]
        needed = [n for n in names if known[n].default is inspect.Parameter.empty]
        if not inspect.isclass(self.function):
            by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
            first = [n for n, p in known.items() if p.kind in by_place and p.default is p.empty]
            names = [name for name in names if name not in first[:num_given]]
        for name in self.arguments:
            if name not in names and not takes_any:
                raise SpoonfulError(self._unknown(name, [n for n in names if n not in offered]))
        for name in names:
            if name in needed and name not in self.arguments and name not in offered:
                raise SpoonfulError(
                    f"{self.where}.{name}: the key is missing: {self.path} needs it; give "
                    f"{self.where}.{name}=<value>"
                )

    def takes(self, name: str) -> bool:
        """Return whether the callable has a parameter of this name, or takes any."""
        known = _parameters(self.function)
        return (
            known is None
            or name in known
            or any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
        )

    def first_needed(self) -> str | None:
        """Return the first parameter without a default that is not among the arguments."""
        for name, parameter in (_parameters(self.function) or {}).items():
            is_needed = parameter.default is parameter.empty
            is_named = parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
            if is_needed and is_named and name not in self.arguments:
                return name
        return None

    def __call__(self, *given: Any, **offered: Any) -> Any:
        """Call it with its arguments, and those of the offered ones that it takes.

        Raises:
            SpoonfulError: it failed; says where and why.
        """
        known = {name: value for name, value in offered.items() if self.takes(name)}
        return self.tried(lambda: self.function(*given, **{**known, **self.arguments}))

    def tried(self, call: Callable[[], Any]) -> Any:
        """Return the result of a call into the target's code.

        Raises:
            SpoonfulError: the call failed; one line with the place in the code.
        """
        try:
            return call()
        except SpoonfulError:
            raise
        except Exception as error:
            shown = shortened(self.arguments)
            raise SpoonfulError(
                f"{self.where}: {self.path} failed with {shown}: {reason_of(error)}"
            ) from error

    def _unknown(self, name: str, names: list[str]) -> str:
        close = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean {self.where}.{close[0]}? " if close else ""
        return (
            f"unknown key {self.where}.{name}: {hint}{self.path} takes "
            f"{', '.join(names) or 'no arguments'}"
        )


def target_of(component: Any) -> Target | None:
    """Return the target of a component that is not itself a dataclass; None: it is."""
    target = component if isinstance(component, Target) else getattr(component, "target", None)
    return target if isinstance(target, Target) else None


def is_slow(path: str) -> bool:
    """Return whether importing a target takes seconds."""
    return path.split(".", 1)[0] in _SLOW


def is_foreign(path: str) -> bool:
    """Return whether a target is neither ours nor Keras'."""
    return path.split(".", 1)[0] not in (OWN, *_SLOW)


def check_path(path: Any, where: str) -> str:
    """Return the import path that a config gives.

    Raises:
        SpoonfulError: it is not an import path.
    """
    if not isinstance(path, str) or not _PATH.fullmatch(path):
        raise SpoonfulError(
            f"{where}.{TARGET}={path}: expected the import path of a class or function, such as "
            "my_module.MyClass"
        )
    return path


def found(path: str, where: str) -> Callable[..., Any]:
    """Import what a path names.

    Raises:
        SpoonfulError: no such module or name, importing it fails, or it cannot be called.
    """
    asked = f"{where}.{TARGET}={path}"
    try:
        thing = _imported(path)
    except (Exception, SystemExit) as error:  # such as a script that ends with sys.exit()
        if isinstance(error, SystemExit) and type(error) is not SystemExit:  # a signal's
            raise
        raise SpoonfulError(f"{asked}: {_why_not(path, error)}") from error
    if not callable(thing):
        raise SpoonfulError(f"{asked}: expected a class or function, found {shortened(thing)}")
    return thing  # type: ignore[no-any-return]


def _imported(path: str) -> Any:
    if not is_foreign(path) or path.split(".")[0] in sys.modules:
        return pkgutil.resolve_name(path)
    with importing(f"importing {path.split('.')[0]}"):  # it may import TensorFlow
        return pkgutil.resolve_name(path)


def look_in(folders: Iterable[Path]) -> None:
    """Let targets be imported from folders, after all installed packages."""
    for folder in map(str, folders):
        if folder not in sys.path:
            sys.path.append(folder)
    importlib.invalidate_caches()


def reason_of(error: BaseException) -> str:
    """Return an error in one line, with the file and line of the code that raised it."""
    words = " ".join(str(error).split()) or "no reason given"
    frames = traceback.extract_tb(error.__traceback__)
    theirs = [frame for frame in frames if _is_of_the_user(frame.filename)]
    place = f"{Path(theirs[-1].filename).name}, line {theirs[-1].lineno}: " if theirs else ""
    return shortened(f"{place}{type(error).__name__}: {words}")


def _is_of_the_user(filename: str) -> bool:
    path, packages = Path(filename), {"site-packages", "dist-packages"}
    not_theirs = (Path(__file__).parents[1], Path(inspect.__file__).parent)
    is_code = "<" not in filename and packages.isdisjoint(path.parts)
    return is_code and not any(path.is_relative_to(folder) for folder in not_theirs)


def _why_not(path: str, error: BaseException) -> str:
    """Say why a path cannot be imported."""
    if not isinstance(error, (ImportError, AttributeError)):
        return f"importing it failed ({reason_of(error)})"
    parts = path.split(".")
    module = None
    for count in range(1, len(parts)):
        name = ".".join(parts[:count])
        try:
            module = importlib.import_module(name)
        except Exception as failed:
            is_missing = isinstance(failed, ModuleNotFoundError) and failed.name == name
            if not is_missing:
                return f"importing {name} failed ({reason_of(failed)})"
            if module is None:
                return (
                    f"there is no module {name}; expected one in the folder where the command is "
                    "typed, in the folder of --config-dir, or an installed one"
                )
            break
    return _no_such_name(module, parts)


def _no_such_name(module: Any, parts: list[str]) -> str:
    place, holder = module.__name__, module
    missing, *rest = parts[place.count(".") + 1 :]
    while rest and hasattr(holder, missing):  # a class in a class
        place, holder = f"{place}.{missing}", getattr(holder, missing)
        missing, *rest = rest
    names = [name for name in dir(holder) if not name.startswith("_")]
    names += [info.name for info in pkgutil.iter_modules(getattr(holder, "__path__", []))]
    close = difflib.get_close_matches(missing, names, n=1)
    hint = f"; did you mean {'.'.join([place, close[0], *rest])}?" if close else ""
    return f"{place} has no {missing}{hint}"


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter] | None:
    """Return the parameters of a callable by name; None: they are not known."""
    try:
        return dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):  # of some extension modules
        return None
