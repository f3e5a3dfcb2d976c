"""The command `spoonful`, where what it needs may not be installed."""

import importlib.util
import sys

# One name each of what the extra `pipeline` installs.
_NEEDED = ("dvc", "hydra", "jinja2", "matplotlib", "mlflow", "psutil", "scipy", "sklearn", "tqdm")
_USAGE_ERROR = 2


def main() -> None:
    """Run the command line, or say in one line what it needs."""
    missing = [name for name in _NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        print(
            f"spoonful: the command line needs {', '.join(missing)}, which the library does not: "
            "install spoonful[pipeline]",
            file=sys.stderr,
        )
        sys.exit(_USAGE_ERROR)
    from spoonful.command_line import main as run

    run()


if __name__ == "__main__":
    main()
