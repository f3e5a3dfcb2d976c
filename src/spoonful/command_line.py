"""The command line: `spoonful <stage> [--flag] [key=value ...]`."""

import atexit
import contextlib
import gc
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from spoonful import __version__, output, progress, signals
from spoonful.commands import STAGES, Stage
from spoonful.dvc_stage import end_with_dvc
from spoonful.errors import SpoonfulError
from spoonful.refusals import refusal_in
from spoonful.secrets import redacted

USAGE_ERROR = 2
# Commands that only print: their exit code tells whether the output could be written.
_PRINTING = ("summary", "diff", "order")
_NOT_PRINTED = 1


def main(argv: list[str] | None = None) -> None:
    """Run one stage.

    Exits with 2 on bad input and on system errors, such as a full disk; with 130, 143 or 129 on
    Ctrl-C, SIGTERM or SIGHUP. A stage ends with its own exit code, even if its output is not read;
    a command that only prints exits with 1 if the output could not be written.
    """
    arguments = sys.argv[1:] if argv is None else argv
    output.guard()
    signals.install()
    end_with_dvc()
    # Otherwise the interpreter visits every object of TensorFlow and MLflow at its end: 1.8 of 19 s
    # of processor time if they are only imported.
    atexit.register(gc.freeze)
    # TensorFlow's start-up notes and MLflow's telemetry (which looks up an external host) are off
    # unless set by the user; both are read at import.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    try:
        _run(arguments)
        signals.raise_arrived()
    except SpoonfulError as error:
        _exit_with(error)
    except KeyboardInterrupt:
        _say_interrupted()
        sys.exit(signals.INTERRUPTED)
    except signals.Terminated:
        _say_interrupted()
        raise
    except Exception as error:
        _exit_with_words_for(error)
    output.flush()
    if output.lost(1) is not None and (_is_question(arguments) or arguments[0] in _PRINTING):
        sys.exit(_NOT_PRINTED)


def _is_question(arguments: list[str]) -> bool:
    return not arguments or bool({"--help", "-h", "--cfg", "--version"} & set(arguments))


def _say_interrupted() -> None:
    signals.hurry()
    by = signals.arrived() or "SIGINT"
    print(f"spoonful: interrupted{'' if by == 'SIGINT' else f' by {by}'}", file=sys.stderr)


def _exit_with_words_for(error: Exception) -> NoReturn:
    """Exit with one line for a system error or a signal; re-raise a defect."""
    if signals.arrived() is not None:  # an import turned it into another error
        _say_interrupted()
        sys.exit(signals.INTERRUPTED)
    words = refusal_in(error)
    if words is None:
        raise error
    _exit_with(SpoonfulError(words))


def _exit_with(error: SpoonfulError) -> NoReturn:
    print(f"spoonful: {redacted(str(error))}", file=sys.stderr)
    sys.exit(USAGE_ERROR)


def _run(arguments: list[str]) -> None:
    if not arguments or arguments[0] in ("-h", "--help"):
        print(_usage())
        return
    if arguments[0] == "--version":
        print(f"spoonful {__version__}")
        return
    name, rest = arguments[0], arguments[1:]
    if name not in STAGES:
        raise SpoonfulError(f"unknown stage {name!r}: expected one of {', '.join(STAGES)}")
    stage = STAGES[name]
    rest = _with_values(stage, _use_config_dirs(rest))
    flags = {argument for argument in rest if argument.startswith("-")}
    is_question = _is_question(arguments)
    given, overrides = _sorted_out(name, stage, rest, is_question)
    _check_flags(name, stage, flags)
    is_sweep = name == "sweep" or bool(flags & {"--multirun", "-m"})
    activity = "reading the configuration" if is_question else stage.activity
    with progress.told(f"spoonful {name}", activity):
        if is_question and is_sweep:
            from spoonful.config.axes import first_values

            overrides = first_values(overrides)
        if flags & {"--help", "-h"}:
            from spoonful.config.help import stage_help

            print(redacted(stage_help(name, stage, overrides)))
        elif "--cfg" in flags:
            from spoonful.config.compose import composed_yaml

            print(redacted(composed_yaml(overrides)), end="")
        elif is_sweep:
            from spoonful.stages.sweep import sweep

            sweep(overrides)
        else:
            own = (flag.removeprefix("--") for flag in stage.flags if flag in flags)
            _run_with_hydra(name, next(own, "run"), given, overrides)


def _use_config_dirs(words: list[str]) -> list[str]:
    """Take the folders of --config-dir into use; return the other words."""
    from spoonful.config.folders import FLAG, use_folders

    folders, rest, left = [], [], iter(words)
    for word in left:
        flag, has_value, value = word.partition("=")
        if flag != FLAG:
            rest.append(word)
            continue
        folder = value if has_value else next(left, "")
        if not folder:
            raise SpoonfulError(f"{FLAG}: expected a folder of config files after it")
        folders.append(folder)
    use_folders(folders)
    return rest


def _with_values(stage: Stage, words: list[str]) -> list[str]:
    """Return the words with each flag that takes a value replaced by the override of its key."""
    rest, left = [], iter(words)
    for word in left:
        flag, has_value, value = word.partition("=")
        if flag not in stage.values:
            rest.append(word)
            continue
        value = value if has_value else next(left, "")
        if not value:
            raise SpoonfulError(f"{flag}: expected a value after it ({stage.values[flag]})")
        rest.append(f"{stage.values[flag]}={value}")
    return rest


def _sorted_out(
    name: str, stage: Stage, rest: list[str], is_question: bool
) -> tuple[list[str], list[str]]:
    """Return the stage's own arguments, and the overrides."""
    words = [word for word in rest if not word.startswith("-")]
    if stage.takes_folder:
        return _with_folder(name, words)
    if not stage.arguments:
        return [], list(dict.fromkeys(words))
    given = [word for word in words if "=" not in word]
    if len(given) != len(stage.arguments) and not is_question:
        meaning = " and ".join(dict.fromkeys(stage.arguments.values()))
        raise SpoonfulError(
            f"{' '.join([name, *given])}: expected {name} {' '.join(stage.arguments)} ({meaning})"
        )
    return given, list(dict.fromkeys(word for word in words if "=" in word))


def _with_folder(name: str, words: list[str]) -> tuple[list[str], list[str]]:
    """Return the folder on the command line, and the overrides that make it the data set."""
    from spoonful.config.overrides import quoted

    folders = [word for word in words if "=" not in word or Path(word).is_dir()]
    overrides = list(dict.fromkeys(word for word in words if word not in folders))
    if not folders:
        return [], overrides
    chosen = [word for word in overrides if word.startswith(("dataset=", "dataset.path="))]
    if len(folders) > 1 or chosen:
        raise SpoonfulError(
            f"{' '.join([name, *words])}: expected one FOLDER of images, or dataset=..., not both"
        )
    return folders, ["dataset=folder", f"dataset.path={quoted(folders[0])}", *overrides]


def _check_flags(name: str, stage: Stage, flags: set[str]) -> None:
    known = {"--help", "-h", "--cfg", *stage.all_flags}
    known |= {"-m"} if stage.sweeps else set()
    for flag in sorted(flags - known):
        raise SpoonfulError(
            f"{flag}: spoonful {name} takes key=value and "
            f"{', '.join(sorted({*known, '--config-dir'}))}"
        )


def _run_with_hydra(name: str, function: str, given: list[str], overrides: list[str]) -> None:
    """Hand over to Hydra, which composes the config again."""
    import hydra

    from spoonful.config.compose import (
        CONFIG_NAME,
        check_composed,
        compose_config,
        register_resolvers,
        search_path,
    )
    from spoonful.config.overrides import parsed, rewritten
    from spoonful.config.settings import with_absolute_paths
    from spoonful.project import conf_dir, project_root

    compose_config(overrides)  # reports what is wrong, before slow imports
    stage = importlib.import_module(f"spoonful.stages.{name}")
    run: Callable[..., Any] = getattr(stage, function)

    def run_stage(composed: Any) -> None:
        """Check the composed config and run the stage with it."""
        register_resolvers()  # may run in another process than the composition
        try:
            config = with_absolute_paths(check_composed(composed, overrides))
            with contextlib.chdir(project_root()):  # MLflow creates ./mlruns in the current folder
                run(config, *given)
        except SpoonfulError as error:
            # Not re-raised: Hydra would add its own line about the job.
            _exit_with(error)
        except Exception as error:
            _exit_with_words_for(error)

    asked = [rewritten(parsed(text)) for text in overrides]
    sys.argv = [f"spoonful {name}", *asked, *search_path()]
    # Hydra would cut an error's traceback and exit with 1; bad input is caught in main, and
    # anything else is a defect that needs its whole traceback.
    os.environ["HYDRA_FULL_ERROR"] = "1"
    hydra.main(version_base="1.3", config_path=str(conf_dir()), config_name=CONFIG_NAME)(
        run_stage
    )()


def _usage() -> str:
    lines = ["usage: spoonful <stage> [--flag ...] [key=value ...]", "", "stages:"]
    lines += [f"  {name:<9} {stage.summary}" for name, stage in STAGES.items()]
    lines += ["", "`spoonful <stage> --help` explains a stage's keys with their units."]
    lines += ["`spoonful --version` prints the version."]
    return "\n".join(lines)
