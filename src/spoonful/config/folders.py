"""The folders that hold config files: conf/, and those given with --config-dir."""

import os
from pathlib import Path

from spoonful.config.targets import look_in
from spoonful.errors import SpoonfulError
from spoonful.project import conf_dir

# Inherited by the processes of a sweep.
CONFIG_DIR_VARIABLE = "SPOONFUL_CONFIG_DIR"
FLAG = "--config-dir"


def use_folders(folders: list[str]) -> None:
    """Let Hydra find config files in folders besides conf/, and Python modules beside them.

    Modules are looked up in the current folder, in each folder, and in the folder it lies in.

    Args:
        folders: as typed; the environment variable SPOONFUL_CONFIG_DIR gives others.
    """
    given = [*map(Path, folders), *config_folders()]
    paths = list(dict.fromkeys(folder.expanduser().resolve() for folder in given))
    for path in paths:
        if not path.is_dir():
            raise SpoonfulError(f"{FLAG} {path}: no such folder")
    if paths:
        os.environ[CONFIG_DIR_VARIABLE] = os.pathsep.join(map(str, paths))
    places = [place for path in paths for place in (path, path.parent)]
    look_in([Path.cwd(), *places])


def config_folders() -> list[Path]:
    """Return the user's own folders of config files."""
    given = os.environ.get(CONFIG_DIR_VARIABLE, "").split(os.pathsep)
    return [Path(folder) for folder in given if folder]


def typed_flags() -> list[str]:
    """Return the flags that give the same folders, for a command to type."""
    return [word for folder in config_folders() for word in (FLAG, str(folder))]


def choices(group: str) -> list[str]:
    """Return the names of the files of a group, such as "optimizer/schedule"."""
    folders = (conf_dir(), *config_folders())
    return sorted({path.stem for folder in folders for path in (folder / group).glob("*.yaml")})


def check_folders() -> None:
    """Check that conf/ is there, and that no file of the user's has a name of one in it.

    Raises:
        SpoonfulError: conf/ is missing, or Hydra would pass over a file of the user's.
    """
    if not (conf_dir() / "config.yaml").is_file():
        raise SpoonfulError(
            f"{conf_dir() / 'config.yaml'} is missing: run spoonful inside a checkout"
        )
    taken: dict[Path, Path] = {}
    for folder in config_folders():
        for path in sorted(folder.rglob("*.yaml")):
            below = path.relative_to(folder)
            other = taken.setdefault(below, folder)
            if (conf_dir() / below).is_file() or other != folder:
                where = conf_dir() if (conf_dir() / below).is_file() else other
                raise SpoonfulError(
                    f"{path}: {where} has a file {below}, too, and Hydra would read that one: "
                    "rename yours"
                )
